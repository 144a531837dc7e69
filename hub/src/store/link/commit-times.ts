/** How long the last commits took, from the first operation of the transaction until it was on disk. Remembers a thousand. */
import type { StoreStats } from '../store.ts'

export interface CommitTimes {
  add(ms: number): void
  summary(): StoreStats['commitMs']
}

const remembered = 1_000

export function commitTimes(): CommitTimes {
  const times: number[] = []
  let last = 0
  let at = 0
  return {
    add: (ms) => {
      last = ms
      times[at] = ms
      at = (at + 1) % remembered
    },
    summary: () => {
      const ascending = times.toSorted((a, b) => a - b)
      const quantile = (q: number) => ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * q))] ?? 0
      return { last, p50: quantile(0.5), p99: quantile(0.99) }
    },
  }
}
