/** The lab's time: waits are divided, clocks can be wrong. */
import { sleep as realSleep, type Sleep } from '@watch-hub/shared/runtime/sleep'

/** Waits of the product take this part of what they say. */
const compression = 200

export const shortSleep: Sleep = (ms, signal) => realSleep(ms / compression, signal)

/** A clock of one process: wall time, and how wrong it is. */
export interface Clock {
  readonly now: () => number
  /** Only runs forward, whatever `now` says; ms. */
  readonly monotonic: () => number
  /** ms that it is ahead of the real time; negative = behind. */
  setWrong(byMs: number): void
  /** Lets time pass on the monotonic clock. */
  pass(ms: number): void
}

export function createClock(): Clock {
  let wrong = 0
  let passed = 0
  return {
    now: () => Date.now() + wrong,
    monotonic: () => performance.now() + passed,
    setWrong: (byMs) => {
      wrong = byMs
    },
    pass: (ms) => {
      passed += ms
    },
  }
}
