/**
 * Puts a copy in the place of the database of a hub that does not run.
 *
 *   the copy is brought beside the database and looked at → nobody has the database → the copy gets a new generation → the present database
 *   keeps a name of its own → the copy takes its place in one step
 *
 * Until the last step the present database is what a hub would start with. A new generation tells agents that their hub knows less than it
 * acknowledged. Numbers of log rows go on above those of the present database too, so that none is given twice even if the clock went back.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, constants, copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { integer, object } from '@watch-hub/shared/protocol/decode'
import { isInUse, openAtRest } from '../engine/database.ts'
import type { Sequence } from '../store.ts'
import { type CopyFacts, inspectCopy, notWhole, refuseTorn } from './inspect.ts'

export interface RestoreSettings {
  /** What `watch-hub backup` wrote. */
  readonly copy: string
  /** The hub's database. */
  readonly file: string
  readonly now: number
}

export interface Restored extends CopyFacts {
  /** Where the database of before is; absent when there was none. */
  readonly kept?: string
}

/** Rejects, with the present database as it was, when a hub has it or the copy is not good. */
export async function restoreDatabase({ copy, file, now }: RestoreSettings): Promise<Restored> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await refuseTorn(copy)
  const kept = `${file}.before-restore-${stamp(now)}`
  const fresh = `${file}.restore-${randomBytes(6).toString('hex')}`
  try {
    await copyFile(copy, fresh, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await chmod(fresh, 0o600)
    atRest(fresh, copy)
    const facts = await inspectCopy(fresh, copy)
    const present = await settle(file, kept)
    renew(fresh, present?.head ?? 0)
    await sync(fresh)
    if (present !== undefined) await alsoAs(file, kept)
    for (const side of ['-wal', '-shm']) await rm(`${file}${side}`, { force: true })
    await rename(fresh, file)
    await sync(dirname(file))
    return { ...facts, ...(present !== undefined && { kept }) }
  } finally {
    for (const end of ['', '-journal', '-wal', '-shm']) await rm(`${fresh}${end}`, { force: true })
  }
}

const heads = object({ head: integer })

/**
 * Makes the present database one file, all of its changes in it. Of a damaged one the write-ahead log is kept under the other name as it is.
 * A hub that has it in spite of all (a lock can be missing on a network disk) finds that it is not the sole writer any more and ends.
 */
async function settle(file: string, kept: string): Promise<{ readonly head: Sequence } | undefined> {
  if ((await stat(file).catch(() => undefined)) === undefined) return undefined
  const sides = (await stat(`${file}-wal`).catch(() => undefined)) === undefined ? [] : [`${kept}-wal`]
  for (const side of sides) await alsoAs(`${file}-wal`, side) // SQLite removes one that it cannot use
  try {
    const head = ownedHead(file)
    for (const side of sides) await rm(side)
    return { head }
  } catch (error) {
    if (!isInUse(error)) return { head: 0 }
    for (const side of sides) await rm(side)
    throw new Error(`${file}: expected a database that no program has open, but one has: stop the hub of this data folder`, {
      cause: error,
    })
  }
}

function ownedHead(file: string): Sequence {
  using db = openAtRest(file)
  db.exec('PRAGMA journal_mode = DELETE')
  db.command(`INSERT OR REPLACE INTO meta VALUES ('writer', ?)`)(randomUUID())
  return db.query('SELECT head FROM totals', heads).get()?.head ?? 0
}

/** A database that was copied by hand, from a hub that was stopped, may still speak of a write-ahead log. */
function atRest(file: string, called: string): void {
  try {
    using db = openAtRest(file)
    db.exec('PRAGMA journal_mode = DELETE')
  } catch (cause) {
    throw notWhole(called, cause)
  }
}

function renew(file: string, presentHead: Sequence): void {
  using db = openAtRest(file)
  db.command(`DELETE FROM meta WHERE key = 'generation'`)() // the hub that opens it begins another history
  db.command('UPDATE totals SET head = max(head, ?)')(presentHead)
}

/** Gives a file another name beside its own. Not every disk has hard links. */
const alsoAs = (file: string, name: string): Promise<void> =>
  link(file, name).catch(() => copyFile(file, name, constants.COPYFILE_EXCL))

const stamp = (ms: number): string => new Date(ms).toISOString().replace(/[:.]/g, '-')

async function sync(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}
