/** How late the event loop is. Asking does not change what others are told: several may ask, each at its own pace. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

export interface EventLoop extends Disposable {
  /** The 99th percentile of this minute or the one before it, whichever is greater, ms. */
  delayMs(): number
}

const windowMs = 60_000
/** How often the monitor looks, ms; its own timer is this late at least, and that is no delay. */
const resolution = 10

export function watchEventLoop(now: () => number = () => performance.now()): EventLoop {
  const histogram = monitorEventLoopDelay({ resolution })
  histogram.enable()
  let began = now()
  let before = 0
  const p99 = () => Math.max(0, histogram.percentile(99) / 1e6 - resolution)
  return {
    delayMs: () => {
      const delay = Math.max(p99(), before)
      if (now() - began >= windowMs) {
        before = p99()
        began = now()
        histogram.reset()
      }
      return delay
    },
    [Symbol.dispose]: () => histogram.disable(),
  }
}
