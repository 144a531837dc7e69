/**
 * The supply of one courier: reads the log from the cursor, and scans and replays in their turn, and turns them into frozen batches.
 *
 * One round is: read a window → compact → part from it what is told of parked objects → cut → freeze what has to go, all in one durable step,
 * the cursor moving along. What is left over waits in the log until it fills a batch or its time has come. What a scan or a replay says follows
 * the log up to the head at which it was read, so nothing waits in the log while such a part is held.
 */

import { jitter } from '@watch-hub/shared/runtime/backoff'
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import type { EndpointConfig } from '../config/model.ts'
import type { LogRow, ReadResult, Sequence, Store } from '../store/store.ts'
import { type Fence, placeOf } from './allow.ts'
import { closeWindow, cut, cutLimits, oldestOf, type Window } from './batch.ts'
import { type Change, together } from './change.ts'
import { compact, type Span } from './compact.ts'
import { freezeCut, freezeScan, itemsOf, type Making } from './frozen.ts'
import type { Ledger, LedgerStep } from './ledger.ts'
import type { DeliveryMeter } from './meter.ts'
import { type Amount, type News, news } from './news.ts'
import { objectKeyOf } from './object-key.ts'
import type { Queue } from './queue.ts'
import { createReplays, type HeldReplay, type Replays, replayBatches } from './replays.ts'
import { createScans, type HeldChunk, type Scans } from './scans.ts'

export interface SupplyDeps {
  readonly store: Pick<Store, 'standing' | 'read' | 'readScan' | 'readReplay'>
  readonly ledger: Ledger
  readonly queue: Queue
  readonly meter: DeliveryMeter
  readonly sleep: Sleep
  readonly now: () => number
  /** What batches are made with now, and the fence around them. */
  readonly making: () => Making & { readonly inside: Fence }
  /** The guard holds the endpoint: what was to be frozen has deletions of a commit. */
  readonly onHeld: () => Promise<void>
}

/** There is nothing to freeze now: what has to arrive before there is, and when to look all the same, ms. */
export interface Lull {
  readonly need: Amount
  readonly ms: number
}

export interface Supply {
  /**
   * Reads on, and freezes what has to go. Nothing = there may be more: ask again. `fullOnly`: a batch that is not full could not start now, so
   * it rather stays in the log. `waited`: the lull is over, so what stayed has to go.
   */
  next(how: { readonly fullOnly: boolean; readonly waited: boolean }): Promise<Lull | undefined>
  /** Nothing of the log is left, as of the last look. */
  readonly caughtUp: boolean
  readonly scans: Scans
  readonly replays: Replays
  readonly news: News
}

const windowBytes = 8 * 1024 * 1024
const chunkBytes = 2 * 1024 * 1024
/** The cursor of an endpoint that nothing is routed to moves on this often, so that the log behind it can go. */
const idleMs = 30_000

export const windowLimits = ({ batch }: Pick<EndpointConfig, 'batch'>) => ({
  rows: Math.max(1_000, Math.min(batch.maxObjects * 20, 20_000), batch.maxObjects),
  bytes: Math.max(windowBytes, 2 * batch.maxBytes),
})

/** Whole batches, so that only the last one of a scan is not full. */
const chunkLimits = ({ batch }: Pick<EndpointConfig, 'batch'>) => ({
  rows: batch.maxObjects * Math.max(1, Math.floor(2_000 / batch.maxObjects)),
  bytes: Math.max(chunkBytes, batch.maxBytes),
})

/** Nothing of the log, until something else is worth a look. */
export const noNeed: Amount = { events: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }

