/** `watch-hub trace`: the way of an event from its change to each endpoint. Exit code 1 when nothing is known of it. */
import { trace as decoder } from '../http/wire-trace.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { optional, output, UsageError } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { namespaceFlag, objectAddress } from './object-address.ts'
import { json } from './output.ts'
import { traceText } from './trace-text.ts'
import { text, whole } from './values.ts'

export const trace = command({
  name: 'trace',
  about:
    "what became of an event: when it was seen and stored, who is told, every attempt, where it waits now; from the hub's own records",
  args: [
    [
      '<event-id or kind/name>',
      'the id of an event, a request (webhook-id) or a dead letter; or an object as kubectl takes it: service/shop',
    ],
    ['[name]', 'its name, where the kind stands alone: service shop'],
  ],
  flags: {
    namespace: namespaceFlag,
    cluster: optional('--cluster <name>', { about: 'the cluster that the object is in; required with an object', parse: text }),
    endpoint: optional('--endpoint <name>', { about: 'only what this endpoint is told', parse: text }),
    limit: optional('--limit <count>', {
      about: "how many of the object's events, newest first (default: 1)",
      parse: whole(1, 50),
    }),
    output: output('json'),
    ...hubFlags,
  },
  notes: [
    'No tracing backend and no agent is asked. The trace id is the one to look for in a tracing backend, where there is one.',
    'Events are known for a day after every endpoint has passed them, requests for 3 days.',
    'Times are UTC. Those of the API server and the agent are by their own clocks.',
    'Exit code 0: found. 1: nothing is known of it. 2: used wrongly.',
  ].join('\n'),
  run: async (io, { namespace, cluster, endpoint, limit, output, ...where }, args) => {
    const path = pathOf(args, { namespace, cluster, endpoint, limit })
    const hub = await connectHub(io, where)
    const found = await hub.get(path, decoder)
    if (output === 'json') io.out(json(found))
    else for (const line of traceText(found, Date.now())) io.out(line)
  },
})

interface Given {
  readonly namespace: string | undefined
  readonly cluster: string | undefined
  readonly endpoint: string | undefined
  readonly limit: number | undefined
}

/** Throws UsageError. */
function pathOf(args: readonly string[], { namespace, cluster, endpoint, limit }: Given): string {
  const [id = ''] = args
  const only = endpoint === undefined ? {} : { endpoint }
  if (args.length === 1 && !id.includes('/')) {
    const stray = Object.entries({ namespace, cluster, limit }).find(([, value]) => value !== undefined)?.[0]
    if (stray !== undefined)
      throw new UsageError(`--${stray}: expected an object as KIND/NAME with it, such as service/shop, got "${id}"`)
    return `api/v1/trace/${encodeURIComponent(id)}?${new URLSearchParams(only)}`
  }
  const address = objectAddress(args, namespace)
  if (cluster === undefined) throw new UsageError('--cluster: it is required with an object')
  const count = limit === undefined ? {} : { limit: String(limit) }
  return `api/v1/trace?${new URLSearchParams({ cluster, ...address, ...only, ...count })}`
}
