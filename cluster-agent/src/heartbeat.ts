/**
 * The agent's word about itself: said when something has changed, and at least every `heartbeatMs`, so that its figures are never older than that
 * at the hub, and silence means something.
 */
import type { Bell } from '@watch-hub/shared/runtime/bell'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'

export interface HeartbeatDeps {
  readonly say: () => Promise<void>
  /** Rings when there is news. */
  readonly news: Bell
  readonly sleep: Sleep
}

/** Many changes are one message. */
const pauseMs = 200
const heartbeatMs = 10_000

/** Says it at once, and then for as long as the signal lets it; rejects with its reason. */
export async function heartbeat({ say, news, sleep }: HeartbeatDeps, signal: AbortSignal): Promise<never> {
  for (;;) {
    await say()
    await sleep(pauseMs, signal)
    await due({ news, sleep }, signal)
  }
}

async function due({ news, sleep }: Omit<HeartbeatDeps, 'say'>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const waits = [news.wait(either), sleep(heartbeatMs, either)]
  try {
    await Promise.race(waits)
  } finally {
    over.abort()
    await Promise.allSettled(waits)
  }
  signal.throwIfAborted()
}
