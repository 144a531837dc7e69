/** `watch-hub why`: whether an endpoint is told of one object, condition by condition. Exit code 1 when it is not told. */
import { why as decoder } from '../http/wire-why.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { optional, output, required } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { namespaceFlag, objectAddress, objectArgs } from './object-address.ts'
import { json } from './output.ts'
import { text } from './values.ts'
import { whyText } from './why-text.ts'

export const why = command({
  name: 'why',
  about: 'why an endpoint is told of an object, or is not: every condition with its place in the config repo',
  args: objectArgs,
  flags: {
    namespace: namespaceFlag,
    cluster: required('--cluster <name>', { about: 'the cluster that the object is in', parse: text }),
    endpoint: optional('--endpoint <name>', { about: 'only for this endpoint, and watches that name it', parse: text }),
    output: output('json'),
    ...hubFlags,
  },
  notes: [
    "The cluster's agent is asked for the object as it is now; without it, what the hub alone knows is told.",
    'Marks: ✓ holds, ✗ keeps the object from being told, ? nobody can say, · worth knowing.',
    'Exit code 0: a change of the object is told now. 1: it is not, or nobody can say. 2: used wrongly.',
  ].join('\n'),
  run: async (io, { namespace, cluster, endpoint, output, ...where }, args) => {
    const query = new URLSearchParams({ cluster, ...objectAddress(args, namespace), ...(endpoint !== undefined && { endpoint }) })
    const hub = await connectHub(io, where)
    const answer = await hub.get(`api/v1/why?${query}`, decoder)
    if (output === 'json') io.out(json(answer))
    else for (const line of whyText(answer, Date.now())) io.out(line)
    if (!answer.told) io.setExitCode(1)
  },
})
