/**
 * Frozen batches on their way: made from a cut, kept with or without their events in memory, rendered when their turn comes (anew.ts takes
 * them apart). The events in memory are only a cache: they can be let go while an endpoint does not answer, and are read again.
 */
import { randomUUID } from 'node:crypto'
import type { EndpointConfig, Metadata } from '../config/model.ts'
import type { FrozenBatch, LastAttempt, LogRow, Marker, Member, Parking, Store } from '../store/store.ts'
import type { Cut } from './batch.ts'
import type { Contexts, ContextText } from './contexts.ts'
import type { Item, MarkerItem } from './formats/format.ts'
import { keep, keepAll, linesOf, unkeep } from './kept.ts'
import type { Laned } from './lanes.ts'
import { objectKeyOf } from './object-key.ts'
import {
  type BatchFrame,
  decodeFrame,
  encodeFrame,
  envelopeOf,
  oneOf,
  renderItem,
  renderMarker,
  renderRequest,
  saysMarkers,
} from './render.ts'
import type { Outgoing } from './send.ts'

export interface WaitingBatch extends Laned {
  readonly frozen: FrozenBatch
  /** `frozen.frame`, decoded. */
  readonly frame: BatchFrame
  /** One for each member; nothing where the log has its row no longer. Absent = not in memory. */
  readonly items?: readonly (Item | undefined)[]
  /** When its oldest event was appended, ms; absent for scans. */
  readonly appendedAt?: number
  /** When the first attempt began whose failure may be about its events, ms; absent = none is known of. */
  readonly firstChargedAt?: number
}

/** What an endpoint's batches are made with. */
export interface Making {
  readonly endpoint: EndpointConfig
  /** Attached to every payload by Settings. */
  readonly attach: Metadata
  /** Where the hub is known to be: the beginning of CloudEvents' `source`. @default '' */
  readonly source?: string
  readonly contexts: Contexts
  readonly now: () => number
}

/** What events are read again with. */
export interface Loading {
  readonly store: Pick<Store, 'rows'>
  readonly contexts: Contexts
}

/** Fixes the events of a request that come from the log. */
export async function freezeCut(cut: Cut, appendedAt: number, making: Making): Promise<WaitingBatch> {
  const items = await itemsOf(cut, making.contexts)
  const frame = frameOf(items, making)
  return { ...newBatch(items, frame, making), appendedAt }
}

export interface ScanPart {
  /** Id of the scan. */
  readonly scan: string
  /** Of its last part. */
  readonly marker?: Marker
}

/** Fixes the events of the requests that come from one chunk of a scan, whole. A marker goes behind everything else. */
export async function freezeScan(cuts: readonly Cut[], part: ScanPart, making: Making): Promise<readonly WaitingBatch[]> {
  const { endpoint } = making
  const marker =
    part.marker && endpoint.markers && saysMarkers(endpoint.format) ? await markerOf(part.marker, part.scan, making) : undefined
  const last = cuts.at(-1)
  const all = marker !== undefined && (last === undefined || last.full) ? [...cuts, { spans: [] }] : cuts
  return Promise.all(
    all.map((each, i) => freezePart(each, { scan: part.scan, ...(i === all.length - 1 && marker && { marker }) }, making)),
  )
}

async function freezePart(
  cut: Pick<Cut, 'spans'>,
  { scan, marker }: { readonly scan: string; readonly marker?: MarkerItem },
  making: Making,
): Promise<WaitingBatch> {
  const items = await itemsOf(cut, making.contexts, scan)
  const bare = frameOf(items, making)
  const { frozen, ...batch } = newBatch(items, bare, making)
  const payload = keepAll(items)
  if (marker === undefined) return { ...batch, frozen: { ...frozen, payload }, scan: 'part' }
  const envelope = envelopeOf(frozen, bare, making.endpoint.name)
  const closing = renderMarker(marker, bare.format, envelope)
  const frame = { ...bare, ...(closing !== undefined && { marker: closing }) }
  return { ...batch, frame, frozen: { ...frozen, frame: encodeFrame(frame), payload }, scan: 'closes' }
}

/** What lies outside of the fence is not counted by the store, so an endpoint with one is told no count. */
async function markerOf(marker: Marker, scan: string, { endpoint, contexts, now }: Making): Promise<MarkerItem> {
  const { count, ...rest } = marker
  const context = (await contexts.of([marker])).get(marker.context)
  if (context === undefined) throw new Error(`expected the context ${marker.context} of a marker to be loaded`)
  const counted = Object.keys(endpoint.allow).length === 0 && { count }
  return { ...rest, ...counted, scan, time: now(), context }
}

export async function itemsOf({ spans }: Pick<Cut, 'spans'>, contexts: Contexts, scan?: string): Promise<readonly Item[]> {
  const found = await contexts.of(spans.map(({ row }) => row))
  return spans.flatMap(({ row, member }) => (member === undefined ? [] : [itemOf({ row, member }, found, scan)]))
}

function itemOf(
  { row, member }: { readonly row: LogRow; readonly member: Member },
  contexts: ReadonlyMap<string, ContextText>,
  scan?: string,
): Item {
  const context = contexts.get(row.context)
  if (context === undefined) throw new Error(`expected the context ${row.context} of log row ${row.sequence} to be loaded`)
  return scan === undefined ? { row, member, context } : { row, member, context, scan }
}

