/** A sleep that tests hold in their hands: it records each wait and decides whether time passes at once, later, or never. */
import type { Sleep } from '@watch-hub/shared/runtime/sleep'

export interface Sleeping {
  readonly sleep: Sleep
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
  const self: Sleeping = {
    waits,
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
        const wait = {
          ms,
          resolve: () => {
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
