/**
 * The supply of one courier: reads the log from the cursor, and scans in their turn, and turns them into frozen batches.
 *
 * One round is: read a window → compact → cut → freeze what has to go, all in one durable step, the cursor moving along.
 * What is left over waits in the log until it fills a batch or its time has come. A scan's chunk follows the log up to the head at which the
 * chunk was read, so nothing waits in the log while one is held.
 */

import { jitter } from '@watch-hub/shared/runtime/backoff'
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import type { EndpointConfig } from '../config/model.ts'
import type { LogRow, ReadResult, Sequence, Store } from '../store/store.ts'
import { type Fence, placeOf } from './allow.ts'
import { closeWindow, cut, cutLimits, oldestOf, type Window } from './batch.ts'
import { compact, type Span } from './compact.ts'
import { freezeCut, freezeScan, type Making, type WaitingBatch } from './frozen.ts'
import type { Ledger, LedgerStep } from './ledger.ts'
import type { DeliveryMeter } from './meter.ts'
import { type Amount, type News, news } from './news.ts'
import { createScans, type HeldChunk, type Scans } from './scans.ts'

export interface SupplyDeps {
  readonly store: Pick<Store, 'endpoint' | 'read' | 'readScan'>
  readonly ledger: Ledger
  readonly meter: DeliveryMeter
  readonly sleep: Sleep
  readonly now: () => number
  /** What batches are made with now, and the fence around them. */
  readonly making: () => Making & { readonly inside: Fence }
}

export interface Supply {
  /** Batches that were just frozen, in order. None after a wait: then ask again. */
  next(signal: AbortSignal): Promise<readonly WaitingBatch[]>
  readonly scans: Scans
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

export function createSupply(endpoint: string, deps: SupplyDeps): Supply {
  const { store, ledger, meter, sleep, now, making } = deps
  const arrivals = news(sleep)
  const scans = createScans(endpoint, {
    store,
    limits: () => chunkLimits(making().endpoint),
    onState: ({ doubted }) => ledger.doubt(doubted),
  })
  let caughtUp = false
  let waitedEnough = false
  let orderedBy: EndpointConfig | undefined

  async function next(signal: AbortSignal): Promise<readonly WaitingBatch[]> {
    arrivals.clear()
    const present = making()
    if (present.endpoint !== orderedBy) ledger.doubt(ledger.cursor) // under another order it was told something else, or elsewhere
    orderedBy = present.endpoint
    await scans.refresh() // also while it lags: a resync says that what comes next has to be whole
    const held = scans.held ?? (caughtUp ? await scans.next() : undefined)
    const read = await readWindow(store, endpoint, { from: ledger.cursor, ...windowLimits(present.endpoint), ...upTo(held) })
    caughtUp = read.complete
    const inside = read.rows.filter((row) => present.inside(placeOf(row)))
    const spans = compact(inside, present.endpoint, present.endpoint.delta ? ledger.doubted : undefined, ledger.doubted)
    const flush = waitedEnough || held !== undefined || !read.complete
    const { limits, maxWaitMs } = { limits: cutLimits(present.endpoint), maxWaitMs: present.endpoint.batch.maxWaitMs }
    const window = closeWindow(inside, spans, { limits, maxWaitMs, flush, now: now() })
    waitedEnough = false
    const skipped = passedOver(window.rows, spans)
    const cursor = window.rest === undefined ? read.upTo : (inside[window.rows - 1]?.sequence ?? ledger.cursor)
    const batches = await Promise.all(window.cuts.map((each) => freezeCut(each, oldestOf(each, inside), present)))
    if (held !== undefined && read.complete && read.upTo >= held.chunk.head)
      return freezeWithChunk({ batches, skipped }, held, present)
    if (batches.length > 0) {
      if (!(await freeze(batches, { cursor, skipped }))) return []
      moment('batch-frozen')
      return batches
    }
    ledger.pass(cursor, skipped)
    count(skipped)
    if (!read.complete || (await scans.next()) !== undefined) return []
    await waitForMore(window, signal)
    return []
  }

  /** False = what was read is older than what the log tells now: it has to be read again. */
  async function freeze(batches: readonly WaitingBatch[], step: Omit<LedgerStep, 'batches'>): Promise<boolean> {
    const outcome = await ledger.freeze({ batches: batches.map(({ frozen }) => frozen), ...step })
    if (outcome === 'frozen') count(step.skipped ?? 0)
    return outcome === 'frozen'
  }

  async function freezeWithChunk(before: Before, held: HeldChunk, present: Making & { readonly inside: Fence }) {
    const { scan, chunk } = held
    const rows = chunk.rows.filter((row) => present.inside(placeOf(row)))
    const cuts = cut(compact(rows, { name: endpoint, history: 'every' }), cutLimits(present.endpoint))
    const frozen = await freezeScan(cuts, { scan: scan.id, ...(chunk.marker && { marker: chunk.marker }) }, present)
    const batches = [...before.batches, ...frozen]
    const went = await freeze(batches, {
      cursor: Math.max(chunk.head, ledger.cursor),
      scan: { id: scan.id, position: chunk.position, sent: chunk.rows.length, done: chunk.done },
      skipped: before.skipped,
    })
    if (!went) {
      scans.look() // the chunk is older than what the log tells now
      return []
    }
    moment('scan-chunk-frozen')
    scans.sent(chunk.rows.length)
    ledger.doubt(chunk.head) // no patch knows what a scan told
    return batches
  }

  async function waitForMore({ rest }: Window, signal: AbortSignal): Promise<void> {
    const { batch } = making().endpoint
    if (rest === undefined) {
      if (ledger.accepted.size > 0) await ledger.flush()
      if (!(await arrivals.wait({ events: 1, bytes: 1 }, jitter(idleMs), signal))) await ledger.flush()
      return
    }
    await ledger.flush()
    const need: Amount = { events: Math.max(1, batch.maxObjects - rest.events), bytes: Math.max(1, batch.maxBytes - rest.bytes) }
    const ms = Math.min(Math.max(rest.due - now(), 0), batch.maxWaitMs)
    waitedEnough = !(await arrivals.wait(need, ms, signal))
  }

  function count(rows: number): void {
    if (rows > 0) meter.compacted({ endpoint, rows })
  }

  return { next, scans, news: arrivals }
}

/** Of the first `rows` of a window, those that are not told: a newer state of their object is, or it came and went. */
const passedOver = (rows: number, spans: readonly Span[]): number =>
  rows - spans.filter(({ last, member }) => last < rows && member !== undefined).length

/** What of the log goes before a chunk. */
interface Before {
  readonly batches: readonly WaitingBatch[]
  readonly skipped: number
}

const upTo = (held: HeldChunk | undefined) => (held === undefined ? {} : { upTo: held.chunk.head })

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
