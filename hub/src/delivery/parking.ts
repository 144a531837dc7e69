/**
 * Parking: the objects that the endpoint keeps failing on while it accepts others, as they are in the store. Of each the first event is tried
 * on a schedule of its own (5 s, doubling to 6 h, full jitter); those behind it wait. Pure; the clock is given.
 *
 * A parked object ends when nothing of it waits any more: its events were accepted, or given up.
 */
import type { Parking as Standing } from '../store/store.ts'
import type { WaitingBatch } from './frozen.ts'

export interface ParkedBatch extends WaitingBatch {
  readonly parking: Standing
}

export interface ParkedObject {
  readonly key: string
  /** Never empty; the first one is tried. */
  readonly batches: readonly ParkedBatch[]
}

export interface Parking {
  readonly objects: number
  /** Of all that waits. */
  readonly bytes: number
  /** There is no room for more. */
  readonly full: boolean
  has(key: string): boolean
  get(key: string): ParkedObject | undefined
  /** The object of this batch. */
  ofBatch(id: string): ParkedObject | undefined
  /** Behind what waits of its object. */
  add(batch: WaitingBatch): void
  /** Others of its object take its place, or none. */
  replace(id: string, by: readonly WaitingBatch[]): void
  /** What is not due yet is: what stood in the way may be gone. */
  hurry(now: number): void
  /** How the first one of its object stands now. */
  stand(id: string, parking: Standing): void
  /** The one whose time came first. */
  due(now: number): ParkedObject | undefined
  /** When the next one is due that is not yet. */
  nextAt(now: number): number | undefined
  /** In the order of their turns. */
  all(): readonly ParkedObject[]
}

export const parkingBounds = { objects: 1_000, bytes: 64 * 1024 * 1024 }

const schedule = { minMs: 5_000, maxMs: 6 * 3_600_000 }

/** The longest wait after that many attempts, where the endpoint asked for none. */
export const longestParkedDelayMs = (attempts: number): number =>
  Math.min(schedule.maxMs, schedule.minMs * 2 ** Math.max(0, attempts - 1))

/** The wait after that many attempts, with full jitter; at least what the endpoint asked for. */
export const parkedDelayMs = (attempts: number, random: () => number, afterMs = 0): number =>
  Math.max(schedule.minMs / 2, longestParkedDelayMs(attempts) * random(), afterMs)

/** An event of it was tried. */
export const wasTried = ({ parking }: ParkedBatch): boolean => parking.attempts > 0 || parking.firstAttemptAt !== undefined

export function createParking(bounds = parkingBounds): Parking {
  const objects = new Map<string, ParkedBatch[]>()
  /** By id of each batch. */
  const keys = new Map<string, string>()
  let bytes = 0
  /** When the first turn comes; absent = not looked up since something changed. */
  let soonest: number | undefined

  function count(batch: ParkedBatch, by: 1 | -1): void {
    bytes += by * sizeOf(batch)
    soonest = undefined
    if (by === 1) keys.set(batch.frozen.id, batch.parking.object)
    else keys.delete(batch.frozen.id)
  }
  const turnOf = (batches: readonly ParkedBatch[]): number => batches[0]?.parking.nextAttemptAt ?? Number.POSITIVE_INFINITY
  const view = (key: string): ParkedObject | undefined => {
    const batches = objects.get(key)
    return batches && { key, batches }
  }

  return {
    get objects() {
      return objects.size
    },
    get bytes() {
      return bytes
    },
    get full() {
      return objects.size >= bounds.objects || bytes >= bounds.bytes
    },
    has: (key) => objects.has(key),
    get: view,
    ofBatch: (id) => {
      const key = keys.get(id)
      return key === undefined ? undefined : view(key)
    },
    add(batch) {
      const one = parkedOne(batch)
      const { object } = one.parking
      const batches = objects.get(object)
      if (batches === undefined) objects.set(object, [one])
      else batches.push(one)
      count(one, 1)
    },
    replace(id, by) {
      const key = keys.get(id)
      const batches = key === undefined ? undefined : objects.get(key)
      const at = batches?.findIndex(({ frozen }) => frozen.id === id) ?? -1
      const before = batches?.[at]
      if (key === undefined || batches === undefined || before === undefined)
        throw new Error(`expected batch ${id} to be parked, got nothing`)
      const anew = by.map(parkedOne)
      count(before, -1)
      for (const each of anew) count(each, 1)
      batches.splice(at, 1, ...anew)
      if (batches.length === 0) objects.delete(key)
      soonest = undefined
    },
    stand(id, parking) {
      const key = keys.get(id)
      const batches = key === undefined ? undefined : objects.get(key)
      const at = batches?.findIndex(({ frozen }) => frozen.id === id) ?? -1
      const before = batches?.[at]
      if (batches === undefined || before === undefined) return
      soonest = undefined
      batches[at] = { ...before, parking, frozen: { ...before.frozen, parking } }
    },
    hurry(now) {
      for (const [first] of objects.values())
        if (first !== undefined && first.parking.nextAttemptAt > now)
          this.stand(first.frozen.id, { ...first.parking, nextAttemptAt: now })
    },
    due(now) {
      soonest ??= [...objects.values()].reduce((least, batches) => Math.min(least, turnOf(batches)), Number.POSITIVE_INFINITY)
      if (soonest > now) return undefined
      let first: string | undefined
      let turn = now
      for (const [key, batches] of objects)
        if (turnOf(batches) <= turn) {
          first = key
          turn = turnOf(batches)
        }
      return first === undefined ? undefined : view(first)
    },
    nextAt(now) {
      let next: number | undefined
      for (const batches of objects.values()) {
        const turn = turnOf(batches)
        if (turn > now && (next === undefined || turn < next)) next = turn
      }
      return next
    },
    all: () => [...objects].map(([key, batches]) => ({ key, batches })).sort((a, b) => turnOf(a.batches) - turnOf(b.batches)),
  }
}

function parkedOne(batch: WaitingBatch): ParkedBatch {
  const { parking } = batch.frozen
  if (parking === undefined) throw new Error(`expected batch ${batch.frozen.id} to be a parked one`)
  return { ...batch, parking }
}

const sizeOf = ({ frozen }: WaitingBatch): number => frozen.payload?.length ?? 0
