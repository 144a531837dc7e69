/**
 * Tries: how often each frozen batch was tried, and under which trace context last. A batch that takes another one's place goes on where that one
 * was. As many as there are frozen batches; the store has the same.
 */
import type { EndpointState } from '../store/store.ts'

export interface Try {
  /** Attempts so far, of those whose place it took too. */
  readonly number: number
  /** `traceparent` of the last attempt. */
  readonly last?: string | undefined
  /** Its events are written down: it was tried under this id. */
  readonly told: boolean
}

export interface Tries {
  of(id: string): Try
  note(id: string, traceparent: string | undefined): void
  /** `ids` take its place. */
  replace(id: string, ids: readonly string[]): void
  forget(id: string): void
  /** Begins with what the store has. */
  restore(state: Pick<EndpointState, 'batches' | 'tried'>): void
}

const untried: Try = { number: 0, told: false }

export function createTries(): Tries {
  let tries = new Map<string, Try>()
  return {
    of: (id) => tries.get(id) ?? untried,
    note: (id, traceparent) => {
      const { number, last } = tries.get(id) ?? untried
      tries.set(id, { number: number + 1, last: traceparent ?? last, told: true })
    },
    replace(id, ids) {
      const before = tries.get(id)
      tries.delete(id)
      if (before !== undefined) for (const each of ids) tries.set(each, { ...before, told: each === id && before.told })
    },
    forget: (id) => void tries.delete(id),
    restore: ({ batches, tried }) => {
      tries = new Map(
        batches.flatMap(({ id, lastAttempt }) => {
          const number = tried?.get(id)?.attempts ?? 0
          return number === 0 && lastAttempt === undefined ? [] : [[id, { number, last: lastAttempt, told: number > 0 }] as const]
        }),
      )
    },
  }
}
