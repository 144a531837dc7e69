/** `watch-hub endpoint attempts`: the last requests to an endpoint and what came of each. */
import { attempts as decoder } from '../http/wire-delivery.ts'
import type { AttemptRecord } from '../store/store.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { defaulted, onOff, optional, output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { age, bytes, json, table, took } from './output.ts'
import { text, whole } from './values.ts'

export const attempts = command({
  name: 'attempts',
  about: 'the last requests to an endpoint, newest first: when, how large, how long, what came of them',
  args: [['<name>', 'the endpoint']],
  flags: {
    failed: onOff('--failed', { about: 'only those that were not accepted' }),
    batch: optional('--batch <id>', { about: 'only those of this batch: its webhook-id', parse: text }),
    limit: defaulted('--limit <count>', { about: 'how many', fallback: '20', parse: whole(1, 1_000) }),
    output: output('json'),
    ...hubFlags,
  },
  notes:
    'The hub keeps them for 3 days, at most 10,000 for each endpoint, fewer where they told millions of events. With -o json also what the endpoint answered to failed ones.',
  run: async (io, { failed, batch, limit, output, ...where }, [name = '']) => {
    const hub = await connectHub(io, where)
    const query = new URLSearchParams({ failed: String(failed), limit: String(limit), ...(batch !== undefined && { batch }) })
    const found = await hub.get(`api/v1/endpoints/${encodeURIComponent(name)}/attempts?${query}`, decoder)
    if (output === 'json') io.out(json(found))
    else for (const line of attemptTable(found, Date.now())) io.out(line)
  },
})

const head = ['WHEN', 'OUTCOME', 'STATUS', 'EVENTS', 'SIZE', 'TOOK', 'RESENT', 'BATCH', 'ERROR']

export function attemptTable(attempts: readonly AttemptRecord[], now: number): readonly string[] {
  if (attempts.length === 0) return ['No attempts.']
  const rows = attempts.map((each) => [
    `${age(now - each.at)} ago`,
    each.outcome,
    each.status === undefined ? '-' : String(each.status),
    String(each.events),
    bytes(each.bytes),
    took(each.durationMs),
    each.resends === 0 ? '-' : String(each.resends),
    each.batch,
    each.error ?? '',
  ])
  return table([head, ...rows])
}
