/**
 * Rendering: from the rows of a batch to the bytes of its request, the same bytes each time. What the bytes depend on besides the rows is
 * written down with the batch, in `FrozenBatch.frame`; so a commit that changes the endpoint's format or metadata concerns later batches.
 */
import { decodeJson, json, literal, object, optional, record, string } from '@watch-hub/shared/protocol/decode'
import type { Format as FormatName, Metadata } from '../config/model.ts'
import type { FrozenBatch, LogRow, Member } from '../store/store.ts'
import { utf8 } from './bytes.ts'
import type { ContextText } from './contexts.ts'
import { cloudevents, cloudeventsBatch, cloudeventsBinary } from './formats/cloudevents.ts'
import type { Envelope, Format, Item, MarkerItem } from './formats/format.ts'
import { watchHub } from './formats/watch-hub.ts'
import { watchProxy } from './formats/watch-proxy.ts'
import type { Outgoing } from './send.ts'

const formats: Readonly<Record<FormatName, Format>> = {
  'watch-hub': watchHub,
  'watch-proxy': watchProxy,
  cloudevents,
  'cloudevents-binary': cloudeventsBinary,
  'cloudevents-batch': cloudeventsBatch,
}

/** What the events of one request have to have in common. */
export const oneOf = (format: FormatName): Format['one'] => formats[format].one

/** `FrozenBatch.frame`, decoded. */
export interface BatchFrame {
  readonly format: FormatName
  /** Attached to Settings and Endpoint. */
  readonly metadata: Metadata
  /** Set where the format has one cluster per request. */
  readonly cluster?: { readonly name: string; readonly metadata: Metadata }
  /** Where the hub was known to be when the batch was made. @default '' */
  readonly source?: string
  /** CEL over the payload that the format gives: what is sent instead. */
  readonly body?: string
  /** Closes a scan: an item, rendered, that goes behind all others and that no fence stops. */
  readonly marker?: string
}

const frame = object({
  format: literal('watch-hub', 'watch-proxy', 'cloudevents', 'cloudevents-binary', 'cloudevents-batch'),
  metadata: record(json),
  cluster: optional(object({ name: string, metadata: record(json) })),
  source: optional(string),
  body: optional(string),
  marker: optional(string),
})

export const encodeFrame = (of: BatchFrame): string => JSON.stringify(of)
export const decodeFrame = (text: string): BatchFrame => decodeJson(frame, text)

export interface Line {
  readonly row: LogRow
  readonly member: Member
}

export function envelopeOf(batch: Pick<FrozenBatch, 'id' | 'createdAt'>, frame: BatchFrame, endpoint: string): Envelope {
  const { metadata, cluster, source = '' } = frame
  return { id: batch.id, createdAt: batch.createdAt, endpoint, metadata, source, ...(cluster !== undefined && { cluster }) }
}

export interface Rendering {
  readonly format: FormatName
  readonly envelope: Envelope
  /** Those of all rows. */
  readonly contexts: ReadonlyMap<string, ContextText>
  readonly scan?: string
}

/** One item as text. */
export const renderItem = (item: Item, format: FormatName, envelope: Envelope): string => formats[format].item(item, envelope)

/** The items of a batch as text, one for each line. */
export function renderItems(lines: readonly Line[], { format, envelope, contexts, scan }: Rendering): readonly string[] {
  const render = formats[format]
  return lines.map(({ row, member }) => {
    const context = contexts.get(row.context)
    if (context === undefined) throw new Error(`expected the context ${row.context} of log row ${row.sequence} to be loaded`)
    return render.item(scan === undefined ? { row, member, context } : { row, member, context, scan }, envelope)
  })
}

export const saysMarkers = (format: FormatName): boolean => formats[format].marker !== undefined

/** The item that closes a scan; nothing where the format has none. */
export const renderMarker = (marker: MarkerItem, format: FormatName, envelope: Envelope): string | undefined =>
  formats[format].marker?.(marker, envelope)

/** The request of these items. */
export function renderRequest(
  envelope: Envelope,
  { format, marker, body: expression }: BatchFrame,
  items: readonly string[],
): Pick<Outgoing, 'body' | 'expression' | 'headers'> {
  const { body, headers } = formats[format].request(envelope, marker === undefined ? items : [...items, marker])
  return { body: utf8(body), headers, ...(expression !== undefined && { expression }) }
}
