/** The byte bound of the log: when it is passed, room is made, down to three quarters of it, so that this is not for a few rows each time. */
import type { Log } from '@watch-hub/shared/runtime/log'
import { readableBytes } from './disk.ts'
import type { Link } from './link/link.ts'
import type { RoomMaker } from './make-room.ts'
import type { Sequence, StoreState } from './store.ts'

export interface KeepDeps {
  readonly link: Pick<Link, 'call'>
  readonly rooms: RoomMaker
  readonly log: Log
}

export interface KeptBound {
  /** Absent when all is well. */
  readonly state: StoreState | undefined
  look(): Promise<void>
}

const goalShare = 0.75
/** A sweep that left the log above the goal is not repeated before the log grew by this share of its bound, or so many looks went by. */
const againShare = 0.125
const againLooks = 12

export function keepBound({ link, rooms, log }: KeepDeps, limit: number): KeptBound {
  let state: StoreState | undefined
  let sweepAbove = 0
  /** Of the last sweep: what was appended after it may be passed over by the next one. */
  let sweptTo: Sequence | undefined
  let looks = 0
  const logBytes = async () => (await link.call('room', undefined)).logBytes
  const lacks = async () => (await logBytes()) > limit * goalShare

  return {
    get state() {
      return state
    },
    async look() {
      if ((await logBytes()) > limit) {
        await rooms.dropPassed(lacks)
        const grown = (await logBytes()) > Math.max(limit, sweepAbove)
        if (grown || (++looks >= againLooks && sweptTo !== rooms.floor)) {
          looks = 0
          sweptTo = rooms.floor
          await rooms.sweep(lacks)
          sweepAbove = (await lacks()) ? (await logBytes()) + limit * againShare : 0
        }
      }
      const bytes = await logBytes()
      const isOver = bytes > limit
      if (isOver && state === undefined)
        log.warn('the log is above its bound, though what could be passed over was', { bytes, limit })
      if (!isOver && state !== undefined) log.info('the log is within its bound again', { bytes, limit })
      state = isOver ? { kind: 'over-bound', reason: reasonOver(bytes, limit) } : undefined
    },
  }
}

const reasonOver = (bytes: number, limit: number): string =>
  `the log holds ${readableBytes(bytes)}, above its bound of ${readableBytes(limit)}; what came since the last sweep is passed over by the next, ` +
  'within a minute. If it stays: bring back the endpoints that have a backlog, remove them, or raise --log-limit'
