/**
 * Retention: a row of the log goes when it is old enough (at once, where room is short), every endpoint has passed it and no frozen batch
 * has to be rendered from it. A body goes with its row, unless the inventory still names it. Rows go in small chunks, so that appends
 * never wait long. What else is too old (dead letters, attempts, what is stale) goes when no row of the log has to go.
 */
import { integer, object } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { Sequence } from '../store.ts'
import type { Agents } from './agents.ts'
import type { Attempts } from './attempts.ts'
import type { Bodies } from './bodies.ts'
import type { Contexts } from './contexts.ts'
import type { Database } from './database.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Endpoints } from './endpoints.ts'
import type { Log } from './log.ts'
import { logRowBytes } from './log-row.ts'
import type { Patches } from './patches.ts'
import type { Stale } from './stale.ts'

export interface PruneDeps {
  readonly agents: Agents
  readonly attempts: Attempts
  readonly bodies: Bodies
  readonly contexts: Contexts
  readonly deadLetters: DeadLetters
  readonly endpoints: Endpoints
  readonly log: Log
  readonly patches: Patches
  readonly stale: Stale
  readonly now: () => number
}

const day = 24 * 3_600_000
/** What no plan has any more: a commit that is taken back in time changes nothing. */
const staleMsByDefault = 7 * day

/** Rows of one chunk. */
export const rowsPerPrune = 500

export function createPrune(db: Database, deps: PruneDeps) {
  const { agents, attempts, deadLetters, bodies, contexts, endpoints, log, patches, stale, now } = deps
  const oldest = db.query(
    `SELECT sequence, appended_at AS appendedAt, ${logRowBytes} AS bytes FROM log JOIN bodies USING (sequence)
     WHERE sequence <= ? ORDER BY sequence LIMIT ${rowsPerPrune}`,
    object({ sequence: integer, appendedAt: integer, bytes: integer }),
  )
  const remove = db.command('DELETE FROM log WHERE sequence <= ?')

  const removeUpTo = (last: Sequence, sequences: readonly Sequence[], bytes: number): void => {
    const rows = remove(last)
    for (const sequence of sequences) bodies.release(sequence) // those of rows that went before are released by whoever took these
    patches.remove(last)
    log.shrink({ rows, bytes, pruned: last })
  }
  return ({ retentionMs, whateverAge = false, ...ages }: Input<'prune'>): boolean => {
    const before = now() - retentionMs
    const { head, pruned } = log.totals()
    if (endpoints.prune(before, pruned)) return true
    const chunk = oldest.all(endpoints.passed(head))
    const young = whateverAge ? -1 : chunk.findIndex(({ appendedAt }) => appendedAt > before)
    const old = young === -1 ? chunk : chunk.slice(0, young)
    const last = old.at(-1)
    if (last === undefined) {
      contexts.prune(pruned)
      agents.pruneTokens(before)
      const { staleMs = staleMsByDefault, deadLetterRetentionMs = 30 * day, attemptRetentionMs = 3 * day } = ages
      if (deadLetters.prune(now() - deadLetterRetentionMs) || attempts.prune(now() - attemptRetentionMs)) return true
      return stale.drop(now() - staleMs)
    }
    removeUpTo(
      last.sequence,
      old.map(({ sequence }) => sequence),
      old.reduce((sum, { bytes }) => sum + bytes, 0),
    )
    return true
  }
}
