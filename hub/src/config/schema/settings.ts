/** `spec` of Settings: what holds for the whole repo. */
import { endpointFields } from './endpoint.ts'
import { glob, metadata } from './scalars.ts'
import { watchFields } from './watch.ts'
import { fields, listOf, optional } from './zod.ts'

export const settingsSpec = fields(
  {
    ignoreNamespaces: optional(
      listOf(glob({ description: 'Name or glob.', examples: ['kube-system'] }), {
        description: 'Namespaces that are never reported. A watch that names one is an error.',
      }),
    ),
    attach: optional(metadata({ description: 'Metadata on every request of every endpoint.', examples: [{ company: 'acme' }] })),
    defaults: optional(
      fields(
        { endpoint: optional(endpointFields), watch: optional(watchFields) },
        { description: 'Put under every Endpoint and Watch: lists replace, maps merge.' },
      ),
    ),
  },
  { description: 'What holds for the whole repo; at most one.' },
)
