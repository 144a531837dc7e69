/**
 * The free space of the disk, in stages: below the minimum room is made, even where the log is within its bound; where that is not enough,
 * appends wait, loudly, until there is room again. Reading, sending and settling go on all the time.
 */
import type { AppendGate } from './append-gate.ts'
import { type DiskSpace, type MinFree, minFreeBytes, readableBytes } from './disk.ts'
import type { KeepDeps } from './keep-bound.ts'
import type { StoreState } from './store.ts'

export interface DiskSettings {
  /** @default nothing has to stay free */
  readonly minFreeDisk?: MinFree
  /** @default the file system of the database; none for one in memory */
  readonly diskSpace?: () => Promise<DiskSpace>
}

export interface KeptDisk {
  /** Absent when all is well. */
  readonly state: StoreState | undefined
  /** As of the last look. */
  readonly freeBytes: number | undefined
  /** `afterMs`: the time since the look before. */
  look(afterMs: number): Promise<void>
}

/** A sweep that did not free enough is repeated, and a standstill is said, this often. */
const againMs = 60_000
/** More is made free than has to be, so that it does not begin again at once. */
const margin = 1.1

interface Seen {
  readonly free: number
  /** What has to stay free. */
  readonly least: number
}

export function keepDisk(
  { link, rooms, log, gate }: KeepDeps & { readonly gate: AppendGate },
  { minFreeDisk = { bytes: 0 }, diskSpace }: DiskSettings,
): KeptDisk {
  let state: StoreState | undefined
  let freeBytes: number | undefined
  let sinceSweep = againMs
  let sinceSaid = againMs

  const see = async (space: () => Promise<DiskSpace>): Promise<Seen> => {
    const { total, available } = await space()
    const free = available + (await link.call('room', undefined)).freeBytes
    freeBytes = free
    return { free, least: minFreeBytes(minFreeDisk, { total }) }
  }
  /** While appends wait, more is asked for than to go on. */
  const isShort = ({ free, least }: Seen) => free < (gate.isOpen ? least : least * margin)

  const makeRoom = async (lacks: () => Promise<boolean>): Promise<void> => {
    await rooms.dropPassed(lacks)
    if (sinceSweep < againMs) return
    await rooms.sweep(lacks)
    sinceSweep = (await lacks()) ? 0 : againMs
  }
  const goOn = () => {
    if (!gate.isOpen) log.info('there is room on the disk again: appends go on', { freeBytes })
    gate.open()
    state = undefined
    sinceSaid = againMs
  }
  const standStill = (short: string) => {
    gate.shut()
    const reason = `${short}: nothing is taken from agents until there is room on the disk; make some`
    state = { kind: 'stopped', reason }
    if (sinceSaid < againMs) return
    log.error('too little disk is free: appends wait', { reason })
    sinceSaid = 0
  }

  return {
    get state() {
      return state
    },
    get freeBytes() {
      return freeBytes
    },
    async look(afterMs) {
      if (diskSpace === undefined) return
      sinceSweep += afterMs
      sinceSaid += afterMs
      const before = await see(diskSpace)
      if (!isShort(before)) return goOn()
      if (gate.isOpen) {
        state = {
          kind: 'low-disk',
          reason: `${inWords(before)}: what endpoints have not read is compacted; make room on the disk`,
        }
        log.warn('too little disk is free: making room', { freeBytes: before.free, expected: before.least })
      }
      await makeRoom(async () => {
        const { free, least } = await see(diskSpace)
        return free < least * margin
      })
      const after = await see(diskSpace)
      if (isShort(after)) standStill(inWords(after))
      else goOn()
    },
  }
}

const inWords = ({ free, least }: Seen): string =>
  `${readableBytes(free)} of disk free, expected at least ${readableBytes(least)} (--min-free-disk)`
