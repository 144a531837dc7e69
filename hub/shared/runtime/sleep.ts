/**
 * Every wait and every deadline of Watch Hub goes through this module, so that a test can see all of them
 * and a stopped process never leaves a timer behind.
 */

export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

/** Longest delay a timer takes: above it Node fires after 1 ms instead (documented limit of setTimeout). */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Waits `ms` milliseconds (below 0 counts as 0). Rejects with the signal's reason as soon as `signal` aborts. */
export const sleep: Sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      },
      Math.min(Math.max(ms, 0), MAX_TIMER_MS),
    )
    signal?.addEventListener('abort', onAbort, { once: true })
  })

/** Thrown (as an abort reason) when a deadline passes. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
  readonly ms: number
  constructor(ms: number, what = 'operation') {
    super(`${what} took longer than ${ms} ms`)
    this.ms = ms
  }
}

/** A signal that aborts with `TimeoutError` after `ms`, or with its parent. `reset` starts the time anew; disposing ends the timer. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal
  reset(): void
}

export function deadline(ms: number, options: { readonly parent?: AbortSignal; readonly what?: string } = {}): Deadline {
  const controller = new AbortController()
  const { parent } = options
  const onParent = () => controller.abort(parent?.reason)
  const fire = () => controller.abort(new TimeoutError(ms, options.what))
  const timer = setTimeout(fire, Math.min(ms, MAX_TIMER_MS))
  if (parent?.aborted) onParent()
  else parent?.addEventListener('abort', onParent, { once: true })
  return {
    signal: controller.signal,
    reset: () => {
      if (!controller.signal.aborted) timer.refresh()
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      parent?.removeEventListener('abort', onParent)
    },
  }
}

/** Calls `run` once, after `ms`, unless it is disposed before. Does not keep the process alive. */
export function after(ms: number, run: () => void): Disposable {
  const timer = setTimeout(run, Math.min(ms, MAX_TIMER_MS))
  timer.unref()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
