/**
 * What a delivery says, read from its payload: `format: watch-hub`, `watch-proxy` and the three of CloudEvents, told apart by what came.
 * What is none of them throws DecodeError. Keeps the receiver's rule: a sequence that is not greater than the stored one changes nothing.
 */
import {
  array,
  DecodeError,
  type Decoder,
  integer,
  json,
  literal,
  object,
  optional,
  record,
  string,
} from '@watch-hub/shared/protocol/decode'

export interface ReceivedItem {
  readonly type: string
  readonly reason?: string
  readonly cluster: string
  readonly kind: string
  /** `web/shop` */
  readonly name: string
  /** true = told before, or overtaken: changes nothing. */
  readonly stale: boolean
  /** Set for a patch: whether what it is based on came here, and nothing of the object since. */
  readonly baseHeld?: boolean
  /** As it came. */
  readonly item: unknown
}

/** A request with its body parsed. */
export interface Payload {
  readonly path: string
  readonly headers: Headers
  readonly body: unknown
}

export interface Delivery {
  /** Its name, or the path where the format has none. */
  readonly endpoint: string
  readonly items: readonly ReceivedItem[]
}

/** Objects remembered; beyond that the longest known are forgotten, and their next event counts as new. */
const maxObjects = 200_000

const watchHubItem = object({
  type: string,
  reason: optional(string),
  sequence: string,
  base: optional(string),
  cluster: object({ name: string, uid: string }),
  resource: object({ kind: string, namespace: optional(string), name: string, uid: string }),
})
/** Closes a scan; about no object. */
const markerItem = object({ cluster: object({ name: string }), watches: array(string), count: optional(integer) })
const anyItem = object({ type: string })
const cloudEvent = object({ type: string, sequence: string, data: record(json) })
const firstEvent = array(object({ data: object({ endpoint: string }) }))
const watchHub = object({ endpoint: string, items: array(json) })
const watchProxyItem = object({ uniqueId: string, event: literal('add', 'update', 'delete'), data: json })
const watchProxy = object({ data: array(json), meta: object({ cluster: string }) })
const named = object({ kind: optional(string), metadata: object({ name: string, namespace: optional(string) }) })

/** `memory`: object → highest sequence. */
export function readDelivery(payload: Payload, memory: Map<string, string>): Delivery {
  const { path, body } = payload
  const events = cloudEventsOf(payload)
  if (events !== undefined)
    return {
      endpoint: attempt(firstEvent, events)?.[0]?.data.endpoint ?? path,
      items: events.map((event, i) => eventItem(event, `[${i}]`, memory)),
    }
  if (typeof body === 'object' && body !== null && 'data' in body) {
    const { data, meta } = watchProxy.decode(body)
    return { endpoint: path, items: data.map((item, i) => proxyItem(item, `data[${i}]`, meta.cluster)) }
  }
  const { endpoint, items } = watchHub.decode(body)
  return { endpoint, items: items.map((item, i) => hubItem(item, `items[${i}]`, memory)) }
}

/** The events of a request in any mode of the HTTP binding, each as in the JSON format; nothing when it is in none. */
function cloudEventsOf({ headers, body }: Payload): readonly unknown[] | undefined {
  const contentType = headers.get('content-type') ?? ''
  if (contentType.startsWith('application/cloudevents-batch+json')) return array(json).decode(body)
  if (contentType.startsWith('application/cloudevents+json')) return [body]
  if (!headers.has('ce-specversion')) return undefined
  const attributes = [...headers]
    .filter(([name]) => name.startsWith('ce-'))
    .map(([name, value]) => [name.slice(3), percentDecoded(value)])
  return [{ ...Object.fromEntries(attributes), data: body }]
}

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

const eventType = 'dev.watch-hub.resource.'

/** What `format: watch-hub` has in an item, a CloudEvent has in its attributes and in `data`. */
function eventItem(event: unknown, at: string, memory: Map<string, string>): ReceivedItem {
  const { type, sequence, data } = cloudEvent.decode(event, at)
  if (!type.startsWith(eventType)) throw new DecodeError(`${at}.type: expected ${eventType}…, got ${JSON.stringify(type)}`)
  const item = { ...data, type: type.slice(eventType.length), sequence }
  return { ...hubItem(item, at, memory), item: event }
}

function hubItem(item: unknown, at: string, memory: Map<string, string>): ReceivedItem {
  if (attempt(anyItem, item)?.type === 'synced') return readMarker(item, at)
  const { type, reason, sequence, base, cluster, resource } = watchHubItem.decode(item, at)
  const key = `${cluster.uid}/${resource.uid}`
  const before = memory.get(key)
  const stale = before !== undefined && sequence <= before // both are padded to one length
  if (!stale) remember(memory, key, sequence)
  return {
    type,
    ...(reason === undefined ? {} : { reason }),
    cluster: cluster.name,
    kind: resource.kind,
    name: fullName(resource),
    stale,
    ...(base !== undefined && { baseHeld: stale || before === base }),
    item,
  }
}

function readMarker(item: unknown, at: string): ReceivedItem {
  const { cluster, watches, count } = markerItem.decode(item, at)
  const counted = count === undefined ? '' : ` (${count} ${count === 1 ? 'object' : 'objects'})`
  return { type: 'synced', cluster: cluster.name, kind: 'watch', name: `${watches.join()}${counted}`, stale: false, item }
}

function remember(memory: Map<string, string>, key: string, sequence: string): void {
  memory.delete(key) // to the end: the first one is the longest known
  memory.set(key, sequence)
  if (memory.size <= maxObjects) return
  for (const oldest of memory.keys()) {
    memory.delete(oldest)
    return
  }
}

const proxyTypes = { add: 'created', update: 'updated', delete: 'deleted' } as const

function proxyItem(item: unknown, at: string, cluster: string): ReceivedItem {
  const { event, uniqueId, data } = watchProxyItem.decode(item, at)
  const known = attempt(named, data)
  return {
    type: proxyTypes[event],
    cluster,
    kind: known?.kind ?? '',
    name: known === undefined ? uniqueId : fullName(known.metadata),
    stale: false,
    item,
  }
}

/** A projection may have left the name out. */
function attempt<T>(decoder: Decoder<T>, value: unknown): T | undefined {
  try {
    return decoder.decode(value)
  } catch {
    return undefined
  }
}

const fullName = ({ namespace, name }: { readonly namespace?: string; readonly name: string }): string =>
  namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
