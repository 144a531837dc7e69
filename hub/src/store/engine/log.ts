/** The log: its rows in order, its head, and how it is read. A read looks at a bounded number of rows, so that nobody waits long behind it. */
import { integer, object } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { LogRow, ReadResult, Route, Sequence } from '../store.ts'
import type { Backlog } from './backlog.ts'
import { count } from './columns.ts'
import type { Database } from './database.ts'
import { encodeRoutes, logRow, logRowColumns, logRowTables, routeNeedle, rowBytes, take } from './log-row.ts'

/** Rows of the log that one read looks at. */
export const rowsLookedAt = 20_000

export interface NewLogRow
  extends Pick<
    LogRow,
    'sequence' | 'observedAt' | 'appendedAt' | 'cause' | 'change' | 'traceparent' | 'changedAt' | 'sentAt' | 'receivedAt'
  > {
  readonly stream: number
  readonly context: number
  readonly version: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** JSON text, see log-row.ts. */
  readonly routes: string
  readonly matches: string
}

export interface Totals {
  /** Number of the newest row that was ever written. */
  readonly head: Sequence
  /** Every row up to here is gone. */
  readonly pruned: Sequence
  /** Up to here rows may be gone or changed, never below `pruned`; behind it every row is as it was appended. */
  readonly thinned: Sequence
  readonly rows: number
  /** Of the rows' bodies, and `rowBytes` for the rest of each row: what the log's bound is about. */
  readonly bytes: number
}

export interface Log {
  totals(): Totals
  /** The next number: above all that were ever given, and not below the clock in µs. It need not become a row. */
  nextSequence(): Sequence
  /** What was given up to now stays given, over restarts: something else than a row has it. */
  keepTaken(): void
  add(row: NewLogRow): void
  /** Rows were taken away, `bytes` of bodies with them. */
  shrink(by: { readonly rows: number; readonly bytes: number; readonly pruned?: Sequence; readonly thinned?: Sequence }): void
  /** After the rows of one append; `bytes` of their bodies. */
  grow(by: { readonly head: Sequence; readonly rows: number; readonly bytes: number }): void
  /** Replaces the routes of a row; the counts of what waits are the caller's. */
  setRoutes(sequence: Sequence, routes: readonly Route[]): void
  /** True when the row is there and routed to the endpoint. */
  isRouted(sequence: Sequence, endpoint: string): boolean
  /** True when it is, and tells the endpoint that the object is gone. */
  isDeletion(sequence: Sequence, endpoint: string): boolean
  read(of: Input<'read'>): ReadResult
  rows(sequences: readonly Sequence[]): readonly LogRow[]
  tail(of: Input<'tail'>): readonly LogRow[]
}

export function createLogTable(db: Database, deps: { readonly backlog: Backlog; readonly now: () => number }): Log {
  const totals = db.query(
    `SELECT head, pruned, max(pruned, thinned) AS thinned, log_rows AS rows, log_bytes + ${rowBytes} * log_rows AS bytes FROM totals`,
    object({ head: integer, pruned: integer, thinned: integer, rows: integer, bytes: integer }),
  )
  const insert = db.command(`INSERT INTO log
    (sequence, routes, stream, context, version, namespace, name, uid, resource_version, observed_at, appended_at, cause, change, matches,
      traceparent, changed_at, sent_at, received_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const grow = db.command('UPDATE totals SET head = ?, log_rows = log_rows + ?, log_bytes = log_bytes + ?')
  const shrink = db.command(`UPDATE totals SET log_rows = log_rows - ?, log_bytes = log_bytes - ?,
    pruned = max(pruned, ?), thinned = max(thinned, ?)`)
  const setRoutes = db.command('UPDATE log SET routes = ? WHERE sequence = ?')
  const one = db.query(`SELECT ${logRowColumns} FROM ${logRowTables} WHERE log.sequence = ?`, logRow)
  const tail = db.query(
    `SELECT ${logRowColumns} FROM ${logRowTables} WHERE log.sequence >= ? ORDER BY log.sequence DESC LIMIT ?`,
    logRow,
  )
  const routed = db.query('SELECT count(*) AS n FROM log WHERE sequence = ? AND instr(routes, ?) > 0', count)
  const readTotals = (): Totals => {
    const row = totals.get()
    if (row === undefined) throw new Error(`${db.file}: expected one row of totals, got none`)
    return row
  }
  // Scans have taken numbers too, and count on later rows being above them, wherever the clock stands now.
  const taken = db.query('SELECT max(taken, ifnull((SELECT max(started) FROM scans), 0)) AS n FROM totals', count)
  const keepTaken = db.command('UPDATE totals SET taken = max(taken, ?)')
  let last = Math.max(readTotals().head, taken.get()?.n ?? 0)
  return {
    totals: readTotals,
    nextSequence: () => {
      last = Math.max(last + 1, deps.now() * 1000)
      return last
    },
    keepTaken: () => void keepTaken(last),
    add: (row) =>
      void insert(
        ...[
          row.sequence,
          row.routes,
          row.stream,
          row.context,
          row.version,
          row.namespace,
          row.name,
          row.uid,
          row.resourceVersion,
        ],
        ...[row.observedAt, row.appendedAt, row.cause, row.change, row.matches],
        ...[row.traceparent ?? null, row.changedAt ?? null, row.sentAt ?? null, row.receivedAt ?? null],
      ),
    grow: ({ head, rows, bytes }) => void grow(head, rows, bytes),
    shrink: ({ rows, bytes, pruned = 0, thinned = 0 }) => void shrink(rows, bytes, pruned, thinned),
    setRoutes: (sequence, routes) => void setRoutes(encodeRoutes(routes), sequence),
    isRouted: (sequence, endpoint) => routed.get(sequence, routeNeedle(endpoint))?.n === 1,
    isDeletion: (sequence, endpoint) => routed.get(sequence, `${routeNeedle(endpoint)}"deleted",`)?.n === 1,
    read: createRead(db, { backlog: deps.backlog, head: () => readTotals().head }),
    rows: (sequences) => sequences.flatMap((sequence) => one.get(sequence) ?? []),
    tail: ({ from, limit }) => tail.all(from, limit).toReversed(),
  }
}

function createRead(db: Database, deps: { readonly backlog: Backlog; readonly head: () => Sequence }): Log['read'] {
  const routed = db.query(
    `SELECT ${logRowColumns} FROM ${logRowTables}
     WHERE log.sequence BETWEEN ? AND ? AND instr(log.routes, ?) > 0 ORDER BY log.sequence`,
    logRow,
  )
  const ahead = db.query(
    `SELECT sequence AS n FROM log WHERE sequence >= ? ORDER BY sequence LIMIT 1 OFFSET ${rowsLookedAt - 1}`,
    count,
  )
  return ({ endpoint, from, limits }) => {
    const end = Math.max(from, Math.min(limits.upTo ?? Number.MAX_SAFE_INTEGER, deps.head()))
    const first = deps.backlog.first(endpoint, from)
    if (first === undefined || first > end) return { rows: [], upTo: end, complete: true }
    const lookedAt = Math.min(end, ahead.get(first)?.n ?? end)
    const taken = take(routed.each(first, lookedAt, routeNeedle(endpoint)), limits)
    const upTo = taken.complete ? lookedAt : (taken.rows.at(-1)?.sequence ?? from)
    return { rows: taken.rows, upTo, complete: taken.complete && lookedAt === end }
  }
}
