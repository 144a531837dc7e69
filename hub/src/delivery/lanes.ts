/**
 * Lanes: which of the frozen batches may be sent now. Pure; the clock is given.
 *
 * Batches stand in their order. One may start when no earlier one that is not finished shares an object with it, so that nothing of an object
 * is ever passed. A batch that closes a scan starts only when it is the first of all, and batches of later scans wait for it.
 *
 * A batch that failed keeps its slot until it failed `standsAside` times. Then it holds none: whatever shares no object with it goes on. So
 * with one slot batches go strictly in order, except around one that stands aside.
 */

/** What lanes have to know of a batch. */
export interface Laned {
  /** Of the objects of its events. */
  readonly keys: readonly string[]
  /** `closes`: with a marker. */
  readonly scan?: 'part' | 'closes'
}

export interface Lane<B extends Laned = Laned> {
  batch: B
  /** An attempt is under way, or what came of it is not dealt with yet. */
  busy: boolean
  /** Failed attempts. */
  failures: number
  /** It is not tried before. */
  notBefore: number
  /** Number of the last attempt, over all lanes; 0 = never tried. */
  lastTurn: number
  /** Attempts that failed in a way that may be about the batch alone; and what the endpoint had accepted when the first of them did. */
  unclear: number
  acceptedBefore: number
}

interface Standing<B extends Laned> extends Lane<B> {
  /** How many of those before it have to finish first. */
  blockers: number
  readonly blocks: Standing<B>[]
}

export interface Lanes<B extends Laned> {
  /** Those that are not finished, in order. */
  readonly all: readonly Lane<B>[]
  /** Those that were never tried, and do not wait for others. */
  readonly ready: number
  /** Those whose attempt is under way, or not dealt with yet. */
  readonly busy: number
  add(batches: readonly B[]): readonly Lane<B>[]
  /** The next one to start, with that many slots in all; nothing = none may. */
  next(now: number, slots: number): Lane<B> | undefined
  /** Those of which one may be the probe, least recently tried first. */
  probe(now: number, slots: number): Lane<B> | undefined
  /** There are some that wait for no other, and each of them failed at least that often in a way that may be about it alone. */
  suspected(times: number): boolean
  /** All the others wait for it. */
  alone(lane: Lane<B>): boolean
  /** An attempt begins. */
  begin(lane: Lane<B>): void
  /** Its attempt came to nothing, and the next one does not begin before `notBefore`. */
  fail(lane: Lane<B>, notBefore: number): void
  /** Its attempt was given up before it began. */
  giveBack(lane: Lane<B>): void
  /** It is told, or has nothing to tell. */
  finish(lane: Lane<B>): void
  /** Others take its place. */
  replace(lane: Lane<B>, by: readonly B[]): readonly Lane<B>[]
  /** When the first of those that wait for their time is due. */
  nextAt(now: number): number | undefined
}

export const standsAside = 3

export function createLanes<B extends Laned>(): Lanes<B> {
  const all: Standing<B>[] = []
  /** The last batch of each object. */
  let last = new Map<string, Standing<B>>()
  let attempts = 0
  /** Batches whose attempt is under way. */
  let busy = 0

  const standing = (batch: B): Standing<B> => ({
    batch,
    ...{ busy: false, failures: 0, notBefore: 0, lastTurn: 0, unclear: 0, acceptedBefore: 0, blockers: 0, blocks: [] },
  })

  function link(lane: Standing<B>): void {
    for (const key of lane.batch.keys) {
      const before = last.get(key)
      last.set(key, lane)
      if (before === undefined || before === lane || before.blocks.at(-1) === lane) continue
      before.blocks.push(lane)
      lane.blockers++
    }
  }

  function relink(): void {
    last = new Map()
    for (const lane of all) {
      lane.blockers = 0
      lane.blocks.length = 0
    }
    for (const lane of all) link(lane)
  }

  const find = (lane: Lane<B>): Standing<B> => {
    const found = all.find((each) => each === lane)
    if (found === undefined) throw new Error('expected a lane that is not finished')
    return found
  }

  /** All in order, and whether they wait for no other. */
  function* turns(): Generator<readonly [lane: Standing<B>, free: boolean]> {
    let closing = false
    for (const [i, lane] of all.entries()) {
      const { scan } = lane.batch
      const behindMarker = closing && scan !== undefined
      closing ||= scan === 'closes'
      yield [lane, lane.blockers === 0 && !behindMarker && (scan !== 'closes' || i === 0)]
    }
  }

  /** Those that may start, in order, as far as `slots` go. */
  function* startable(now: number, slots: number): Generator<Standing<B>> {
    if (busy >= slots) return
    let taken = busy
    for (const [lane, free] of turns()) {
      if (lane.busy) continue
      const holds = lane.failures > 0 && lane.failures < standsAside
      if (free && lane.notBefore <= now && (holds || taken < slots)) yield lane
      if (holds) taken++
    }
  }

  return {
    get all() {
      return all
    },
    get ready() {
      let ready = 0
      for (const [{ lastTurn }, free] of turns()) if (free && lastTurn === 0) ready++
      return ready
    },
    get busy() {
      return busy
    },
    add(batches) {
      const lanes = batches.map(standing)
      for (const lane of lanes) link(lane)
      all.push(...lanes)
      return lanes
    },
    next(now, slots) {
      for (const lane of startable(now, slots)) return lane
      return undefined
    },
    probe(now, slots) {
      let found: Standing<B> | undefined
      for (const lane of startable(now, slots)) if (found === undefined || lane.lastTurn < found.lastTurn) found = lane
      return found
    },
    suspected(times) {
      const free = [...turns()].filter(([, isFree]) => isFree)
      return free.length > 0 && free.every(([{ unclear }]) => unclear >= times)
    },
    alone(lane) {
      for (const [each, free] of turns()) if (free && each !== lane) return false
      return true
    },
    begin(lane) {
      lane.lastTurn = ++attempts
      lane.busy = true
      busy++
    },
    fail(lane, notBefore) {
      lane.failures++
      lane.notBefore = notBefore
      lane.busy = false
      busy--
    },
    giveBack(lane) {
      lane.busy = false
      busy--
    },
    finish(lane) {
      const found = find(lane)
      all.splice(all.indexOf(found), 1)
      for (const key of found.batch.keys) if (last.get(key) === found) last.delete(key)
      for (const next of found.blocks) next.blockers--
      if (found.busy) busy--
    },
    replace(lane, by) {
      const found = find(lane)
      const lanes = by.map(standing)
      all.splice(all.indexOf(found), 1, ...lanes)
      if (found.busy) busy--
      relink()
      return lanes
    },
    nextAt(now) {
      let first: number | undefined
      for (const { notBefore, busy: under } of all)
        if (!under && notBefore > now && (first === undefined || notBefore < first)) first = notBefore
      return first
    },
  }
}
