/**
 * Copies a database that a hub has open, as a process of its own: SQLite does not stop a copy once it is under way, a process can be ended.
 * The copy is one moment of the database (`VACUUM INTO` reads in one transaction), without the room that deleted rows left.
 * Writers go on meanwhile; what they write stays in the write-ahead log until the copy is done.
 *
 * `copier.ts SOURCE TARGET SPARE`: TARGET is an empty file; SPARE bytes have to stay free beside the copy. It tells its parent one `Copied`.
 */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { integer, object } from '@watch-hub/shared/protocol/decode'
import { describeError } from '@watch-hub/shared/runtime/log'
import { readableBytes } from '../disk.ts'
import { type Database, isDiskFull, readDatabase } from '../engine/database.ts'
import type { Copied } from './copied.ts'

const pages = object({ used: integer, size: integer })

function copy(source: string, target: string, spare: number): Copied {
  using db = readDatabase(source)
  const needed = bytesOf(db)
  const { bavail, bsize } = statfsSync(dirname(target))
  const free = bavail * bsize
  if (free < needed + spare)
    return {
      type: 'no-room',
      message: `expected ${readableBytes(needed + spare)} of free disk in ${dirname(target)} (${readableBytes(spare)} of it to spare), got ${readableBytes(free)}`,
    }
  try {
    db.command('VACUUM INTO ?')(target)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    return { type: 'no-room', message: `the disk became full while the copy was made: ${dirname(target)}` }
  }
  return { type: 'copied', bytes: statSync(target).size }
}

const bytesOf = (db: Database): number => {
  const sql = `SELECT page_count - freelist_count AS used, page_size AS size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
  const found = db.query(sql, pages).get()
  return (found?.used ?? 0) * (found?.size ?? 0)
}

function copied(): Copied {
  const [, , source = '', target = '', spare = '0'] = process.argv
  try {
    return copy(source, target, Number(spare))
  } catch (error) {
    return { type: 'failed', message: describeError(error) }
  }
}

process.send?.(copied(), () => process.disconnect())
