/**
 * Attempts: one row for each request of an endpoint and what came of it, for people. Bounded by age and number; what endpoints answered is
 * long, so it is kept of the newest ones only.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { AttemptRecord } from '../store.ts'
import { createPruneAttempts, lastNumber } from './attempts-prune.ts'
import { count, nullable, number, present } from './columns.ts'
import type { Database } from './database.ts'
import { sequencesText } from './sequences.ts'
import type { ToldTable } from './told.ts'

export interface Attempts {
  add(endpoint: string, attempts: readonly AttemptRecord[]): void
  /** The newest first. */
  list(of: Input<'attempts'>): readonly AttemptRecord[]
  /** Drops a chunk of what began before this time, or is more than is kept; what is told of frozen batches stays. True = there may be more. */
  prune(before: number): boolean
}

/** Of every attempt that is read: `attemptFields` of `attemptColumns` make an `attemptRecord`. */
export const attemptColumns = 'batch, at, duration_ms AS durationMs, events, bytes, outcome, status, resends, error, traceparent'
export const attemptFields = {
  batch: string,
  at: integer,
  durationMs: number,
  events: integer,
  bytes: integer,
  outcome: string,
  status: nullable(integer),
  resends: integer,
  error: nullable(string),
  traceparent: nullable(string),
}
const fields = object(attemptFields)

export const attemptRecord = ({ status, error, traceparent, ...row }: ReturnType<typeof fields.decode>): AttemptRecord => ({
  ...row,
  ...present({ status, error, traceparent }),
})

export function createAttempts(db: Database, told: Pick<ToldTable, 'add' | 'keep' | 'grow'>): Attempts {
  const last = db.query(lastNumber, count)
  const insert = db.command('INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const keepAnswer = db.command('INSERT INTO attempt_answers VALUES (?, ?, ?)')
  const list = db.query(
    `SELECT ${attemptColumns}, answer FROM attempts LEFT JOIN attempt_answers USING (endpoint, number)
     WHERE endpoint = ?1 AND (?2 IS NULL OR batch = ?2) AND (?3 = 0 OR outcome <> 'accepted') ORDER BY number DESC LIMIT ?4`,
    object({ ...attemptFields, answer: nullable(string) }),
  )
  return {
    add: (endpoint, attempts) => {
      if (attempts.length === 0) return
      let free = last.get(endpoint)?.n ?? 0
      for (const { batch, at, durationMs, events, bytes, outcome, status, resends, error, answer, ...more } of attempts) {
        const untaken = more.untaken && sequencesText(more.untaken)
        insert(
          ...[endpoint, ++free, batch, at, durationMs, events, bytes, outcome, status ?? null, resends, error ?? null],
          ...[more.traceparent ?? null, untaken ?? null],
        )
        if (answer !== undefined) keepAnswer(endpoint, free, answer)
        if (more.told !== undefined) told.add({ endpoint, batch, number: free, ...more.told })
        else told.keep(endpoint, batch, free)
        if (untaken !== undefined) told.grow(endpoint, batch, untaken.length)
      }
    },
    list: ({ endpoint, batch, failed = false, limit }) =>
      list
        .all(endpoint, batch ?? null, Number(failed), limit)
        .map(({ answer, ...row }) => ({ ...attemptRecord(row), ...present({ answer }) })),
    prune: createPruneAttempts(db),
  }
}
