/**
 * Attempts: one row for each request of an endpoint and what came of it, for people. Bounded by age and number; what endpoints answered is
 * long, so it is kept of the newest ones only.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { AttemptRecord } from '../store.ts'
import { count, nullable, number } from './columns.ts'
import type { Database } from './database.ts'
import type { ToldTable } from './told.ts'

export interface Attempts {
  add(endpoint: string, attempts: readonly AttemptRecord[]): void
  /** The newest first. */
  list(of: Input<'attempts'>): readonly AttemptRecord[]
  /** Drops a chunk of what began before this time, or is more than is kept. True = there may be more. */
  prune(before: number): boolean
}

/** Of one endpoint. */
export const attemptsKept = 10_000
export const answersKept = 1_000
/** Rows that are dropped in one step. */
const droppedAtOnce = 2_000

const attemptRow = object({
  batch: string,
  at: integer,
  durationMs: number,
  events: integer,
  bytes: integer,
  outcome: string,
  status: nullable(integer),
  resends: integer,
  error: nullable(string),
  answer: nullable(string),
  traceparent: nullable(string),
})

export function createAttempts(db: Database, told: Pick<ToldTable, 'add' | 'keep'>): Attempts {
  const last = db.query('SELECT ifnull(max(number), 0) AS n FROM attempts WHERE endpoint = ?', count)
  const insert = db.command('INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const keepAnswer = db.command('INSERT INTO attempt_answers VALUES (?, ?, ?)')
  const list = db.query(
    `SELECT batch, at, duration_ms AS durationMs, events, bytes, outcome, status, resends, error, answer, traceparent
     FROM attempts LEFT JOIN attempt_answers USING (endpoint, number)
     WHERE endpoint = ?1 AND (?2 IS NULL OR batch = ?2) AND (?3 = 0 OR outcome <> 'accepted') ORDER BY number DESC LIMIT ?4`,
    attemptRow,
  )
  return {
    add: (endpoint, attempts) => {
      if (attempts.length === 0) return
      let free = last.get(endpoint)?.n ?? 0
      for (const { batch, at, durationMs, events, bytes, outcome, status, resends, error, answer, ...more } of attempts) {
        insert(
          ...[endpoint, ++free, batch, at, durationMs, events, bytes, outcome, status ?? null, resends, error ?? null],
          more.traceparent ?? null,
        )
        if (answer !== undefined) keepAnswer(endpoint, free, answer)
        if (more.told !== undefined) told.add({ endpoint, batch, number: free, ...more.told })
        else told.keep(endpoint, batch, free)
      }
    },
    list: ({ endpoint, batch, failed = false, limit }) =>
      list.all(endpoint, batch ?? null, Number(failed), limit).map(attemptRecord),
    prune: createPrune(db),
  }
}

const attemptRecord = ({ status, error, answer, traceparent, ...row }: ReturnType<typeof attemptRow.decode>): AttemptRecord => ({
  ...row,
  ...(status !== undefined && { status }),
  ...(error !== undefined && { error }),
  ...(answer !== undefined && { answer }),
  ...(traceparent !== undefined && { traceparent }),
})

function createPrune(db: Database): Attempts['prune'] {
  const next = db.query(
    'SELECT min(endpoint) AS endpoint FROM attempts WHERE endpoint > ?',
    object({ endpoint: nullable(string) }),
  )
  const newest = db.query('SELECT ifnull(max(number), 0) AS n FROM attempts WHERE endpoint = ?', count)
  // Attempts are written in about the order of their beginnings: the first young one ends what is old.
  const firstYoung = db.query('SELECT number AS n FROM attempts WHERE endpoint = ? AND at >= ? ORDER BY number LIMIT 1', count)
  const drop = (table: 'attempts' | 'attempt_answers' | 'told') =>
    db.command(`DELETE FROM ${table} WHERE endpoint = ?1 AND number <= min(?2,
      ${droppedAtOnce} + (SELECT number FROM ${table} WHERE endpoint = ?1 ORDER BY number LIMIT 1))`)
  const dropAttempts = drop('attempts')
  const dropAnswers = drop('attempt_answers')
  const dropTold = drop('told')
  return (before) => {
    for (let name = next.get('')?.endpoint; name !== undefined; name = next.get(name)?.endpoint) {
      const last = newest.get(name)?.n ?? 0
      const old = (firstYoung.get(name, before)?.n ?? last + 1) - 1
      const passed = Math.max(old, last - attemptsKept)
      const dropped =
        dropAttempts(name, passed) + dropTold(name, passed) + dropAnswers(name, Math.max(passed, last - answersKept))
      if (dropped > 0) return true
    }
    return false
  }
}
