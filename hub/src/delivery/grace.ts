/** What is under way when a stop comes gets some time to end by itself: the signal aborts `ms` after `stop` did, with its reason. */
import { after } from '@watch-hub/shared/runtime/sleep'

export function graceful(stop: AbortSignal, ms: number): { readonly signal: AbortSignal } & Disposable {
  const over = new AbortController()
  let timer: Disposable | undefined
  const begin = () => {
    timer = after(ms, () => over.abort(stop.reason))
  }
  if (stop.aborted) begin()
  else stop.addEventListener('abort', begin, { once: true })
  return {
    signal: over.signal,
    [Symbol.dispose]: () => {
      stop.removeEventListener('abort', begin)
      timer?.[Symbol.dispose]()
    },
  }
}
