/**
 * CloudEvents 1.0 over HTTP: `cloudevents` (structured) and `cloudevents-binary` (attributes as `ce-…` headers) have one event per request,
 * `cloudevents-batch` a JSON array of them.
 *
 * Attributes and `data` together say all that `format: watch-hub` says: `id`, `time`, `sequence` and `type` are those of the item, `subject`
 * names the object within the cluster, `partitionkey` names it among all clusters, `recordedtime` is when the request was made. `data` holds
 * endpoint, metadata (of Settings and Endpoint), cluster, watches, watchMetadata, resource, reason and object. What happens again has the same
 * `source` and `id`. A marker is an event without subject.
 */
import { decodeJson, record, string } from '@watch-hub/shared/protocol/decode'
import {
  contentOf,
  type Envelope,
  eventId,
  type Format,
  type Item,
  listed,
  type MarkerItem,
  markerId,
  paddedSequence,
  type Rendered,
  resourceOf,
  rfc3339,
} from './format.ts'

/** Attribute → value. Absent ones are undefined. */
interface Attributes {
  readonly specversion: '1.0'
  readonly type: string
  readonly source: string
  readonly id: string
  readonly subject?: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly sequence: string
  readonly partitionkey?: string
  readonly recordedtime: string
  readonly traceparent?: string
}

/** How an event is written into text, from its attributes and the JSON text of its data. */
type Writing = (attributes: Attributes, data: string) => string

const formatOf = (write: Writing, request: Format['request']): Format => ({
  item: (item, envelope) => write(attributesOf(item, envelope), dataOf(item, envelope)),
  marker: (marker, envelope) => write(markerAttributes(marker, envelope), markerData(marker, envelope)),
  request,
})

const inJson: Writing = (attributes, data) => `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}`

/** The headers hold no raw tab. */
const inHeaders: Writing = (attributes, data) => `${JSON.stringify(headersOf(attributes))}\t${data}`

export const cloudevents: Format = {
  one: 'event',
  ...formatOf(inJson, (_, items) => ({ body: [only(items)], headers: { 'content-type': 'application/cloudevents+json' } })),
}

export const cloudeventsBatch: Format = formatOf(inJson, (_, items) => ({
  body: ['[', ...listed(items), ']'],
  headers: { 'content-type': 'application/cloudevents-batch+json' },
}))

export const cloudeventsBinary: Format = {
  one: 'event',
  ...formatOf(inHeaders, (_, items): Rendered => {
    const event = only(items)
    const tab = event.indexOf('\t')
    return { body: [event.slice(tab + 1)], headers: decodeJson(record(string), event.slice(0, tab)) }
  }),
}

function only(items: readonly string[]): string {
  const [item] = items
  if (item === undefined || items.length > 1) throw new Error(`expected one event per request, got ${items.length}`)
  return item
}

function attributesOf(item: Item, envelope: Envelope): Attributes {
  const { row, member, context } = item
  const subject = subjectOf(item)
  return {
    ...common(member.type, context.name, envelope),
    id: eventId(item),
    subject,
    time: rfc3339(row.observedAt),
    datacontenttype: 'application/json',
    sequence: paddedSequence(member.sequence),
    partitionkey: `${context.name}/${subject}`,
    recordedtime: rfc3339(envelope.createdAt),
    ...(row.traceparent !== undefined && { traceparent: row.traceparent }),
  }
}

const markerAttributes = (marker: MarkerItem, envelope: Envelope): Attributes => ({
  ...common('synced', marker.context.name, envelope),
  id: markerId(marker),
  time: rfc3339(marker.time),
  datacontenttype: 'application/json',
  sequence: paddedSequence(marker.sequence),
  recordedtime: rfc3339(envelope.createdAt),
})

const common = (type: string, cluster: string, { source }: Envelope) =>
  ({ specversion: '1.0', type: `dev.watch-hub.resource.${type}`, source: `${source}/clusters/${cluster}` }) as const

/** `deployments.apps/web/shop`; of what has no namespace, `nodes/n1`. */
function subjectOf({ row: { object } }: Item): string {
  const { group, resource, namespace, name } = object
  return [group === '' ? resource : `${resource}.${group}`, ...(namespace === '' ? [] : [namespace]), name].join('/')
}

function dataOf(item: Item, envelope: Envelope): string {
  const { member, context } = item
  const reason = member.reason === undefined ? '' : `"reason":"${member.reason}",`
  return `{${sharedData(member.watches, context, envelope)},"resource":${resourceOf(item)},${reason}${contentOf(item)}}`
}

function markerData({ watch, context, scan, since, count }: MarkerItem, envelope: Envelope): string {
  const counted = count === undefined ? '' : `,"count":${count}`
  return `{${sharedData([watch], context, envelope)},"scan":"${scan}","since":"${paddedSequence(since)}"${counted}}`
}

function sharedData(watches: readonly string[], context: Item['context'], { endpoint, metadata }: Envelope): string {
  const head = JSON.stringify({ endpoint, metadata }).slice(1, -1)
  const tail = JSON.stringify({ watches, watchMetadata: context.watchMetadata(watches) }).slice(1, -1)
  return `${head},"cluster":${context.cluster},${tail}`
}

function headersOf({ datacontenttype, ...rest }: Attributes): Rendered['headers'] {
  const encoded = Object.entries(rest).map(([name, value]) => [`ce-${name}`, percentEncoded(value)] as const)
  return { 'content-type': datacontenttype, ...Object.fromEntries(encoded) }
}

/** As the HTTP binding has it: space, double quote, percent and everything outside of printable ASCII, by their UTF-8 bytes. */
const percentEncoded = (value: string): string =>
  value.replace(/[^\x21-\x7e]|["%]/gu, (each) =>
    Buffer.from(each).reduce((text, byte) => `${text}%${byte.toString(16).toUpperCase().padStart(2, '0')}`, ''),
  )
