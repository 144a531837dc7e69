/**
 * The gate that appends pass: open, or shut while the disk is too full. Those that wait go in their order when it opens, before any that
 * comes later. How many wait is bounded by those who call: eight frames per agent, whose sockets are not read meanwhile.
 */
export interface AppendGate {
  readonly isOpen: boolean
  shut(): void
  open(): void
  /** Runs `append`, at once or when its turn has come; `signal` takes back one that waits. */
  pass<T>(append: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Those that wait fail. Whoever comes later goes through, to hear what the store says. */
  close(why: Error): void
}

interface Waiting {
  go(): void
  fail(why: unknown): void
}

export function appendGate(): AppendGate {
  const waiting = new Set<Waiting>()
  let isOpen = true

  const wait = <T>(append: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const leave = () => {
        waiting.delete(turn)
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = () => turn.fail(signal?.reason)
      const turn: Waiting = {
        go: () => {
          leave()
          append().then(resolve, reject)
        },
        fail: (why) => {
          leave()
          reject(why)
        },
      }
      waiting.add(turn)
      signal?.addEventListener('abort', onAbort)
    })

  return {
    get isOpen() {
      return isOpen
    },
    shut: () => {
      isOpen = false
    },
    open: () => {
      for (const turn of waiting) turn.go()
      isOpen = true
    },
    pass: (append, signal) => (isOpen ? append() : wait(append, signal)),
    close: (why) => {
      for (const turn of waiting) turn.fail(why)
      isOpen = true
    },
  }
}
