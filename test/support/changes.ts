/** Waiting in tests without sleeping: whoever changes something says so, whoever waits looks again. */
import { deadline } from '@watch-hub/shared/runtime/sleep'

/** How long a test waits for what should come at once. */
const defaultMs = 10_000

export interface Changes {
  /** Something that a waiting predicate may look at is different now. */
  notify(): void
  /** Resolves as soon as `predicate` holds. Rejects after `ms` (default 10 s), naming `what` it waited for. */
  until(predicate: () => boolean, what: () => string, ms?: number): Promise<void>
}

export function changes(): Changes {
  const waiting = new Set<() => void>()
  return {
    notify: () => {
      for (const look of [...waiting]) look()
    },
    until: async (predicate, what, ms = defaultMs) => {
      using limit = deadline(ms)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const look = () => {
        try {
          if (predicate()) resolve()
        } catch (error) {
          reject(error)
        }
      }
      limit.signal.addEventListener('abort', () => reject(new Error(`waited ${ms} ms for ${what()}`)), { once: true })
      waiting.add(look)
      look()
      try {
        await promise
      } finally {
        waiting.delete(look)
      }
    },
  }
}
