/** The store in a SQLite file, with its engine in a thread of its own. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { spaceOf } from './disk.ts'
import { createStore, type FrontSettings } from './front.ts'
import { openThread } from './link/thread.ts'
import type { Store } from './store.ts'

export interface StoreSettings extends FrontSettings {
  /** The database's file, made when it is not there. Beside it, SQLite keeps `-wal` and `-shm`. All are mode 600. */
  readonly file: string
}

/** Rejects when the file cannot be opened, is damaged, or was written by a newer release. One hub per file. */
export async function openStore({ file, ...settings }: StoreSettings): Promise<Store> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  return createStore(await openThread({ file }), { diskSpace: spaceOf(dirname(file)), ...settings })
}
