/** `watch-hub fetch`: look at the config source now instead of at the next poll. Exit code 1 when its newest commit does not run. */
import { configStatus } from '../http/wire.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { json } from './output.ts'
import { configText } from './status-text.ts'

export const fetch = command({
  name: 'fetch',
  about: 'look at the config repo now; exit code 1 when its newest commit was refused or it cannot be read',
  flags: { output: output('json'), ...hubFlags },
  run: async (io, { output, ...where }) => {
    const config = await (await connectHub(io, where)).post('api/v1/config/fetch', {}, configStatus)
    if (output === 'json') io.out(json(config))
    else for (const line of configText(config, Date.now())) io.out(line)
    if (config.rejected !== undefined || config.failing !== undefined) io.setExitCode(1)
  },
})