export function createSupply(endpoint: string, deps: SupplyDeps): Supply {
  const { store, ledger, queue, meter, sleep, now, making, onHeld } = deps
  const arrivals = news(sleep)
  const scans = createScans(endpoint, {
    store,
    limits: () => chunkLimits(making().endpoint),
    onState: ({ doubted }) => ledger.doubt(doubted),
  })
  const replays = createReplays(endpoint, store)
  let caughtUp = false
  let orderedBy: EndpointConfig | undefined
  /** Something stays in the log until it fills a batch. */
  let rests = false

  const held = async (): Promise<HeldPart | undefined> => {
    const part = scans.held ?? replays.held ?? (caughtUp ? ((await scans.next()) ?? (await replays.next())) : undefined)
    return part && { part, head: 'scan' in part ? part.chunk.head : part.head }
  }

  async function next({ fullOnly, waited }: { readonly fullOnly: boolean; readonly waited: boolean }): Promise<Lull | undefined> {
    arrivals.clear()
    const present = making()
    if (present.endpoint !== orderedBy) ledger.doubt(ledger.cursor) // under another order it was told something else, or elsewhere
    orderedBy = present.endpoint
    await scans.refresh() // also while it lags: a resync says that what comes next has to be whole
    const then = await held()
    const upTo = then === undefined ? {} : { upTo: then.head }
    const read = await readWindow(store, endpoint, { from: ledger.cursor, ...windowLimits(present.endpoint), ...upTo })
    caughtUp = read.complete
    const inside = read.rows.filter((row) => present.inside(placeOf(row)))
    const spans = compact(inside, present.endpoint, present.endpoint.delta ? ledger.doubted : undefined, ledger.doubted)
    const apart = partParked(spans)
    const flush = then !== undefined || !read.complete || (waited && rests && !fullOnly)
    const maxWaitMs = fullOnly ? Number.POSITIVE_INFINITY : present.endpoint.batch.maxWaitMs
    const window = closeWindow(inside, apart.spans, { limits: cutLimits(present.endpoint), maxWaitMs, flush, now: now() })
    rests = window.rest !== undefined
    const cursor = window.rest === undefined ? read.upTo : (inside[window.rows - 1]?.sequence ?? ledger.cursor)
    const step = { cursor, skipped: passedOver(window.rows, spans) }
    const batches = await Promise.all(window.cuts.map((each) => freezeCut(each, oldestOf(each, inside), present)))
    const joining = await itemsOf({ spans: apart.parked.filter(({ last }) => last < window.rows) }, present.contexts)
    const change = joining.length === 0 ? { batches } : together({ batches }, queue.join(joining))
    if (then !== undefined && joining.length === 0 && read.complete && read.upTo >= then.head)
      return await withPart(then.part, change, step)
    if (batches.length > 0 || joining.length > 0) {
      if (await freeze(change, step)) moment('batch-frozen')
      return undefined
    }
    ledger.pass(cursor, step.skipped)
    count(step.skipped)
    if (!read.complete || (await held()) !== undefined) return undefined
    return lullOf(window, fullOnly)
  }

  /** What the rows of parked objects come to is told behind them, by itself. */
  function partParked(spans: readonly Span[]): { readonly spans: readonly Span[]; readonly parked: readonly Span[] } {
    if (queue.parking.objects === 0) return { spans, parked: [] }
    const isParked = ({ row, member }: Span) => member !== undefined && queue.parking.has(objectKeyOf(row))
    const untold = ({ row, first, last }: Span): Span => ({ row, first, last })
    return { parked: spans.filter(isParked), spans: spans.map((span) => (isParked(span) ? untold(span) : span)) }
  }

  /** False = what was read is older than what the log tells now, or it may not go now: it has to be read again. */
  async function freeze(change: Change, step: Omit<LedgerStep, 'batches'>): Promise<boolean> {
    const outcome = await queue.change(change, step)
    if (outcome === 'frozen') count(step.skipped ?? 0)
    if (outcome === 'held') await onHeld()
    return outcome === 'frozen'
  }

  const withPart = (part: HeldChunk | HeldReplay, before: Change, step: Step): Promise<undefined> =>
    'scan' in part ? withChunk(part, before, step) : withReplay(part, before, step)

  async function withChunk({ scan, chunk }: HeldChunk, before: Change, step: Step): Promise<undefined> {
    const present = making()
    const rows = chunk.rows.filter((row) => present.inside(placeOf(row)))
    const { spans, parked } = partParked(compact(rows, { name: endpoint, history: 'every' }))
    const cuts = cut(spans, cutLimits(present.endpoint))
    const batches = await freezeScan(cuts, { scan: scan.id, ...(chunk.marker && { marker: chunk.marker }) }, present)
    const joining = queue.join(await itemsOf({ spans: parked }, present.contexts, scan.id))
    const went = await freeze(together(before, { batches }, joining), {
      cursor: Math.max(chunk.head, ledger.cursor),
      scan: { id: scan.id, position: chunk.position, sent: chunk.rows.length, done: chunk.done },
      skipped: step.skipped,
    })
    if (!went) return void scans.look() // the chunk is older than what the log tells now
    moment('scan-chunk-frozen')
    scans.sent(chunk.rows.length)
    ledger.doubt(chunk.head) // no patch knows what a scan told
  }

  async function withReplay(part: HeldReplay, before: Change, step: Step): Promise<undefined> {
    replays.freezing()
    const { batches, replayed, answers } = await replayBatches(part, { parked: queue.parking.has, making: making() })
    const cursor = Math.max(part.head, ledger.cursor)
    if (!(await freeze(together(before, { batches }), { cursor, skipped: step.skipped, replayed }))) return void replays.look()
    if (replayed.length > 0) moment('dead-letter-replayed')
    replays.done(answers)
    ledger.doubt(part.head)
  }

  function lullOf({ rest }: Window, fullOnly: boolean): Lull {
    const { batch } = making().endpoint
    if (rest === undefined) return { need: { events: 1, bytes: 1 }, ms: jitter(idleMs) }
    const need = { events: Math.max(1, batch.maxObjects - rest.events), bytes: Math.max(1, batch.maxBytes - rest.bytes) }
    return { need, ms: fullOnly ? jitter(idleMs) : Math.min(Math.max(rest.due - now(), 0), batch.maxWaitMs) }
  }

  function count(rows: number): void {
    if (rows > 0) meter.compacted({ endpoint, rows })
  }

  return {
    next,
    get caughtUp() {
      return caughtUp && !rests && scans.held === undefined && replays.held === undefined
    },
    scans,
    replays,
    news: arrivals,
  }
}

