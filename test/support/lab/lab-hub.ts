/** The place of the hub in a lab: one process at a time, and a database that outlives it. */
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Snapshot } from '@watch-hub/hub/config/model'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import type { FrontSettings } from '@watch-hub/hub/store/front'
import type { Log } from '@watch-hub/shared/runtime/log'
import { type HubProcess, startHubProcess } from './hub.ts'
import { type Clock, createClock } from './time.ts'

export interface LabHub {
  readonly running: HubProcess | undefined
  /** Its database. */
  readonly file: string
  readonly clock: Clock
  start(): Promise<void>
  /** A crash. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** A copy of the database as it is committed now; give it to `replaceDatabase`. */
  copyDatabase(): Promise<string>
  /** While no hub runs: its database becomes the copy; without one it is lost. */
  replaceDatabase(copy?: string): Promise<void>
}

interface HubPlace {
  readonly dir: string
  readonly log: Log
  readonly store: FrontSettings
}

/** `onKill` is called when the hub's sockets have to be cut. */
export function createLabHub(
  { dir, log, store }: HubPlace,
  snapshot: () => Snapshot | undefined,
): LabHub & { onKill(cut: () => void): void } {
  const folder = join(dir, 'hub')
  const file = join(folder, 'hub.db')
  const clock = createClock({ compressed: true }) // breakers, parked objects and the like compare it with times that they waited for
  let cut = () => {}
  let copies = 0
  let running: HubProcess | undefined
  const down = () => {
    const hub = running
    running = undefined
    return hub
  }
  return {
    get running() {
      return running
    },
    file,
    clock,
    start: async () => {
      if (running !== undefined) return
      await mkdir(folder, { recursive: true })
      running = await startHubProcess({ file, log, clock, store }, snapshot())
    },
    kill: async () => {
      const hub = down()
      if (hub === undefined) return
      const killed = hub.kill()
      cut()
      await killed
    },
    stop: async () => {
      await down()?.[Symbol.asyncDispose]()
    },
    copyDatabase: async () => {
      const copy = join(dir, `copy-${++copies}.db`)
      using db = openDatabase(file)
      db.exec(`VACUUM INTO '${copy}'`)
      return copy
    },
    replaceDatabase: async (copy) => {
      if (running !== undefined) throw new Error('expected no hub to run while its database is replaced')
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true })
      if (copy !== undefined) await copyFile(copy, file)
    },
    onKill: (next) => {
      cut = next
    },
  }
}
