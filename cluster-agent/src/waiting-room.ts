/**
 * A waiting room: callers wait until their condition holds. Nothing is polled: whoever changes what conditions depend on calls `look`.
 * In order, one whose condition does not hold keeps those behind it waiting, so that nobody is passed for ever.
 */
export interface WaitingRoom {
  readonly size: number
  /** `holds` may act when it answers true: that is the last time it is asked. Rejects with the signal's reason when that aborts first. */
  wait(holds: () => boolean, signal: AbortSignal): Promise<void>
  look(): void
  /** Everyone who waits is sent away. */
  refuse(why: Error): void
}

interface Waiter {
  readonly holds: () => boolean
  readonly resolve: () => void
  readonly reject: (why: unknown) => void
}

export function waitingRoom({ inOrder }: { readonly inOrder: boolean }): WaitingRoom {
  const waiters = new Set<Waiter>()

  const look = () => {
    for (const waiter of waiters) {
      if (waiter.holds()) waiter.resolve()
      else if (inOrder) return
    }
  }

  const stay = (holds: () => boolean, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = () => {
        waiters.delete(waiter)
        signal.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        holds,
        resolve: () => {
          leave()
          resolve()
        },
        reject: (why) => {
          leave()
          reject(why)
        },
      }
      const onAbort = () => {
        waiter.reject(signal.reason)
        look()
      }
      waiters.add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })

  return {
    get size() {
      return waiters.size
    },
    wait: (holds, signal) => {
      if (signal.aborted) return Promise.reject(signal.reason)
      if ((inOrder && waiters.size > 0) || !holds()) return stay(holds, signal)
      return Promise.resolve()
    },
    look,
    refuse: (why) => {
      for (const waiter of waiters) waiter.reject(why)
    },
  }
}
