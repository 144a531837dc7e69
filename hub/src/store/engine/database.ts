/**
 * One connection to one SQLite file, and the only module that knows `node:sqlite`.
 *
 * What is committed is on disk (`synchronous=FULL`); the files are readable by their owner alone; nothing is checkpointed
 * unless `checkpoint` is called, because an automatic checkpoint stalls the commit that happens to trigger it.
 * Rows are decoded, not believed: a database that was touched by hand fails with the column's name.
 */
import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Decoder } from '@watch-hub/shared/protocol/decode'
import { checkpointed, count } from './columns.ts'

export type Value = string | number | null

/** A prepared statement that gives rows. While `each` runs, the same query must not be used again. */
export interface Query<Row> {
  get(...values: readonly Value[]): Row | undefined
  all(...values: readonly Value[]): readonly Row[]
  each(...values: readonly Value[]): IterableIterator<Row>
}

/** A prepared statement that changes rows: answers with their number. */
export type Command = (...values: readonly Value[]) => number

export interface Database extends Disposable {
  readonly file: string
  query<Row>(sql: string, row: Decoder<Row>): Query<Row>
  command(sql: string): Command
  exec(sql: string): void
  /** SQLite ends a transaction by itself after some failures (disk full, I/O error). */
  readonly inTransaction: boolean
  /** Bytes of the file that hold nothing and will be used again. */
  freeBytes(): number
  /** `noop` only looks; `passive` copies what it can without waiting for anyone; `truncate` also empties the write-ahead log. */
  checkpoint(mode: 'noop' | 'passive' | 'truncate'): { readonly pages: number; readonly copied: number }
}

/** Bodies of about 2 KB are the bulk: larger pages waste less of themselves. Fixed when the file is made. */
const pageBytes = 8192
/** Another connection's lock is waited for this long; 0, SQLite's default, would fail at once. */
const busyMs = 10_000

/** `:memory:` gives a database that lives as long as the connection. */
export function openDatabase(file: string): Database {
  if (file !== ':memory:') protect(file)
  const sqlite = new DatabaseSync(file, { timeout: busyMs })
  sqlite.exec(`
    PRAGMA page_size = ${pageBytes};
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;
  `)
  return wrap(sqlite, file)
}

/**
 * Only reads, also while another connection writes. It makes no file of its own beside a database that is complete in itself.
 * SQLite alone may open a database that this process has open: closing any other handle of the file drops its locks.
 */
export const readDatabase = (file: string): Database => wrap(new DatabaseSync(file, { readOnly: true, timeout: busyMs }), file)

/** A database at rest, to be taken as one file: `journal_mode=DELETE` has no side files. Nothing is waited for. */
export const openAtRest = (file: string): Database => wrap(new DatabaseSync(file, { timeout: 0 }), file)

/** True when the failure is that another connection has the database. */
export const isInUse = (error: unknown): boolean => codeOf(error) === 5
/** True when the failure is that the disk is full. */
export const isDiskFull = (error: unknown): boolean => codeOf(error) === 13

/** SQLite's primary result code. */
const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined

/** SQLite gives its side files (-wal, -shm) the mode of the main one. */
function protect(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
}

function wrap(sqlite: DatabaseSync, file: string): Database {
  const query = <Row>(sql: string, row: Decoder<Row>): Query<Row> => {
    const statement = sqlite.prepare(sql)
    return {
      get: (...values) => {
        const found = statement.get(...values)
        return found === undefined ? undefined : row.decode(found)
      },
      all: (...values) => statement.all(...values).map((each) => row.decode(each)),
      each: function* (...values) {
        for (const each of statement.iterate(...values)) yield row.decode(each)
      },
    }
  }
  const free = query('SELECT freelist_count * page_size AS n FROM pragma_freelist_count, pragma_page_size', count)
  return {
    file,
    query,
    freeBytes: () => free.get()?.n ?? 0,
    command: (sql) => {
      const statement = sqlite.prepare(sql)
      return (...values) => Number(statement.run(...values).changes)
    },
    exec: (sql) => sqlite.exec(sql),
    get inTransaction() {
      return sqlite.isTransaction
    },
    checkpoint: (mode) => {
      const done = query(`PRAGMA wal_checkpoint(${mode})`, checkpointed).get()
      return { pages: Math.max(done?.log ?? 0, 0), copied: Math.max(done?.checkpointed ?? 0, 0) }
    },
    [Symbol.dispose]: () => sqlite.close(),
  }
}

/** Version of the schema that the file holds; 0 = a new file. */
export const schemaVersion = (db: Database): number =>
  db.query('SELECT user_version AS n FROM pragma_user_version', count).get()?.n ?? 0
