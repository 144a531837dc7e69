/**
 * What two changes of one object come to for one endpoint, the first of them untold: the rule by which versions are passed over. Pure.
 *
 *   the endpoint lacked it, and has to have it now → created
 *   it had it, and has to have it now              → updated
 *   it had it, and it is gone now                  → deleted
 *   it lacked it, and it is gone now               → nothing
 *
 * Whether it had it is told by the first one: only `created` says no. Folding a whole history in its order is exact. `unsure`: the first one
 * may have been told after all, before this database was restored; then it says nothing about that.
 * One that a comparison found can stand at the endpoint all the same: since before a gap, or since a commit that took it said nothing. So its
 * end is always told.
 * What comes out carries nothing else of the two: whatever only held for one of them is dropped.
 */
import type { Reason, Route } from './store.ts'

export function combined(first: Route, second: Route, unsure = false): Route | undefined {
  const had = first.type !== 'created' || unsure
  if (second.type === 'deleted') return had || wasFound(first) ? told(second, 'deleted', second.reason) : undefined
  if (had) return told(second, 'updated', reasonOfUpdate(second))
  return told(second, 'created', second.type === 'created' ? second.reason : first.reason)
}

const wasFound = ({ reason }: Route): boolean => reason === 'initial' || reason === 'recovered'

const told = ({ endpoint, watches }: Route, type: Route['type'], reason: Reason | undefined): Route =>
  reason === undefined ? { endpoint, type, watches } : { endpoint, type, reason, watches }

/** The others explain why an object comes or goes, which one that stays does not. */
const ofUpdates: ReadonlySet<Reason> = new Set<Reason>(['recovered', 'projection', 'resync'])

const reasonOfUpdate = ({ reason }: Route): Reason | undefined =>
  reason !== undefined && ofUpdates.has(reason) ? reason : undefined
