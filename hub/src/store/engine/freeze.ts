/**
 * One durable step of a courier: all of it, or nothing of it. What it was made from is looked at first, because compaction and bounds may have
 * come between.
 */
import type { Input } from '../calls.ts'
import type { FreezeOutcome } from '../store.ts'
import type { Attempts } from './attempts.ts'
import type { Batches } from './batches.ts'
import type { Compaction } from './compaction.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Endpoints } from './endpoints.ts'
import type { Guards } from './guards.ts'
import type { Scans } from './scans.ts'

export interface FreezeDeps {
  readonly attempts: Attempts
  readonly batches: Batches
  readonly compaction: Compaction
  readonly deadLetters: DeadLetters
  readonly endpoints: Endpoints
  readonly guards: Guards
  readonly scans: Scans
}

export const createFreeze =
  ({ attempts, batches, compaction, deadLetters, endpoints, guards, scans }: FreezeDeps) =>
  ({ deadLetterLimit: limit = Number.POSITIVE_INFINITY, ...step }: Input<'freeze'>): FreezeOutcome => {
    const { endpoint, cursor, scan, skipped = 0, deadLetters: letters = [], replayed = [], attempts: made = [] } = step
    if (compaction.overtaken(step)) return 'read-again'
    if (guards.stops(endpoint, step.batches)) return 'held'
    if (letters.length > 0 && !deadLetters.hasRoom({ endpoint, letters, without: replayed, limit })) return 'full'
    deadLetters.forget(endpoint, replayed)
    deadLetters.add(letters)
    batches.step(step)
    batches.tried(endpoint, made)
    attempts.add(endpoint, made)
    endpoints.move(endpoint, { cursor, skipped })
    if (scan !== undefined) scans.step(scan)
    return 'frozen'
  }