function frameOf(items: readonly Item[], { endpoint, attach, source }: Omit<Making, 'contexts' | 'now'>): BatchFrame {
  const { format, body } = endpoint
  const given = { ...(source !== undefined && { source }), ...(body !== undefined && { body }) }
  const frame = { format, metadata: { ...attach, ...endpoint.attach }, ...given }
  const newest = items.at(-1)?.context
  return oneOf(format) === 'cluster' && newest !== undefined ? { ...frame, cluster: named(newest) } : frame
}

const named = ({ name, metadata }: ContextText) => ({ name, metadata })

function newBatch(items: readonly Item[], frame: BatchFrame, { now }: Pick<Making, 'now'>): WaitingBatch {
  const members = items.map(({ member }) => member)
  const frozen = { id: randomUUID(), createdAt: now(), members, frame: encodeFrame(frame) }
  return { frozen, frame, items, keys: items.map(({ row }) => objectKeyOf(row)) }
}

/** Events that the log does not tell, by themselves. */
export function keptBatch(items: readonly Item[], making: Omit<Making, 'contexts'>): WaitingBatch {
  const { frozen, ...batch } = newBatch(items, frameOf(items, making), making)
  return { ...batch, frozen: { ...frozen, payload: keepAll(items) }, scan: 'part' }
}

/** One event of an object that is parked: whole, and by itself. */
export function parkedBatch(item: Item, parking: Parking, making: Omit<Making, 'contexts'>): WaitingBatch {
  const { base: _, ...member } = item.member
  const whole = { ...item, member }
  const { frozen, ...batch } = newBatch([whole], frameOf([whole], making), making)
  const { lastAttempt } = item
  const before = lastAttempt !== undefined && { lastAttempt }
  return withoutItems({ ...batch, frozen: { ...frozen, payload: keep(whole), parking, ...before } })
}

/** An event that leaves a batch whose last attempt this was. */
export const goneOut = (item: Item, lastAttempt: LastAttempt | undefined): Item =>
  lastAttempt === undefined ? item : { ...item, lastAttempt }

/** A batch of one event as the first of its parked object: under its own id, where what is sent stays the same. */
export function parked(batch: WaitingBatch, parking: Parking, now: number): WaitingBatch {
  const [item] = batch.items ?? []
  if (item === undefined || batch.keys.length !== 1) throw new Error('expected one event in memory of a batch that is parked')
  const { marker: _, ...frame } = batch.frame
  const { base, ...member } = item.member
  const same = base === undefined && batch.frame.marker === undefined
  const { id, createdAt } = same ? batch.frozen : { id: randomUUID(), createdAt: now }
  const payload = batch.frozen.payload ?? keep(item)
  return { frozen: { id, createdAt, members: [member], frame: encodeFrame(frame), payload, parking }, frame, keys: batch.keys }
}

/** A batch that the store has, without its events in memory. */
export async function restored(frozen: FrozenBatch, loading: Loading): Promise<WaitingBatch> {
  const frame = decodeFrame(frozen.frame)
  const scan = frozen.payload === undefined ? undefined : frame.marker === undefined ? 'part' : 'closes'
  const loaded = await load({ frozen, frame, keys: [], ...(scan !== undefined && { scan }) }, loading)
  const keys = loaded.items?.map((item, i) => (item === undefined ? `${frozen.id}\n${i}` : objectKeyOf(item.row))) ?? []
  return withoutItems({ ...loaded, keys })
}

/** The batch with its events in memory. */
export async function load(batch: WaitingBatch, { store, contexts }: Loading): Promise<WaitingBatch> {
  if (batch.items !== undefined) return batch
  const { members, payload } = batch.frozen
  if (payload !== undefined) return { ...batch, items: linesOf(payload).map(unkeep) }
  const rows = new Map((await store.rows(members.map(({ sequence }) => sequence))).map((row) => [row.sequence, row]))
  const found = await contexts.of([...rows.values()])
  const items = members.map((member) => {
    const row = rows.get(member.sequence)
    return row && itemOf({ row, member }, found)
  })
  const appendedAt = [...rows.values()].reduce((least, row) => Math.min(least, row.appendedAt), Number.POSITIVE_INFINITY)
  return { ...batch, items, ...(rows.size > 0 && { appendedAt }) }
}

export function withoutItems(batch: WaitingBatch): WaitingBatch {
  const { items: _, ...rest } = batch
  return rest
}

/** How many things a batch says; its marker is one of them. */
export const sizeOf = ({ frozen, frame }: WaitingBatch): number => frozen.members.length + (frame.marker === undefined ? 0 : 1)

/** The request of a batch: the same bytes each time. Needs the events in memory. */
export function render({ frozen, frame, items = [] }: WaitingBatch, endpoint: string): Outgoing {
  const envelope = envelopeOf(frozen, frame, endpoint)
  const told = frozen.members.map(({ sequence }, i) => {
    const item = items[i]
    if (item === undefined) throw new Error(`expected log row ${sequence} of a frozen batch in memory`)
    return item
  })
  const texts = told.map((item) => renderItem(item, frame.format, envelope))
  return { id: frozen.id, endpoint, events: told.length, items: told, ...renderRequest(envelope, frame, texts) }
}
