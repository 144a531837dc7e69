/**
 * Frozen batches on their way: made from a cut, kept with or without their rows, rendered when their turn comes. The rows are only a cache:
 * they can be let go while an endpoint does not answer, and are read from the log again.
 */
import { randomUUID } from 'node:crypto'
import type { EndpointConfig, Metadata } from '../config/model.ts'
import type { FrozenBatch, LogRow, Marker, Member, Store } from '../store/store.ts'
import { type Fence, type Place, placeOf } from './allow.ts'
import type { Cut } from './batch.ts'
import type { Contexts, ContextText } from './contexts.ts'
import type { MarkerItem } from './formats/format.ts'
import {
  type BatchFrame,
  decodeFrame,
  encodeFrame,
  envelopeOf,
  type Line,
  oneOf,
  packItems,
  type Rendering,
  renderItems,
  renderMarker,
  renderRequest,
  saysMarkers,
  unpackItems,
} from './render.ts'
import type { Outgoing } from './send.ts'

export interface WaitingBatch {
  readonly frozen: FrozenBatch
  /** Of its members, where the log has them; absent = not in memory. */
  readonly rows?: ReadonlyMap<number, LogRow>
  /** When its oldest event was appended, ms; absent for scans. */
  readonly appendedAt?: number
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

/** Fixes the events of a request that come from the log. */
export async function freezeCut(cut: Cut, appendedAt: number, making: Making): Promise<WaitingBatch> {
  const lines = linesOf(cut)
  const rows = new Map(lines.map(({ row }) => [row.sequence, row]))
  return { frozen: newBatch(lines, await frameOf(lines, making), making), rows, appendedAt }
}

export interface ScanPart {
  /** Id of the scan. */
  readonly scan: string
  /** Of its last part. */
  readonly marker?: Marker
}

/** Fixes the events of the requests that come from one chunk of a scan, bytes and all. A marker goes behind everything else. */
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
  const lines = linesOf(cut)
  const contexts = await making.contexts.of(lines.map(({ row }) => row))
  const places = lines.map(({ row }) => placeOf(row))
  const bare = await frameOf(lines, making)
  const batch = newBatch(lines, bare, making)
  const envelope = envelopeOf(batch, bare, making.endpoint.name)
  const payload = packItems(renderItems(lines, { format: bare.format, envelope, contexts, scan }))
  const closing = marker && renderMarker(marker, bare.format, envelope)
  const frame = encodeFrame({ ...bare, places, ...(closing !== undefined && { marker: closing }) })
  return { frozen: { ...batch, frame, payload } }
}

/** What lies outside of the fence is not counted by the store, so an endpoint with one is told no count. */
async function markerOf(marker: Marker, scan: string, { endpoint, contexts, now }: Making): Promise<MarkerItem> {
  const { count, ...rest } = marker
  const context = (await contexts.of([marker])).get(marker.context)
  if (context === undefined) throw new Error(`expected the context ${marker.context} of a marker to be loaded`)
  const counted = Object.keys(endpoint.allow).length === 0 && { count }
  return { ...rest, ...counted, scan, time: now(), context }
}

const linesOf = ({ spans }: Pick<Cut, 'spans'>): readonly Line[] =>
  spans.flatMap(({ row, member }) => (member === undefined ? [] : [{ row, member }]))

async function frameOf(lines: readonly Line[], { endpoint, attach, source, contexts }: Making): Promise<BatchFrame> {
  const { format, body } = endpoint
  const given = { ...(source !== undefined && { source }), ...(body !== undefined && { body }) }
  const frame = { format, metadata: { ...attach, ...endpoint.attach }, ...given }
  if (oneOf(format) !== 'cluster') return frame
  const newest = lines.slice(-1).map(({ row }) => row)
  const [cluster] = [...(await contexts.of(newest)).values()]
  return cluster === undefined ? frame : { ...frame, cluster: named(cluster) }
}

const named = ({ name, metadata }: ContextText) => ({ name, metadata })

const newBatch = (lines: readonly Line[], frame: BatchFrame, { now }: Making): FrozenBatch => ({
  id: randomUUID(),
  createdAt: now(),
  members: lines.map(({ member }) => member),
  frame: encodeFrame(frame),
})

