/**
 * Retention: a row of the log goes when it is old enough, every endpoint has passed it and no frozen batch has to be rendered from it.
 * A body goes with its row, unless the inventory still names it. Rows go in small chunks, so that appends never wait long.
 */
import { integer, object } from '@watch-hub/shared/protocol/decode'
import type { Sequence } from '../store.ts'
import type { Agents } from './agents.ts'
import type { Bodies } from './bodies.ts'
import type { Contexts } from './contexts.ts'
import type { Database } from './database.ts'
import type { Endpoints } from './endpoints.ts'
import type { Log } from './log.ts'

export interface PruneDeps {
  readonly agents: Agents
  readonly bodies: Bodies
  readonly contexts: Contexts
  readonly endpoints: Endpoints
  readonly log: Log
  readonly now: () => number
}

/** Rows of one chunk. */
export const rowsPerPrune = 500

export function createPrune(db: Database, { agents, bodies, contexts, endpoints, log, now }: PruneDeps) {
  const oldest = db.query(
    `SELECT sequence, appended_at AS appendedAt, octet_length(body) AS bytes FROM log JOIN bodies USING (sequence)
     WHERE sequence <= ? ORDER BY sequence LIMIT ${rowsPerPrune}`,
    object({ sequence: integer, appendedAt: integer, bytes: integer }),
  )
  const remove = db.command('DELETE FROM log WHERE sequence <= ?')
  const shrink = db.command('UPDATE totals SET pruned = ?, log_rows = log_rows - ?, log_bytes = log_bytes - ?')

  const removeUpTo = (last: Sequence, bytes: number): void => {
    const { pruned } = log.totals()
    const rows = remove(last)
    bodies.releaseAll(pruned + 1, last)
    shrink(last, rows, bytes)
  }
  return ({ retentionMs }: { readonly retentionMs: number }): boolean => {
    const before = now() - retentionMs
    const { head, pruned } = log.totals()
    endpoints.prune(before, pruned)
    const chunk = oldest.all(endpoints.passed(head))
    const young = chunk.findIndex(({ appendedAt }) => appendedAt > before)
    const old = young === -1 ? chunk : chunk.slice(0, young)
    const last = old.at(-1)
    if (last === undefined) {
      contexts.prune(pruned)
      agents.pruneTokens(before)
      return false
    }
    removeUpTo(
      last.sequence,
      old.reduce((sum, { bytes }) => sum + bytes, 0),
    )
    return true
  }
}
