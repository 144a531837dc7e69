/** `spec` of a Cluster, and how other manifests choose clusters. */
import { glob, labelSelector, metadata } from './scalars.ts'
import { type About, fields, flag, listOf, optional } from './zod.ts'

export const clusterSpec = fields(
  {
    attach: optional(
      metadata({ description: 'Metadata on every event of this cluster.', examples: [{ platform: 'baremetal' }] }),
    ),
    paused: optional(
      flag({
        description: 'true: streams stop and nothing is reported; the inventory stays. Resuming compares.',
        default: false,
      }),
    ),
  },
  { description: 'A cluster whose agent may join. A name that is not declared cannot.' },
)

export const clusterChoice = (of: About) =>
  fields(
    {
      names: optional(
        listOf(glob({ description: 'Name or glob.', examples: ['prod-*'] }), {
          description: 'Names of clusters; globs have * and ?.',
        }),
      ),
      selector: optional(labelSelector({ description: 'Over the labels of the Cluster manifests.', examples: ['env=prod'] })),
    },
    of,
  )