/** The batch with its rows in memory. Rows that the log no longer has are not there. */
export async function withRows(batch: WaitingBatch, store: Pick<Store, 'rows'>): Promise<WaitingBatch> {
  if (batch.rows !== undefined || batch.frozen.payload !== undefined) return batch
  const rows = await store.rows(batch.frozen.members.map(({ sequence }) => sequence))
  const appendedAt = rows.reduce((least, row) => Math.min(least, row.appendedAt), Number.POSITIVE_INFINITY)
  return { frozen: batch.frozen, rows: new Map(rows.map((row) => [row.sequence, row])), appendedAt }
}

export const withoutRows = ({ frozen, appendedAt }: WaitingBatch): WaitingBatch =>
  appendedAt === undefined ? { frozen } : { frozen, appendedAt }

/**
 * The batch as the fence lets it pass: itself where all of its members do; else made anew, under another id, of those that do; nothing where
 * none does. Members whose row is gone cannot be told any more. What is made anew is told whole. Needs the rows in memory.
 */
export function fenced(batch: WaitingBatch, inside: Fence, now: number): WaitingBatch | undefined {
  const { frozen } = batch
  const frame = decodeFrame(frozen.frame)
  const places = placesOf(batch, frame)
  const passes = frozen.members.map((_, i) => {
    const place = places[i]
    return place !== undefined && inside(place)
  })
  if (passes.every(Boolean) && hasPatches(batch)) return batch
  const keep = <T>(all: readonly T[]) => all.filter((_, i) => passes[i])
  const members = keep(frozen.members).map(wholeMember)
  if (members.length === 0 && frame.marker === undefined) return undefined
  const anew = { id: randomUUID(), createdAt: now, members }
  if (frozen.payload === undefined) return { ...batch, frozen: { ...anew, frame: frozen.frame } }
  const payload = packItems(keep(unpackItems(frozen.payload)))
  return { frozen: { ...anew, frame: encodeFrame({ ...frame, places: keep(frame.places ?? []) }), payload } }
}

/** The batch without patches: itself where it has none; else made anew, under another id. */
export function whole(batch: WaitingBatch, now: number): WaitingBatch {
  const { frozen } = batch
  if (frozen.members.every(({ base }) => base === undefined)) return batch
  return { ...batch, frozen: { ...frozen, id: randomUUID(), createdAt: now, members: frozen.members.map(wholeMember) } }
}

const wholeMember = ({ base: _, ...member }: Member): Member => member

const hasPatches = ({ frozen, rows }: WaitingBatch): boolean =>
  frozen.members.every(({ sequence, base }) => base === undefined || rows?.get(sequence)?.patch?.base === base)

const placesOf = ({ frozen, rows }: WaitingBatch, frame: BatchFrame): readonly (Place | undefined)[] =>
  frame.places ??
  frozen.members.map(({ sequence }) => {
    const row = rows?.get(sequence)
    return row && placeOf(row)
  })

/** The request of a batch: the same bytes each time. Needs the rows in memory. */
export async function render(batch: WaitingBatch, endpoint: string, contexts: Contexts): Promise<Outgoing> {
  const { frozen, rows } = batch
  const frame = decodeFrame(frozen.frame)
  const envelope = envelopeOf(frozen, frame, endpoint)
  const { format } = frame
  const items =
    frozen.payload === undefined
      ? await itemsOf(frozen.members, rows, { format, envelope, contexts })
      : unpackItems(frozen.payload)
  return { id: frozen.id, endpoint, events: frozen.members.length, ...renderRequest(envelope, frame, items) }
}

async function itemsOf(
  members: readonly Member[],
  rows: ReadonlyMap<number, LogRow> | undefined,
  { contexts, ...how }: Omit<Rendering, 'contexts'> & { readonly contexts: Contexts },
): Promise<readonly string[]> {
  const lines = members.map((member) => {
    const row = rows?.get(member.sequence)
    if (row === undefined) throw new Error(`expected log row ${member.sequence} of a frozen batch in memory`)
    return { row, member }
  })
  return renderItems(lines, { ...how, contexts: await contexts.of(lines.map(({ row }) => row)) })
}
