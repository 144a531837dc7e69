/**
 * A receiver for trying things out: takes deliveries, keeps the receiver's rule (a sequence that is not greater than the stored one changes
 * nothing) and fails where it is told to. Understands `format: watch-hub` and `format: watch-proxy`.
 */
import {
  array,
  DecodeError,
  type Decoder,
  decodeJson,
  integer,
  json,
  literal,
  object,
  optional,
  string,
} from '@watch-hub/shared/protocol/decode'
import { describeError } from '@watch-hub/shared/runtime/log'
import { type HttpServer, listen } from '../http/listen.ts'
import type { ListenAddress } from '../settings.ts'

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

export type Received =
  /** `endpoint`: its name, or the path where the format has none. */
  | { readonly kind: 'accepted'; readonly endpoint: string; readonly items: readonly ReceivedItem[] }
  | { readonly kind: 'failed'; readonly status: number; readonly path: string }
  | { readonly kind: 'not-understood'; readonly path: string; readonly why: string }

export interface ReceiverOptions {
  readonly listen: ListenAddress
  /** Asked for each request, which counts from 1: a status to fail it with. */
  readonly failing: (request: number) => number | undefined
  readonly onReceived: (received: Received) => void
}

/** Objects remembered; beyond that the longest known are forgotten, and their next event counts as new. */
const maxObjects = 200_000
const maxBytes = 64 * 1024 * 1024

export async function startReceiver({ listen: address, failing, onReceived }: ReceiverOptions): Promise<HttpServer> {
  const memory = new Map<string, string>()
  let requests = 0
  const fetch = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname
    const status = failing(++requests)
    if (status !== undefined) {
      onReceived({ kind: 'failed', status, path })
      return Response.json({ code: 'as-told', message: 'this receiver was told to fail' }, { status })
    }
    try {
      onReceived({ kind: 'accepted', ...readDelivery(await readBody(request), path, memory) })
      return Response.json({})
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      onReceived({ kind: 'not-understood', path, why: describeError(error) })
      return Response.json({ code: 'not-understood', message: error.message }, { status: 400 })
    }
  }
  return listen({ fetch }, { listen: address, graceMs: 200 })
}

async function readBody(request: Request): Promise<unknown> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of request.body ?? []) {
    size += part.length
    if (size > maxBytes) throw new DecodeError(`expected a body of at most ${maxBytes} bytes, got more`)
    parts.push(part)
  }
  return decodeJson(json, Buffer.concat(parts).toString('utf8'))
}

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
const watchHub = object({ endpoint: string, items: array(json) })
const watchProxyItem = object({ uniqueId: string, event: literal('add', 'update', 'delete'), data: json })
const watchProxy = object({ data: array(json), meta: object({ cluster: string }) })
const named = object({ kind: optional(string), metadata: object({ name: string, namespace: optional(string) }) })

/** `memory`: object → highest sequence. */
export function readDelivery(
  payload: unknown,
  path: string,
  memory: Map<string, string>,
): Pick<Extract<Received, { kind: 'accepted' }>, 'endpoint' | 'items'> {
  if (typeof payload === 'object' && payload !== null && 'data' in payload) {
    const { data, meta } = watchProxy.decode(payload)
    return { endpoint: path, items: data.map((item, i) => proxyItem(item, `data[${i}]`, meta.cluster)) }
  }
  const { endpoint, items } = watchHub.decode(payload)
  return { endpoint, items: items.map((item, i) => hubItem(item, `items[${i}]`, memory)) }
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
