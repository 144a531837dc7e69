/** `watch-hub endpoint show`: all that the hub knows of one endpoint, in sentences. */
import type { EndpointStatus } from '../delivery/status.ts'
import { endpointStatus } from '../http/wire.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { age, clockTime, inOneLine, json } from './output.ts'
import { scanText } from './status-text.ts'

export const show = command({
  name: 'show',
  about: 'one endpoint: its state and why, what waits, what was delivered and what was skipped',
  args: [['<name>', 'the endpoint']],
  flags: { output: output('json'), ...hubFlags },
  run: async (io, { output, ...where }, [name = '']) => {
    const hub = await connectHub(io, where)
    const endpoint = await hub.get(`api/v1/endpoints/${encodeURIComponent(name)}`, endpointStatus)
    if (output === 'json') io.out(json(endpoint))
    else for (const line of endpointText(endpoint, Date.now())) io.out(line)
  },
})

/** `now`: ms */
export function endpointText(endpoint: EndpointStatus, now: number): readonly string[] {
  const { name, url, format, phase, reason, since, failures, nextAttemptAt, lastDeliveredAt, skipped, scans } = endpoint
  const last = lastDeliveredAt === undefined ? '' : `, the last ${age(now - lastDeliveredAt)} ago (${clockTime(lastDeliveredAt)})`
  const facts: readonly (readonly [name: string, fact: string])[] = [
    ['Endpoint', name],
    ['URL', url],
    ['Format', format],
    ['State', `${phase} for ${age(now - since)}${reason === undefined ? '' : `: ${reason}`}`],
    ...(failures === 0 ? [] : [['Failures', failuresText(failures, nextAttemptAt, now)] as const]),
    ['Backlog', backlogText(endpoint)],
    ['Delivered', `${counted(endpoint.delivered, 'event')} since the hub started${last}`],
    ['Skipped', skippedText(skipped)],
    ...scans.map((scan) => ['Scan', scanText(scan)] as const),
  ]
  return facts.map(([fact, text]) => `${fact.padEnd(9)}  ${inOneLine(text)}`)
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

function failuresText(failures: number, nextAttemptAt: number | undefined, now: number): string {
  const next = nextAttemptAt === undefined ? '' : `, next try in ${age(nextAttemptAt - now)}`
  return `${failures} in a row${next}`
}

const backlogText = ({ backlog, oldestMs }: EndpointStatus): string =>
  backlog === 0
    ? 'nothing waits'
    : `${counted(backlog, 'event')}${oldestMs === undefined ? '' : `, the oldest for ${age(oldestMs)}`}`

const skippedText = (skipped: number): string =>
  skipped === 0
    ? 'no version was skipped'
    : `${counted(skipped, 'version')} ${skipped === 1 ? 'was' : 'were'} skipped: newer ones of the same objects were told instead`
