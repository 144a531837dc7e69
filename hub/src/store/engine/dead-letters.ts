/**
 * Dead letters: events that were given up, whole, until their retention ends. What people look for lies apart from the long texts, so that a
 * look through all of them reads little; each call looks at a bounded number. The sums by endpoint are kept by the database (schema.ts).
 */
import { array, decodeJson, integer, object, string } from '@watch-hub/shared/protocol/decode'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { Input, Output } from '../calls.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterHead, EndpointBacklog } from '../store.ts'
import { eventType, jsonText, nullable, objectRef } from './columns.ts'
import type { Database } from './database.ts'

export interface DeadLetters {
  /** True when these still have room once the letters `without` are gone. */
  hasRoom(of: {
    readonly endpoint: string
    readonly letters: readonly DeadLetter[]
    readonly without: readonly string[]
    readonly limit: number
  }): boolean
  add(letters: readonly DeadLetter[]): void
  /** Those of the endpoint. */
  forget(endpoint: string, ids: readonly string[]): void
  get(id: string): DeadLetter | undefined
  list(of: Input<'deadLetters'>): Output<'deadLetters'>
  drop(of: Input<'dropDeadLetters'>): Output<'dropDeadLetters'>
  total(endpoint: string): EndpointBacklog['deadLetters']
  /** Of all endpoints that have some. */
  totals(): Output<'letterTotals'>
  /** Drops a chunk of those that died before this time. True = there may be more. */
  prune(diedBefore: number): boolean
}

/** What a letter counts besides its content and its answer. */
export const letterBytes = 600

/** Letters that one call looks at. */
const lettersLookedAt = 5_000
/** Letters, and their bytes, that are dropped in one step. */
const droppedAtOnce = 500
const bytesDroppedAtOnce = 16 * 1024 * 1024

const headColumns = `number, id, endpoint, cluster, object, sequence, type, cause, reason, attempts, first_attempt_at AS firstAttemptAt,
  died_at AS diedAt, status, bytes`
const headFields = {
  number: integer,
  id: string,
  endpoint: string,
  cluster: string,
  object: jsonText(objectRef),
  sequence: integer,
  type: eventType,
  cause: string,
  reason: string,
  attempts: integer,
  firstAttemptAt: integer,
  diedAt: integer,
  status: nullable(integer),
  bytes: integer,
}
const headRow = object(headFields)
const letterRow = object({ ...headFields, answer: nullable(string), content: string })
const totals = object({ count: integer, bytes: integer })

export function createDeadLetters(db: Database): DeadLetters {
  const total = db.query('SELECT letters AS count, bytes FROM dead_letter_totals WHERE endpoint = ?', totals)
  const allTotals = db.query(
    'SELECT endpoint, letters AS count, bytes FROM dead_letter_totals ORDER BY endpoint',
    object({ endpoint: string, count: integer, bytes: integer }),
  )
  const bytesOfSome = db.query(
    `SELECT count(*) AS count, ifnull(sum(bytes), 0) AS bytes FROM dead_letters
     WHERE endpoint = ? AND id IN (SELECT value FROM json_each(?))`,
    totals,
  )
  const one = db.query(
    `SELECT ${headColumns}, answer, content FROM dead_letters JOIN dead_letter_texts USING (number) WHERE id = ?`,
    letterRow,
  )
  const forget = db.command('DELETE FROM dead_letters WHERE endpoint = ? AND id = ?')
  const old = db.query(
    `SELECT number, bytes FROM dead_letters WHERE died_at < ? ORDER BY died_at LIMIT ${droppedAtOnce}`,
    object({ number: integer, bytes: integer }),
  )
  const find = createFind(db)
  const remove = db.command('DELETE FROM dead_letters WHERE number = ?')
  const removeSome = <Row extends { readonly number: number; readonly bytes: number }>(rows: readonly Row[]): readonly Row[] => {
    let bytes = 0
    const some = rows.filter((row, i) => {
      bytes += row.bytes
      return i === 0 || bytes <= bytesDroppedAtOnce
    })
    for (const { number } of some) remove(number)
    return some
  }
  return {
    hasRoom: ({ endpoint, letters, without, limit }) => {
      const before = total.get(endpoint)?.bytes ?? 0
      const freed = without.length === 0 ? 0 : (bytesOfSome.get(endpoint, JSON.stringify(without))?.bytes ?? 0)
      return before - freed + letters.reduce((sum, letter) => sum + bytesOf(letter), 0) <= limit
    },
    add: createAdd(db),
    forget: (endpoint, ids) => {
      for (const id of ids) forget(endpoint, id)
    },
    get: (id) => {
      const row = one.get(id)
      if (row === undefined) return undefined
      const { content, answer, ...head } = row
      return { ...headOf(head), ...(answer !== undefined && { answer }), content }
    },
    list: ({ limit, ...of }) => {
      const { rows, next } = find(of, limit)
      return { letters: rows.map(headOf), ...(next !== undefined && { next }) }
    },
    drop: (of) => {
      const { rows, next } = find(of, droppedAtOnce)
      const some = removeSome(rows)
      const on = some.length < rows.length ? positionOf(some.at(-1)) : next
      return { dropped: some.length, ...(on !== undefined && { next: on }) }
    },
    total: (endpoint) => total.get(endpoint) ?? { count: 0, bytes: 0 },
    totals: () => allTotals.all(),
    prune: (diedBefore) => removeSome(old.all(diedBefore)).length > 0,
  }
}

