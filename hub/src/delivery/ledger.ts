/**
 * The ledger: what one endpoint's courier writes down, one step after the other. Batches are written before their first attempt; accepted ones
 * are forgotten soon after, so that a crash repeats at most what was in flight, and as many that were accepted just before.
 *
 * What came of attempts and how parked objects stand goes along with the next step: neither is worth a step of its own.
 */
import { moment } from '@watch-hub/shared/runtime/moment'
import type { AttemptRecord, EndpointState, Freeze, FreezeOutcome, Parking, Sequence, Store } from '../store/store.ts'

export interface LedgerStep
  extends Partial<Pick<Freeze, 'batches' | 'replaced'>>,
    Pick<Freeze, 'scan' | 'skipped' | 'deadLetters' | 'replayed'> {
  readonly cursor?: Sequence
  /** Settled without having been accepted. */
  readonly given?: readonly string[]
}

export interface Ledger {
  /** How far the log was read; on disk at the latest with the next step. */
  readonly cursor: Sequence
  /** Accepted, and not yet known to be forgotten on disk. */
  readonly accepted: ReadonlySet<string>
  /** There is something to `flush`. `now`: it should not wait. */
  readonly unwritten: 'now' | 'soon' | undefined
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
  /** This batch was accepted. It begins to be written at once, unless a step that has not begun yet takes it along. */
  accept(id: string): void
  /** A request is over. Of those that are not written yet the last 1,000 are kept. */
  note(attempt: AttemptRecord): void
  /** How a parked batch stands now. */
  park(id: string, parking: Parking): void
  /** Resolves when these batches, the cursor and everything accepted so far are on disk. Any answer but `frozen`: nothing is, and the cursor stays. */
  freeze(step: LedgerStep): Promise<FreezeOutcome>
  /** Resolves when everything there is to write is on disk. */
  flush(): Promise<void>
  /** Resolves when no step is under way, whatever came of the last one. */
  still(): Promise<void>
}

export interface LedgerDeps {
  readonly store: Pick<Store, 'freeze'>
  /** Batches that were accepted are forgotten on disk. */
  readonly onSettled?: () => void
}

const attemptsKept = 1_000

export function createLedger(endpoint: string, { store, onSettled = () => {} }: LedgerDeps): Ledger {
  const accepted = new Set<string>()
  const parked = new Map<string, Parking>()
  let attempts: AttemptRecord[] = []
  let cursor = 0
  let written = 0
  let doubted = 0
  /** Versions that were passed over since the last write. */
  let passedOver = 0
  let under: Promise<unknown> = Promise.resolve()
  /** Steps that wait for the one under way. */
  let waiting = 0

  /** All that goes along with a step: it is given back when nothing was written. */
  function takeAlong(going: ReadonlySet<string>): Pick<Freeze, 'attempts' | 'parking'> & { readonly giveBack: () => void } {
    const noted = attempts
    const standing = [...parked]
    attempts = []
    parked.clear()
    const parking = standing.flatMap(([id, each]) => (going.has(id) ? [] : [{ id, parking: each }]))
    return {
      ...(noted.length > 0 && { attempts: noted }),
      ...(parking.length > 0 && { parking }),
      giveBack() {
        attempts = [...noted, ...attempts].slice(-attemptsKept)
        for (const [id, each] of standing) if (!parked.has(id)) parked.set(id, each)
      },
    }
  }

  async function write({ cursor: to, given = [], batches = [], skipped = 0, ...step }: LedgerStep): Promise<FreezeOutcome> {
    const settled = [...accepted]
    const at = to ?? cursor
    const before = passedOver
    const passed = before + skipped
    const gone = [...settled, ...given]
    const { giveBack, ...along } = takeAlong(new Set([...gone, ...(step.replaced ?? []).map(({ id }) => id)]))
    const about = { endpoint, settled: gone, batches, cursor: at, ...step, ...along, ...(passed > 0 && { skipped: passed }) }
    let outcome: FreezeOutcome | undefined
    try {
      outcome = await store.freeze(about)
    } finally {
      if (outcome !== 'frozen') giveBack()
    }
    if (outcome !== 'frozen') return outcome
    if (settled.length > 0) moment('batch-settled')
    if (to !== undefined) cursor = to
    for (const id of settled) accepted.delete(id)
    written = at
    passedOver -= before
    if (settled.length > 0) onSettled()
    return outcome
  }

  /** One write after the other: this one begins when those before it are over. */
  function begin(step: LedgerStep): Promise<FreezeOutcome> {
    waiting++
    const writing = under.then(() => {
      waiting--
      return write(step)
    })
    writing.catch(() => {}) // whoever writes next hears of it
    under = writing
    return writing
  }

  return {
    get cursor() {
      return cursor
    },
    accepted,
    get unwritten() {
      if (accepted.size > 0 || cursor !== written) return 'now'
      return attempts.length > 0 || parked.size > 0 ? 'soon' : undefined
    },
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
      parked.clear() // how those stand is what the store says
      under = Promise.resolve()
      waiting = 0
    },
    pass: (to, skipped = 0) => {
      cursor = to
      passedOver += skipped
    },
    accept(id) {
      accepted.add(id)
      if (waiting === 0) void begin({})
    },
    note: (attempt) => {
      attempts.push(attempt)
      if (attempts.length > attemptsKept) attempts.shift()
    },
    park: (id, parking) => void parked.set(id, parking),
    freeze: begin,
    still: () =>
      under.then(
        () => {},
        () => {}, // whoever waited for it has heard of it
      ),
    async flush() {
      await under
      if (accepted.size > 0 || cursor !== written || attempts.length > 0 || parked.size > 0) await begin({})
    },
  }
}
