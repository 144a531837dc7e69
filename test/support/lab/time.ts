/** The lab's time: waits are divided, clocks that are waited by run as much faster, and all can be wrong. */
import { sleep as realSleep, type Sleep } from '@watch-hub/shared/runtime/sleep'

/** Waits of the product take this part of what they say. */
const compression = 200

export const shortSleep: Sleep = (ms, signal) => realSleep(ms / compression, signal)

/** A clock of one process: where it began, how fast it runs, and how wrong it is. */
export interface Clock {
  readonly now: () => number
  /** Only runs forward, whatever `now` says; ms. */
  readonly monotonic: () => number
  /** ms that it is ahead of the real time; negative = behind. */
  setWrong(byMs: number): void
  /** Lets time pass on the monotonic clock. */
  pass(ms: number): void
}

/** `compressed`: runs faster than the real time by what waits are divided by, so that a wait of the product takes as long as it says. */
export function createClock({ compressed = false }: { readonly compressed?: boolean } = {}): Clock {
  const began = Date.now()
  const speed = compressed ? compression : 1
  let wrong = 0
  let passed = 0
  return {
    now: () => began + Math.round((performance.timeOrigin + performance.now() - began) * speed) + wrong,
    monotonic: () => performance.now() + passed,
    setWrong: (byMs) => {
      wrong = byMs
    },
    pass: (ms) => {
      passed += ms
    },
  }
}
