/** `watch-hub endpoint resync`: the current state once more, for a receiver that lost some of it or that waited too long. */
import { resynced } from '../http/wire-delivery.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { onOff, optional, output, UsageError } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { counted, json } from './output.ts'
import { text } from './values.ts'

export const resync = command({
  name: 'resync',
  about: 'send the current state to an endpoint again, from what the hub holds',
  args: [['<name>', 'the endpoint']],
  flags: {
    watch: optional('--watch <name>', { about: 'only what this watch matches', parse: text }),
    cluster: optional('--cluster <name>', { about: 'only of this cluster', parse: text }),
    dropBacklog: onOff('--drop-backlog', {
      about: 'pass over what waits, except deletions: the current state is sent instead. Not with --watch or --cluster',
    }),
    output: output('json'),
    ...hubFlags,
  },
  run: async (io, { watch, cluster, dropBacklog, output, ...where }, [name = '']) => {
    if (dropBacklog && (watch !== undefined || cluster !== undefined))
      throw new UsageError(
        '--drop-backlog: expected no --watch and no --cluster with it: what waits is dropped for the whole endpoint',
      )
    const hub = await connectHub(io, where)
    const order = { ...(watch !== undefined && { watch }), ...(cluster !== undefined && { cluster }), dropBacklog }
    const answer = await hub.post(`api/v1/endpoints/${encodeURIComponent(name)}/resync`, order, resynced)
    io.out(output === 'json' ? json(answer) : resyncText({ ...answer, name, dropBacklog }))
  },
})

interface Resynced {
  readonly name: string
  readonly begun: number
  readonly running: number
  readonly dropped: number
  readonly dropBacklog: boolean
}

function resyncText({ name, begun, running, dropped, dropBacklog }: Resynced): string {
  const first = `${counted(running, 'first scan')} under way ${dropBacklog ? 'began anew' : 'will tell the same'}`
  const parts = [
    ...(dropBacklog ? [`${counted(dropped, 'waiting event')} passed over`] : []),
    ...(begun > 0 || running === 0 ? [`${counted(begun, 'scan')} began`] : []),
    ...(running > 0 ? [first] : []),
  ]
  return `resync: ${parts.join(', ')}. 'watch-hub endpoint show ${name}' and 'watch-hub status' show how far it is.`
}
