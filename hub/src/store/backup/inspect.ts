/**
 * Looks at a copy of the hub's database before anybody relies on it: whole, of this program, of a release that this one can read.
 * A copy is complete in itself.
 */
import { stat } from 'node:fs/promises'
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import { type Database, readDatabase, schemaVersion } from '../engine/database.ts'
import { newestSchema } from '../engine/schema.ts'
import type { Sequence } from '../store.ts'

export interface CopyFacts {
  readonly bytes: number
  readonly objects: number
  /** Number of the newest change in it: its hub's clock in µs. 0 = none yet. */
  readonly head: Sequence
}

/** Rejects with what was expected and what the file is. Reads all of it. `called` is its name for people. */
export async function inspectCopy(file: string, called = file): Promise<CopyFacts> {
  const { size } = await stat(file)
  try {
    using db = readDatabase(file)
    return { bytes: size, ...factsOf(db) }
  } catch (cause) {
    throw notWhole(called, cause)
  }
}

export const notWhole = (called: string, cause: unknown): Error =>
  new Error(`${called}: expected a whole database of Watch Hub`, { cause })

/** Rejects when a write-ahead log lies beside the file: then a running hub's file was copied by hand. */
export async function refuseTorn(file: string): Promise<void> {
  const side = await stat(`${file}-wal`).catch(() => undefined)
  if (side !== undefined && side.size > 0)
    throw new Error(
      `${file}: expected a file that \`watch-hub backup\` made, got one with changes beside it in ${file}-wal: such a copy may be torn`,
    )
}

const check = object({ quick_check: string })
const facts = object({ head: integer, objects: integer })

function factsOf(db: Database): Omit<CopyFacts, 'bytes'> {
  const version = schemaVersion(db)
  const tables = db.query('SELECT name FROM sqlite_schema WHERE name IN (?, ?)', object({ name: string }))
  if (version === 0 || tables.all('totals', 'streams').length < 2) throw new Error('it holds none of the tables of a hub')
  if (version > newestSchema)
    throw new Error(`expected schema ${newestSchema} or older, got ${version}: a newer release wrote it, use that one`)
  const [first] = db.query('PRAGMA quick_check(1)', check).all()
  if (first?.quick_check !== 'ok') throw new Error(`SQLite says of it: ${first?.quick_check}`)
  const found = db.query('SELECT head, (SELECT ifnull(sum(objects), 0) FROM streams) AS objects FROM totals', facts).get()
  if (found === undefined) throw new Error('expected one row of totals, got none')
  return found
}
