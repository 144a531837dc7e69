/**
 * Resyncs on a timer (`resync: 12h` on a Watch): looks now and then whether some are due and has the store begin them. When each pair was
 * told last is in the store, so a restart neither repeats nor forgets one.
 */
import { jitter } from '@watch-hub/shared/runtime/backoff'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { isAbort, Task } from '@watch-hub/shared/runtime/task'
import type { Snapshot } from '../config/model.ts'
import type { Store } from '../store/store.ts'

export interface ResyncsDeps {
  readonly store: Pick<Store, 'resyncDue'>
  readonly log: Log
  readonly sleep: Sleep
  /** In [0, 1). */
  readonly random: () => number
  /** Scans of this endpoint began. */
  readonly onBegun: (endpoint: string) => void
}

export interface Resyncs extends AsyncDisposable {
  follow(snapshot: Snapshot): void
}

const looksPerPeriod = 10
const shortestLookMs = 5_000
const longestLookMs = 60_000

export function startResyncs({ store, log, sleep, random, onBegun }: ResyncsDeps): Resyncs {
  let periods: Readonly<Record<string, number>> = {}
  const changed = bell()
  const task = new Task(async (signal) => {
    for (;;) {
      const shortest = Math.min(...Object.values(periods))
      if (shortest === Number.POSITIVE_INFINITY) {
        await changed.wait(signal)
        continue
      }
      const lookMs = Math.min(Math.max(shortest / looksPerPeriod, shortestLookMs), longestLookMs)
      await sleep(jitter(lookMs, 0.1, random), signal)
      try {
        for (const endpoint of await store.resyncDue(periods)) onBegun(endpoint)
      } catch (error) {
        if (isAbort(error, signal)) throw error
        log.warn('resyncs that are due could not begin, trying again later', { error })
      }
    }
  })
  return {
    follow({ watches }) {
      periods = Object.fromEntries(
        [...watches].flatMap(([name, { resyncMs, paused }]) => (resyncMs > 0 && !paused ? [[name, resyncMs]] : [])),
      )
      changed.ring()
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}