const bytesOf = ({ content, answer = '' }: DeadLetter): number =>
  Buffer.byteLength(content) + Buffer.byteLength(answer) + letterBytes

function headOf({ number: _, bytes: __, status, ...head }: ReturnType<typeof headRow.decode>): DeadLetterHead {
  return status === undefined ? head : { ...head, status }
}

function createAdd(db: Database): DeadLetters['add'] {
  const insert = db.query(
    `INSERT INTO dead_letters (id, endpoint, died_at, bytes, cluster, resource, namespace, name, object, sequence, type, cause, reason,
      attempts, first_attempt_at, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number`,
    object({ number: integer }),
  )
  const insertTexts = db.command('INSERT INTO dead_letter_texts VALUES (?, ?, ?)')
  return (letters) => {
    for (const letter of letters) {
      const { id, endpoint, diedAt, cluster, object: ref, sequence, type, cause, reason, attempts, status } = letter
      const added = insert.get(
        ...[id, endpoint, diedAt, bytesOf(letter), cluster, resourceName(ref), ref.namespace, ref.name, JSON.stringify(ref)],
        ...[sequence, type, cause, reason, attempts, letter.firstAttemptAt, status ?? null],
      )
      if (added === undefined) throw new Error(`expected a number for dead letter ${id} of ${endpoint}, got nothing`)
      insertTexts(added.number, letter.answer ?? null, letter.content)
    }
  }
}

type Found = { readonly rows: readonly ReturnType<typeof headRow.decode>[]; readonly next?: string }

/** In the order in which they died. `next` can come with less than was asked for, even nothing. */
function createFind(db: Database): (of: DeadLetterFilter & { readonly after?: string }, limit: number) => Found {
  const fits = `(?3 IS NULL OR endpoint = ?3) AND (?4 IS NULL OR died_at < ?4) AND (?5 IS NULL OR died_at > ?5)
    AND (?6 IS NULL OR cluster = ?6) AND (?7 IS NULL OR resource = ?7) AND (?8 IS NULL OR namespace = ?8)
    AND (?9 IS NULL OR name = ?9) AND (?10 IS NULL OR cause = ?10) AND (?11 IS NULL OR sequence = ?11)`
  const within = db.query(
    `SELECT ${headColumns} FROM dead_letters WHERE number > ?1 AND number <= ?2 AND ${fits} ORDER BY number LIMIT ?12`,
    headRow,
  )
  const named = db.query(
    `SELECT ${headColumns} FROM dead_letters WHERE id IN (SELECT value FROM json_each(?12)) AND number > ?1 AND number <= ?2 AND ${fits}
     ORDER BY number LIMIT ?13`,
    headRow,
  )
  const ahead = db.query(
    `SELECT number FROM dead_letters WHERE number > ? ORDER BY number LIMIT 1 OFFSET ${lettersLookedAt - 1}`,
    object({ number: integer }),
  )
  return ({ after, ids, endpoint, diedBefore, diedAfter, cluster, resource, namespace, name, cause, sequence }, limit) => {
    const from = after === undefined ? 0 : (decodeJson(position, after)[0] ?? 0)
    const parts = [endpoint, diedBefore, diedAfter, cluster, resource, namespace, name, cause, sequence]
    const filter = parts.map((value) => value ?? null)
    const end = ids === undefined ? ahead.get(from)?.number : undefined
    const upTo = end ?? Number.MAX_SAFE_INTEGER
    const rows =
      ids === undefined ? within.all(from, upTo, ...filter, limit) : named.all(from, upTo, ...filter, JSON.stringify(ids), limit)
    const last = rows.length === limit ? rows.at(-1) : end === undefined ? undefined : { number: end }
    return { rows, ...(last !== undefined && { next: positionOf(last) }) }
  }
}

const position = array(integer)
const positionOf = (row: { readonly number: number } | undefined): string => JSON.stringify([row?.number ?? 0])
