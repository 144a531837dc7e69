/**
 * A bell for loops that wait for news: `wait` resolves after the next `ring`. A ring that came since the last `wait` is not lost,
 * many rings are one. One waiter at a time.
 */
export interface Bell {
  ring(): void
  /** Rejects with the signal's reason when it aborts first. */
  wait(signal?: AbortSignal): Promise<void>
}

export function bell(): Bell {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring: () => {
      if (wake === undefined) rung = true
      else wake()
    },
    wait: (signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        if (rung) {
          rung = false
          return resolve()
        }
        const onAbort = () => {
          wake = undefined
          reject(signal?.reason)
        }
        wake = () => {
          wake = undefined
          signal?.removeEventListener('abort', onAbort)
          resolve()
        }
        signal?.addEventListener('abort', onAbort, { once: true })
      }),
  }
}