interface HeldPart {
  readonly part: HeldChunk | HeldReplay
  readonly head: Sequence
}

interface Step {
  readonly cursor: Sequence
  readonly skipped: number
}

/** Of the first `rows` of a window, those that are not told: a newer state of their object is, or it came and went. */
const passedOver = (rows: number, spans: readonly Span[]): number =>
  rows - spans.filter(({ last, member }) => last < rows && member !== undefined).length

interface WindowRead {
  readonly from: Sequence
  readonly rows: number
  readonly bytes: number
  readonly upTo?: Sequence
}

/** The store looks at a bounded part of the log each time; this goes on until the window is full or the log is at its end. */
async function readWindow(store: Pick<Store, 'read'>, endpoint: string, { from, ...limits }: WindowRead): Promise<ReadResult> {
  const first = await store.read(endpoint, from, limits)
  if (first.complete) return first
  const rows = [...first.rows]
  let bytes = sizeOf(first.rows)
  let last = first
  while (!last.complete && rows.length < limits.rows && bytes < limits.bytes) {
    const before = last.upTo
    last = await store.read(endpoint, before, { ...limits, rows: limits.rows - rows.length, bytes: limits.bytes - bytes })
    if (last.upTo <= before) break // the next row alone is larger than what is left of the window
    rows.push(...last.rows)
    bytes += sizeOf(last.rows)
  }
  return { rows, upTo: last.upTo, complete: last.complete }
}

const sizeOf = (rows: readonly LogRow[]): number => rows.reduce((sum, { body }) => sum + body.length, 0)
