/**
 * What is noted of a request of which the endpoint took all events but those that it named: which, as data, and how many, for people. Ids are
 * the receiver's words, and may be anything: those that are of no event of the request are counted, and not repeated.
 */
import type { AttemptRecord, Sequence } from '../store/store.ts'
import { eventId, type Item } from './formats/format.ts'
import type { NamedFailure } from './send.ts'

export function partlyTaken(failures: readonly NamedFailure[], items: readonly Item[]): Pick<AttemptRecord, 'error' | 'untaken'> {
  if (failures.length === 0) return {}
  const byId = new Map(items.map((item) => [eventId(item), item.member.sequence]))
  const untaken = new Map<Sequence, string>()
  let strange = 0
  for (const { id, message } of failures) {
    const sequence = byId.get(id)
    if (sequence === undefined) strange++
    else if (!untaken.has(sequence)) untaken.set(sequence, message)
  }
  const others =
    strange === 0 ? [] : [`${strange} of the ids that it named ${strange === 1 ? 'is' : 'are'} of no event of the request`]
  if (untaken.size === 0) return { error: others.join() }
  const [message = ''] = untaken.values()
  const text = `accepted, but ${untaken.size} of ${items.length} events not${message === '' ? '' : `: ${message}`}`
  return { error: [text, ...others].join('; '), untaken: [...untaken.keys()] }
}
