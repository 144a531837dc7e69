/**
 * The last minute of one endpoint in figures: how fast events are accepted and how long attempts take. Counted in seconds and in few classes
 * of duration, so what is kept does not grow with the pace.
 */

const windowMs = 60_000
const slotMs = 1_000
const slots = windowMs / slotMs
/** Classes of durations: each is a tenth longer than the one before; the last is beyond the longest timeout. */
const growth = 1.1
const classes = 160

export interface RecentFigures {
  /** Accepted, over the last minute or since the courier began, if that is shorter. */
  readonly eventsPerSecond: number
  /** Attempts that ended within the last minute, and those of them that failed. */
  readonly attempts: number
  readonly failed: number
  /** Of their durations, to a tenth; absent when there were none. */
  readonly p50Ms?: number
  readonly p99Ms?: number
}

export interface Recent {
  /** An attempt is over. `ms`: how long it took. `accepted`: the events that the endpoint took. */
  attempt(of: { readonly ms: number; readonly accepted: number; readonly failed: boolean }): void
  figures(): RecentFigures
}

interface Slot {
  /** Which second of the clock it counts. */
  second: number
  events: number
  failed: number
  readonly durations: Uint32Array
}

export function createRecent(now: () => number): Recent {
  const began = now()
  const ring: Slot[] = []

  /** The clock may have been set back: what was counted under later seconds is then not of the last minute. */
  function current(): Slot {
    const second = Math.floor(now() / slotMs)
    const at = second % slots
    const slot = ring[at]
    if (slot?.second === second) return slot
    const fresh = { second, events: 0, failed: 0, durations: new Uint32Array(classes) }
    ring[at] = fresh
    return fresh
  }

  return {
    attempt({ ms, accepted, failed }) {
      const slot = current()
      const at = classOf(ms)
      slot.durations[at] = (slot.durations[at] ?? 0) + 1
      slot.events += accepted
      if (failed) slot.failed++
    },
    figures() {
      const second = Math.floor(now() / slotMs)
      const valid = ring.filter((slot) => slot.second <= second && slot.second > second - slots)
      const sum = (of: (slot: Slot) => number) => valid.reduce((total, slot) => total + of(slot), 0)
      const durations = new Uint32Array(classes).map((_, i) => sum((slot) => slot.durations[i] ?? 0))
      const attempts = durations.reduce((total, count) => total + count, 0)
      const seconds = Math.min(Math.max(now() - began, slotMs), windowMs) / 1_000
      return {
        eventsPerSecond: sum(({ events }) => events) / seconds,
        attempts,
        failed: sum(({ failed }) => failed),
        ...(attempts > 0 && { p50Ms: quantile(durations, attempts * 0.5), p99Ms: quantile(durations, attempts * 0.99) }),
      }
    },
  }
}

/** Class 0 is below 1 ms. */
const classOf = (ms: number): number => (ms < 1 ? 0 : Math.min(1 + Math.floor(Math.log(ms) / Math.log(growth)), classes - 1))

/** The upper edge of the class that the attempt at `rank` is in. */
function quantile(durations: Uint32Array, rank: number): number {
  let seen = 0
  const at = durations.findIndex((count) => {
    seen += count
    return seen >= rank
  })
  return Math.round(growth ** Math.max(at, 0))
}
