/** How long commits take, from the first operation of the transaction until it is on disk: the last thousand of them, and the shape of all. */
import type { StoreStats } from '../store.ts'

export interface CommitTimes {
  add(ms: number): void
  summary(): Pick<StoreStats, 'commitMs' | 'commits'>
}

const remembered = 1_000
const boundsMs = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000] as const

export function commitTimes(): CommitTimes {
  const times: number[] = []
  let last = 0
  let at = 0
  let sumMs = 0
  const counts = Array.from({ length: boundsMs.length + 1 }, () => 0)
  return {
    add: (ms) => {
      last = ms
      sumMs += ms
      const place = boundsMs.findIndex((bound) => ms <= bound)
      const bucket = place < 0 ? boundsMs.length : place
      counts[bucket] = (counts[bucket] ?? 0) + 1
      times[at] = ms
      at = (at + 1) % remembered
    },
    summary: () => {
      const ascending = times.toSorted((a, b) => a - b)
      const quantile = (q: number) => ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * q))] ?? 0
      return { commitMs: { last, p50: quantile(0.5), p99: quantile(0.99) }, commits: { boundsMs, counts: [...counts], sumMs } }
    },
  }
}
