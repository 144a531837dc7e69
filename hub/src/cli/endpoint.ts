/** `watch-hub endpoint …`: who is told, and who is held back for a while. */
import { boolean, object, string } from '@watch-hub/shared/protocol/decode'
import { endpointStatuses } from '../http/wire.ts'
import { command, type Group } from './command.ts'
import { resync } from './endpoint-resync.ts'
import { show } from './endpoint-show.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { json } from './output.ts'
import { endpointTable } from './status-text.ts'

const answer = object({ endpoint: string, paused: boolean })
const args = [['<name>', 'the endpoint']] as const

const list = command({
  name: 'list',
  about: 'the endpoints, what waits for them and why',
  flags: { output: output('json'), ...hubFlags },
  run: async (io, { output, ...where }) => {
    const endpoints = await (await connectHub(io, where)).get('api/v1/endpoints', endpointStatuses)
    if (output === 'json') io.out(json(endpoints))
    else for (const line of endpointTable(endpoints, Date.now())) io.out(line)
  },
})

const pause = command({
  name: 'pause',
  about: 'send nothing to an endpoint until it is resumed; what happens meanwhile waits',
  args,
  flags: hubFlags,
  run: async (io, where, [name = '']) => {
    const hub = await connectHub(io, where)
    await hub.post(`api/v1/endpoints/${encodeURIComponent(name)}/pause`, { by: io.env.USER ?? 'watch-hub' }, answer)
    io.out(`paused: what happens now waits for ${name}. 'watch-hub endpoint resume ${name}' sends it.`)
  },
})

const resume = command({
  name: 'resume',
  about: 'go on sending to an endpoint that was paused by command',
  args,
  flags: hubFlags,
  run: async (io, where, [name = '']) => {
    const hub = await connectHub(io, where)
    await hub.post(`api/v1/endpoints/${encodeURIComponent(name)}/resume`, {}, answer)
    io.out(`resumed: ${name} gets what waited for it.`)
  },
})

export const endpoint: Group = {
  name: 'endpoint',
  about: 'endpoints: list, show, pause, resume, resync',
  commands: [list, show, pause, resume, resync],
}
