/**
 * Upkeep: keeps the store within its bounds, beside everything else that it does (laws 5 and 10).
 *
 *   rows that nobody needs any more go after the retention, stale things after theirs
 *   the log is above its bound  → keep-bound.ts
 *   too little disk is free     → keep-disk.ts
 *   dead letters come near their bound → keep-letters.ts
 *
 * Looks every few seconds. What cannot be done now is tried again at the next look.
 */
import { type Log, silentLog } from '@watch-hub/shared/runtime/log'
import { sleep as realSleep, type Sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import { type AppendGate, appendGate } from './append-gate.ts'
import type { Ages } from './calls.ts'
import { keepBound } from './keep-bound.ts'
import { type DiskSettings, keepDisk } from './keep-disk.ts'
import { keepLetters } from './keep-letters.ts'
import type { Link } from './link/link.ts'
import { roomMaker } from './make-room.ts'
import type { Sequence, StoreState, StoreStats } from './store.ts'

export interface UpkeepSettings extends DiskSettings {
  /** How long the log keeps rows that nobody needs any more. @default 24 h */
  readonly retentionMs?: number
  /** How long dead letters are kept. @default 30 d */
  readonly deadLetterRetentionMs?: number
  /** Of one endpoint, as `StoreStats.deadLetterLimit` counts them. @default 256 MiB */
  readonly deadLetterLimit?: number
  /** How long attempts are kept, and at most 10,000 of each endpoint. @default 3 d */
  readonly attemptRetentionMs?: number
  /** @default 60 000 */
  readonly pruneEveryMs?: number
  /** How often the bounds are looked at. @default 5 000, and not less often than it prunes */
  readonly lookEveryMs?: number
  /** Bytes of the log, as `StoreStats.logBytes` counts them. @default 4 GiB */
  readonly logLimit?: number
  /** @default silent */
  readonly log?: Log
  /** For tests. @default the real one */
  readonly sleep?: Sleep
}

export interface UpkeepDeps {
  readonly link: Pick<Link, 'call'>
  /** Rows behind it are in memory: they have to stay as they are. */
  readonly floor: () => Sequence
}

/** Disposing ends it; appends that wait fail. */
export interface Upkeep extends AsyncDisposable, Pick<AppendGate, 'pass'> {
  readonly figures: Pick<StoreStats, 'state' | 'logLimit' | 'deadLetterLimit' | 'freeBytes'>
}

const defaultLogLimit = 4 * 1024 ** 3
export const defaultDeadLetterLimit = 256 * 1024 ** 2

export function startUpkeep({ link, floor }: UpkeepDeps, settings: UpkeepSettings): Upkeep {
  const { retentionMs = 24 * 3_600_000, pruneEveryMs = 60_000, log = silentLog, sleep = realSleep } = settings
  const { logLimit = defaultLogLimit, lookEveryMs = Math.min(5_000, pruneEveryMs) } = settings
  const { deadLetterLimit = defaultDeadLetterLimit, deadLetterRetentionMs, attemptRetentionMs } = settings
  const ages: Ages = {
    retentionMs,
    ...(deadLetterRetentionMs !== undefined && { deadLetterRetentionMs }),
    ...(attemptRetentionMs !== undefined && { attemptRetentionMs }),
  }
  const stop = new AbortController()
  /** Ends between two steps of whatever is under way. */
  const asked: Pick<Link, 'call'> = {
    call: async (op, input) => {
      stop.signal.throwIfAborted()
      return link.call(op, input)
    },
  }
  const gate = appendGate()
  const deps = { link: asked, rooms: roomMaker({ link: asked, floor, ages }), log }
  const bound = keepBound(deps, logLimit)
  const letters = keepLetters(deps, deadLetterLimit)
  const disk = keepDisk({ ...deps, gate }, settings)

  const task = new Task(async (signal) => {
    for (let sincePrune = 0, sinceLook = 0; ; sinceLook = lookEveryMs, sincePrune += lookEveryMs) {
      try {
        if (sincePrune >= pruneEveryMs) {
          sincePrune = 0
          while (await asked.call('prune', ages));
          await letters.look()
        }
        await bound.look()
        await disk.look(sinceLook)
      } catch (error) {
        if (stop.signal.aborted) return
        log.warn('the store could not be kept within its bounds, trying again later', { error, afterMs: lookEveryMs })
      }
      await sleep(lookEveryMs, signal)
    }
  })

  return {
    pass: gate.pass,
    get figures() {
      const { freeBytes } = disk
      const state: StoreState = disk.state ?? bound.state ?? { kind: 'ok' }
      return { state, logLimit, deadLetterLimit, ...(freeBytes !== undefined && { freeBytes }) }
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      gate.close(new Error('the store is closed'))
      await task[Symbol.asyncDispose]()
    },
  }
}
