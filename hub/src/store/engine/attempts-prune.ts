/**
 * Pruning attempts: of each endpoint the oldest go, by their number, age, or the text of what they told. What was told goes with them, so that
 * nobody takes what is not known any more for never told; but that of a frozen batch stays, since its next attempt does not write it again.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import { count, nullable } from './columns.ts'
import type { Database } from './database.ts'

/** Of one endpoint. */
export const attemptsKept = 10_000
export const answersKept = 1_000
export const toldBytesKept = 32 * 1024 * 1024
/** Rows that are dropped in one step. */
const droppedAtOnce = 2_000

/** Of the newest attempt of an endpoint; what was told can outlive all attempts, and numbers never come again. */
export const lastNumber = `SELECT max(ifnull((SELECT max(number) FROM attempts WHERE endpoint = ?1), 0),
  ifnull((SELECT max(number) FROM told WHERE endpoint = ?1), 0)) AS n`

const free = 'NOT EXISTS (SELECT 1 FROM batches WHERE id = told.batch)'

export function createPruneAttempts(db: Database): (before: number) => boolean {
  const next = db.query(
    `SELECT min(endpoint) AS endpoint FROM (SELECT min(endpoint) AS endpoint FROM attempts WHERE endpoint > ?1
      UNION ALL SELECT min(endpoint) FROM told WHERE endpoint > ?1)`,
    object({ endpoint: nullable(string) }),
  )
  const newest = db.query(lastNumber, count)
  // Attempts are written in about the order of their beginnings: the first young one ends what is old.
  const firstYoung = db.query('SELECT number AS n FROM attempts WHERE endpoint = ? AND at >= ? ORDER BY number LIMIT 1', count)
  const tooHeavy = createTooHeavy(db)
  const drop = (table: 'attempts' | 'attempt_answers' | 'told', which = 'true') =>
    db.command(`DELETE FROM ${table} WHERE endpoint = ?1 AND ${which} AND number <= min(?2,
      ${droppedAtOnce} + (SELECT number FROM ${table} WHERE endpoint = ?1 AND ${which} ORDER BY number LIMIT 1))`)
  const dropAttempts = drop('attempts')
  const dropAnswers = drop('attempt_answers')
  const dropTold = drop('told', free)
  return (before) => {
    for (let name = next.get('')?.endpoint; name !== undefined; name = next.get(name)?.endpoint) {
      const last = newest.get(name)?.n ?? 0
      const old = (firstYoung.get(name, before)?.n ?? last + 1) - 1
      const passed = Math.max(old, last - attemptsKept, tooHeavy(name))
      // What was told goes last: while it is there, a step that finds too much of it comes to the same attempts.
      const dropped =
        dropAttempts(name, passed) || dropAnswers(name, Math.max(passed, last - answersKept)) || dropTold(name, passed)
      if (dropped > 0) return true
    }
    return false
  }
}

/** Up to which attempt has to go what was told, so that the rest is no more than is kept. It looks at no more rows than one step drops. */
function createTooHeavy(db: Database): (endpoint: string) => number {
  const total = db.query('SELECT bytes AS n FROM told_totals WHERE endpoint = ?', count)
  const oldest = db.query(
    `SELECT number, bytes FROM told WHERE endpoint = ? AND ${free} ORDER BY number LIMIT ${droppedAtOnce}`,
    object({ number: integer, bytes: integer }),
  )
  return (endpoint) => {
    let excess = (total.get(endpoint)?.n ?? 0) - toldBytesKept
    if (excess <= 0) return 0
    let upTo = 0
    for (const { number, bytes } of oldest.each(endpoint)) {
      upTo = number
      excess -= bytes
      if (excess <= 0) break
    }
    return upTo
  }
}
