/**
 * A sleep that tests hold in their hands: it records each wait and decides whether time passes at once, later, or never. Its clock is the real
 * one and what was slept.
 */
import type { Sleep } from '@watch-hub/shared/runtime/sleep'

export interface Sleeping {
  readonly sleep: Sleep
  readonly now: () => number
  /** Every wait so far, ms. */
  readonly waits: readonly number[]
  /** Whether a wait of this length is over at once. @default those below 20 s; longer ones are about looking again some day */
  passes: (ms: number) => boolean
  /** Resolves with the next wait of fewer than 20 s that begins. */
  next(): Promise<number>
  /** Ends every wait under way that is below 20 s. */
  elapse(): void
}

const short = (ms: number) => ms < 20_000

export function sleeping(): Sleeping {
  const waits: number[] = []
  const under = new Set<{ readonly ms: number; readonly resolve: () => void }>()
  const asked: ((ms: number) => void)[] = []
  let ahead = 0
  const now = () => Date.now() + ahead
  const self: Sleeping = {
    waits,
    now,
    passes: short,
    next: () => new Promise((resolve) => asked.push(resolve)),
    elapse() {
      for (const wait of [...under]) if (short(wait.ms)) wait.resolve()
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        waits.push(ms)
        if (short(ms)) for (const each of asked.splice(0)) each(ms)
        const over = () => {
          under.delete(wait)
          signal?.removeEventListener('abort', onAbort)
        }
        const onAbort = () => {
          over()
          reject(signal?.reason)
        }
        const due = now() + ms
        const wait = {
          ms,
          resolve: () => {
            ahead += Math.max(0, Math.ceil(due - now()))
            over()
            resolve()
          },
        }
        under.add(wait)
        signal?.addEventListener('abort', onAbort, { once: true })
        if (self.passes(ms)) setImmediate(wait.resolve)
      }),
  }
  return self
}

/** A clock of its own whose short waits are over at once. */
export function clock(): Pick<Sleeping, 'sleep' | 'now'> {
  const { sleep, now } = sleeping()
  return { sleep, now }
}
