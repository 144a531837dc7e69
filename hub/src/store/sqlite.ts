/** The store in a SQLite file, with its engine in a thread of its own. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { spaceOf } from './disk.ts'
import { isInUse, openAtRest } from './engine/database.ts'
import { createStore, type FrontSettings } from './front.ts'
import { openThread } from './link/thread.ts'
import type { Store } from './store.ts'

export interface StoreSettings extends FrontSettings {
  /** The database's file, made when it is not there. Beside it, SQLite keeps `-wal` and `-shm`. All are mode 600. */
  readonly file: string
}

/** Throws when another program has the database open: another hub, most likely. One that was killed has it no more. */
export function refuseSecond(file: string): void {
  if (!existsSync(file)) return
  try {
    using db = openAtRest(file)
    db.exec('PRAGMA journal_mode = DELETE') // possible for the only one who has it
  } catch (cause) {
    if (isInUse(cause))
      throw new Error(
        `${file}: expected a database that no other program has open, but one has: stop the other hub, or give this one a data folder of its own`,
        { cause },
      )
  }
}

/** Rejects when the file cannot be opened, is damaged, or was written by a newer release. One hub per file. */
export async function openStore({ file, ...settings }: StoreSettings): Promise<Store> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  return createStore(await openThread({ file }), { diskSpace: spaceOf(dirname(file)), ...settings })
}
