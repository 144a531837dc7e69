/**
 * The ledger: what one endpoint's courier writes down. Batches are written before their first attempt; accepted ones are forgotten soon after,
 * so that a crash repeats at most the batch in flight and the one accepted before it.
 */
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Freeze, Sequence, Store } from '../store/store.ts'

export interface Ledger {
  /** How far the log was read; on disk at the latest with the next step. */
  readonly cursor: Sequence
  /** Accepted, and not yet known to be forgotten on disk. */
  readonly accepted: ReadonlySet<string>
  /** Begins at what the store says. */
  begin(cursor: Sequence): void
  /** Moves on without writing. */
  pass(cursor: Sequence): void
  /** This batch was accepted. */
  accept(id: string): void
  /** Begins to write what was accepted; resolves when what was begun before is on disk. */
  settle(): Promise<void>
  /** Resolves when these batches, the cursor and everything accepted so far are on disk. `given` are settled without having been accepted. */
  freeze(
    step: Pick<Freeze, 'batches' | 'scan'> & { readonly cursor?: Sequence; readonly given?: readonly string[] },
  ): Promise<void>
  /** Resolves when everything accepted so far, and the cursor if it moved, are on disk. */
  flush(): Promise<void>
}

export function createLedger(endpoint: string, store: Pick<Store, 'freeze'>): Ledger {
  const accepted = new Set<string>()
  let cursor = 0
  let written = 0
  let under: Promise<void> = Promise.resolve()

  async function write(step: Pick<Freeze, 'batches' | 'scan'>, given: readonly string[]): Promise<void> {
    const settled = [...accepted]
    const at = cursor
    await store.freeze({ endpoint, settled: [...settled, ...given], cursor: at, ...step })
    if (settled.length > 0) moment('batch-settled')
    for (const id of settled) accepted.delete(id)
    written = at
  }

  /** One write after the other: the next one begins when this one is over. */
  function begin(step: Pick<Freeze, 'batches' | 'scan'>, given: readonly string[] = []): Promise<void> {
    under = write(step, given)
    under.catch(() => {}) // whoever writes next hears of it
    return under
  }

  return {
    get cursor() {
      return cursor
    },
    accepted,
    begin(from) {
      cursor = from
      written = from
      under = Promise.resolve()
    },
    pass: (to) => {
      cursor = to
    },
    accept: (id) => void accepted.add(id),
    async settle() {
      await under
      void begin({ batches: [] })
    },
    async freeze({ cursor: to, given, ...step }) {
      await under
      if (to !== undefined) cursor = to
      await begin(step, given)
    },
    async flush() {
      await under
      if (accepted.size > 0 || cursor !== written) await begin({ batches: [] })
    },
  }
}
