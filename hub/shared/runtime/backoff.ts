/** Delays that grow: `minMs · factor^n`, at most `maxMs`, with full jitter (a random share of the delay, but never below `minMs / 2`). */
export interface BackoffSettings {
  readonly minMs: number
  readonly maxMs: number
  /** @default 2 */
  readonly factor?: number
  /** In [0, 1). @default Math.random */
  readonly random?: () => number
}

export interface Backoff {
  /** The next delay in milliseconds. */
  next(): number
  /** Consecutive `next` calls since the last `reset`. */
  readonly attempts: number
  /** The next delay is the smallest again; call it after a success. */
  reset(): void
}

export function backoff({ minMs, maxMs, factor = 2, random = Math.random }: BackoffSettings): Backoff {
  let attempts = 0
  return {
    next: () => {
      const ceiling = Math.min(maxMs, minMs * factor ** attempts)
      attempts++
      return Math.max(minMs / 2, ceiling * random())
    },
    get attempts() {
      return attempts
    },
    reset: () => {
      attempts = 0
    },
  }
}

/** `ms` ± `share` of it, so that many processes with one setting do not act in the same moment. */
export const jitter = (ms: number, share = 0.1, random: () => number = Math.random): number =>
  ms * (1 + share * (2 * random() - 1))
