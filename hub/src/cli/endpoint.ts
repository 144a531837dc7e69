/** `watch-hub endpoint …`: who is told, how well that goes, and who is held back for a while. */
import { endpointStatuses } from '../http/wire.ts'
import { command, type Group } from './command.ts'
import { attempts } from './endpoint-attempts.ts'
import { pause, resume } from './endpoint-pause.ts'
import { resync } from './endpoint-resync.ts'
import { test } from './endpoint-sample.ts'
import { show } from './endpoint-show.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { json } from './output.ts'
import { endpointTable } from './status-text.ts'

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

export const endpoint: Group = {
  name: 'endpoint',
  about: 'endpoints: list, show, test, attempts, pause, resume, resync',
  commands: [list, show, test, attempts, pause, resume, resync],
}
