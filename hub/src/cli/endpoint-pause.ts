/** `watch-hub endpoint pause` and `resume`: an operator's hold on an endpoint, and its end. */
import { paused } from '../http/wire-delivery.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { optional, output, UsageError } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { age, json } from './output.ts'
import { duration, text } from './values.ts'

const args = [['<name>', 'the endpoint']] as const

function pauseFor(value: string): number {
  const ms = duration(value)
  if (ms < 1_000) throw new UsageError(`expected 1s or more, got "${value}"`)
  return ms
}

export const pause = command({
  name: 'pause',
  about: 'send nothing to an endpoint until it is resumed; what happens meanwhile waits',
  args,
  flags: {
    for: optional('--for <duration>', { about: 'resume it by itself after this time, such as 2h', parse: pauseFor }),
    reason: optional('--reason <text>', { about: 'why, shown to whoever looks at the endpoint', parse: text }),
    output: output('json'),
    ...hubFlags,
  },
  run: async (io, { for: forMs, reason, output, ...where }, [name = '']) => {
    const hub = await connectHub(io, where)
    const order = {
      by: io.env.USER ?? 'watch-hub',
      ...(reason !== undefined && { reason }),
      ...(forMs !== undefined && { forMs }),
    }
    const answer = await hub.post(`api/v1/endpoints/${encodeURIComponent(name)}/pause`, order, paused)
    if (output === 'json') return io.out(json(answer))
    const end = forMs === undefined ? '' : `, and by itself in ${age(forMs)}`
    io.out(`paused: what happens now waits for ${name}. 'watch-hub endpoint resume ${name}' sends it${end}.`)
  },
})

export const resume = command({
  name: 'resume',
  about: 'go on sending to an endpoint that was paused by command, or that the hub holds since a 410 or for its guard',
  args,
  flags: { output: output('json'), ...hubFlags },
  run: async (io, { output, ...where }, [name = '']) => {
    const hub = await connectHub(io, where)
    const answer = await hub.post(`api/v1/endpoints/${encodeURIComponent(name)}/resume`, {}, paused)
    if (output === 'json') return io.out(json(answer))
    io.out(`resumed: ${name} gets what waited for it.`)
  },
})
