/**
 * Rendering: from the rows of a batch to the bytes of its request, the same bytes each time. What the bytes depend on besides the rows is
 * written down with the batch, in `FrozenBatch.frame`; so a commit that changes the endpoint's format or metadata concerns later batches.
 */
import { array, decodeJson, json, literal, object, optional, record, string } from '@watch-hub/shared/protocol/decode'
import type { Format as FormatName, Metadata } from '../config/model.ts'
import type { FrozenBatch, LogRow, Member } from '../store/store.ts'
import type { Place } from './allow.ts'
import type { ContextText } from './contexts.ts'
import type { Format, MarkerItem } from './formats/format.ts'
import { watchHub } from './formats/watch-hub.ts'
import { watchProxy } from './formats/watch-proxy.ts'

const formats: Readonly<Record<FormatName, Format>> = { 'watch-hub': watchHub, 'watch-proxy': watchProxy }

/** `FrozenBatch.frame`, decoded. */
export interface BatchFrame {
  readonly format: FormatName
  /** Attached to Settings and Endpoint. */
  readonly metadata: Metadata
  /** Set where the format has one cluster per request. */
  readonly cluster?: { readonly name: string; readonly metadata: Metadata }
  /** Set for scans, whose rows the log does not have: what the fence has to know of each member. */
  readonly places?: readonly Place[]
  /** Closes a scan: an item, rendered, that goes behind all others and that no fence stops. */
  readonly marker?: string
}

const place = object({ cluster: string, group: string, resource: string, version: string, namespace: string, name: string })
const frame = object({
  format: literal('watch-hub', 'watch-proxy'),
  metadata: record(json),
  cluster: optional(object({ name: string, metadata: record(json) })),
  places: optional(array(place)),
  marker: optional(string),
})

export const encodeFrame = (of: BatchFrame): string => JSON.stringify(of)
export const decodeFrame = (text: string): BatchFrame => decodeJson(frame, text)

export interface Line {
  readonly row: LogRow
  readonly member: Member
}

/** The items of a batch as JSON text, one for each line. `contexts` holds the contexts of all rows. */
export function renderItems(
  lines: readonly Line[],
  {
    format,
    contexts,
    scan,
  }: { readonly format: FormatName; readonly contexts: ReadonlyMap<string, ContextText>; readonly scan?: string },
): readonly string[] {
  const render = formats[format]
  return lines.map(({ row, member }) => {
    const context = contexts.get(row.context)
    if (context === undefined) throw new Error(`expected the context ${row.context} of log row ${row.sequence} to be loaded`)
    return render.item(scan === undefined ? { row, member, context } : { row, member, context, scan })
  })
}

/** The item that closes a scan; nothing where the format has none. */
export const renderMarker = (marker: MarkerItem, format: FormatName): string | undefined => formats[format].marker?.(marker)

/** The bytes of a request. */
export function renderPayload(
  batch: Pick<FrozenBatch, 'id' | 'createdAt'>,
  frame: BatchFrame,
  { endpoint, items }: { readonly endpoint: string; readonly items: readonly string[] },
): Uint8Array {
  const { format, metadata, cluster, marker } = frame
  const envelope = { id: batch.id, createdAt: batch.createdAt, endpoint, metadata }
  const [head, tail] = formats[format].envelope(cluster === undefined ? envelope : { ...envelope, cluster })
  const all = marker === undefined ? items : [...items, marker]
  return Buffer.from(`${head}${all.join()}${tail}`)
}

/** `FrozenBatch.payload`: items hold no raw newlines. */
export const packItems = (items: readonly string[]): string => items.join('\n')
export const unpackItems = (payload: string): readonly string[] => (payload === '' ? [] : payload.split('\n'))
