/**
 * Tries: how often each frozen batch was tried, and under which trace context last. A batch that takes another one's place goes on where that one
 * was, and so does one that is made of events of others. As many as there are frozen batches; the store has the same.
 */
import type { EndpointState, FrozenBatch, LastAttempt } from '../store/store.ts'

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
  /** What to write down with batches that take its place. */
  lastOf(id: string): LastAttempt | undefined
  note(id: string, traceparent: string | undefined): void
  /** A batch that was made of events of others. */
  begin(batch: Pick<FrozenBatch, 'id' | 'lastAttempt'>): void
  forget(id: string): void
  /** Begins with what the store has. */
  restore(state: Pick<EndpointState, 'batches' | 'tried'>): void
}

const untried: Try = { number: 0, told: false }

export function createTries(): Tries {
  let tries = new Map<string, Try>()

  function begin({ id, lastAttempt }: Pick<FrozenBatch, 'id' | 'lastAttempt'>): void {
    if (lastAttempt === undefined || tries.has(id)) return
    tries.set(id, { number: lastAttempt.number, last: lastAttempt.traceparent, told: false })
  }

  return {
    of: (id) => tries.get(id) ?? untried,
    lastOf(id) {
      const { number, last } = tries.get(id) ?? untried
      return number === 0 ? undefined : { number, ...(last !== undefined && { traceparent: last }) }
    },
    note: (id, traceparent) => {
      const { number, last } = tries.get(id) ?? untried
      tries.set(id, { number: number + 1, last: traceparent ?? last, told: true })
    },
    begin,
    forget: (id) => void tries.delete(id),
    restore({ batches, tried }) {
      tries = new Map()
      for (const batch of batches) {
        begin(batch)
        const before = tries.get(batch.id)
        if (tried?.has(batch.id)) tries.set(batch.id, { number: tried.get(batch.id)?.attempts ?? 0, ...before, told: true })
      }
    },
  }
}
