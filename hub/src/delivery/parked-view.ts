/** Parked objects as people see them. */
import { type ParkedObject, shownParked } from './detail.ts'
import { partsOfKey } from './object-key.ts'
import type { ParkedObject as Parked, Parking } from './parking.ts'

/** In the order of their turns, no more than are shown. */
export function parkedObjectsOf(parking: Pick<Parking, 'all'>): readonly ParkedObject[] {
  return parking.all().slice(0, shownParked).flatMap(parkedViewOf)
}

/** One, or none where nothing of it waits. */
export function parkedViewOf({ key, batches }: Parked): readonly ParkedObject[] {
  const [first] = batches
  if (first === undefined) return []
  const { firstAttemptAt = first.frozen.createdAt, attempts, nextAttemptAt, reason, status } = first.parking
  const told = { attempts, nextAttemptAt, reason, ...(status !== undefined && { status }) }
  return [{ ...partsOfKey(key), since: firstAttemptAt, ...told, events: batches.length }]
}
