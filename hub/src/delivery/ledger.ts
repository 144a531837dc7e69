/**
 * The ledger: what one endpoint's courier writes down. Batches are written before their first attempt; accepted ones are forgotten soon after,
 * so that a crash repeats at most the batch in flight and the one accepted before it.
 */
import { moment } from '@watch-hub/shared/runtime/moment'
import type { EndpointState, Freeze, FreezeOutcome, Sequence, Store } from '../store/store.ts'

export interface LedgerStep extends Pick<Freeze, 'batches' | 'scan' | 'skipped'> {
  readonly cursor?: Sequence
  /** Settled without having been accepted. */
  readonly given?: readonly string[]
}

export interface Ledger {
  /** How far the log was read; on disk at the latest with the next step. */
  readonly cursor: Sequence
  /** Accepted, and not yet known to be forgotten on disk. */
  readonly accepted: ReadonlySet<string>
  /**
   * Of what was appended up to here the endpoint may hold something else, or nothing: no patch is based on it. What is newer counts as held
   * only because this courier told it, and has gone on under the same order since; whoever begins anew trusts nothing that came before.
   */
  readonly doubted: Sequence
  doubt(upTo: Sequence): void
  /** Begins at what the store says. */
  begin(state: Pick<EndpointState, 'cursor' | 'doubted'>): void
  /** Moves on without writing, past that many versions that are not told. */
  pass(cursor: Sequence, skipped?: number): void
  /** This batch was accepted. */
  accept(id: string): void
  /** Begins to write what was accepted; resolves when what was begun before is on disk. */
  settle(): Promise<void>
  /** Resolves when these batches, the cursor and everything accepted so far are on disk. `read-again`: nothing is, and the cursor stays. */
  freeze(step: LedgerStep): Promise<FreezeOutcome>
  /** Resolves when everything accepted so far, and the cursor if it moved, are on disk. */
  flush(): Promise<void>
}

export function createLedger(endpoint: string, store: Pick<Store, 'freeze'>): Ledger {
  const accepted = new Set<string>()
  let cursor = 0
  let written = 0
  let doubted = 0
  /** Versions that were passed over since the last write. */
  let passedOver = 0
  let under: Promise<unknown> = Promise.resolve()

  async function write({ cursor: to, given = [], skipped = 0, ...step }: LedgerStep): Promise<FreezeOutcome> {
    const settled = [...accepted]
    const at = to ?? cursor
    const before = passedOver
    const passed = before + skipped
    const outcome = await store.freeze({
      endpoint,
      settled: [...settled, ...given],
      cursor: at,
      ...step,
      ...(passed > 0 && { skipped: passed }),
    })
    if (outcome === 'read-again') return outcome
    if (settled.length > 0) moment('batch-settled')
    if (to !== undefined) cursor = to
    for (const id of settled) accepted.delete(id)
    written = at
    passedOver -= before
    return outcome
  }

  /** One write after the other: the next one begins when this one is over. */
  function begin(step: LedgerStep): Promise<FreezeOutcome> {
    const writing = write(step)
    writing.catch(() => {}) // whoever writes next hears of it
    under = writing
    return writing
  }

  return {
    get cursor() {
      return cursor
    },
    accepted,
    get doubted() {
      return doubted
    },
    doubt: (upTo) => {
      doubted = Math.max(doubted, upTo)
    },
    begin(state) {
      cursor = state.cursor
      written = cursor
      doubted = Math.max(doubted, state.doubted)
      passedOver = 0
      under = Promise.resolve()
    },
    pass: (to, skipped = 0) => {
      cursor = to
      passedOver += skipped
    },
    accept: (id) => void accepted.add(id),
    async settle() {
      await under
      void begin({ batches: [] })
    },
    async freeze(step) {
      await under
      return begin(step)
    },
    async flush() {
      await under
      if (accepted.size > 0 || cursor !== written) await begin({ batches: [] })
    },
  }
}
