/** `spec` of a Watch. Every field of the design is here; `compile` refuses those that this version cannot do yet. */
import { watchDefaults as defaults } from '../defaults.ts'
import { formatDuration } from '../units.ts'
import { clusterChoice } from './cluster.ts'
import { duration, glob, labelSelector, metadata, name, objectPath, resource, when } from './scalars.ts'
import { fields, flag, listOf, oneOf, optional, Refused, reading, type Schema } from './zod.ts'

const minute = 60_000
const year = 365 * 24 * 60 * 60 * 1_000

const resources = listOf(resource({ description: 'A kind.' }), {
  description: 'Kinds by plural name: services, deployments.apps, widgets.example.com/v1. Any kind that the cluster serves.',
  nonEmpty: true,
})

const globs = (description: string) => listOf(glob({ description: 'Name or glob.' }), { description })
const paths = (description: string) =>
  listOf(objectPath({ description: 'A path.', examples: ['status.conditions', "metadata.annotations['example.com/noise']"] }), {
    description,
  })

const shape = {
  clusters: optional(
    clusterChoice({ description: 'The clusters to watch. Absent = all; with names and selector both have to hold.' }),
  ),
  namespaces: optional(
    fields(
      {
        include: optional(globs('Only these; empty = all.')),
        exclude: optional(globs('Never these.')),
        selector: optional(labelSelector({ description: "Over the namespaces' own labels." })),
      },
      { description: 'Namespaces of the objects. An error on cluster-scoped kinds; namespaces match by their own name.' },
    ),
  ),
  labelSelector: optional(labelSelector({ description: "Over the objects' labels.", examples: ['app,tier!=cache'] })),
  events: optional(
    listOf(oneOf(['created', 'updated', 'deleted'], { description: 'A type of event.' }), {
      description: 'What is delivered; matching and the inventory do not depend on it.',
      default: defaults.events,
      nonEmpty: true,
    }),
  ),
  when: optional(
    when({
      description: 'CEL over `object` and `cluster`: objects for which it is true match. A missing key is no match.',
      examples: ['object.spec.type == "LoadBalancer" && has(object.status.loadBalancer.ingress)'],
    }),
  ),
  fields: optional(
    fields(
      { keep: optional(paths('Only these; empty = everything.')), prune: optional(paths('Not these.')) },
      { description: 'What of the object leaves the cluster.' },
    ),
  ),
  initial: optional(
    oneOf(['send', 'skip'], {
      description: 'send | skip the objects that exist when an endpoint begins to hear this watch.',
      default: defaults.initial,
    }),
  ),
  resync: optional(
    reading(
      duration(0, year, {
        description: 'Send the current state again this often: 1m or longer; 0s = never.',
        default: '0s',
        examples: ['12h'],
      }),
      (ms) => {
        if (ms > 0 && ms < minute) throw new Refused(`expected 0s (never) or a duration from 1m, got ${formatDuration(ms)}`)
        return ms
      },
    ),
  ),
  includeSecretData: optional(flag({ description: 'true: the data of Kubernetes Secrets is not removed.', default: false })),
  attach: optional(metadata({ description: 'Metadata on every event of this watch.', examples: [{ assetId: 'svc' }] })),
  endpoints: optional(
    listOf(name({ description: 'Name of an Endpoint.' }), {
      description:
        'Who is told. Has to be said here or in the defaults; [] = matches are counted and can be looked at, nothing is sent.',
    }),
  ),
  paused: optional(flag({ description: 'true: as if this watch did not exist; nothing is reported deleted.', default: false })),
} as const satisfies Readonly<Record<string, Schema>>

export const watchSpec = fields(
  { resources, ...shape },
  { description: 'Which objects in which clusters, and who is told of them.' },
)
/** All but the kinds. */
export const watchFields = fields(shape, {
  description: 'What watches have where their manifest says nothing. Lists replace, maps merge.',
})
