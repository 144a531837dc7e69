/**
 * An endpoint for tests: a real HTTP server that records every request and does what a receiver does with the payload of `format: watch-hub`.
 * Its table follows the receiver's whole rule: key = cluster.uid + resource.uid; `created` and `updated` put, `deleted` removes; a sequence that is
 * not greater than the stored one is ignored; a patch is applied to what is stored, if that is its base. Only what was answered with a 2xx
 * reaches the table. A patch of what the table does not hold breaks the hub's word: disposing of the receiver says so.
 *
 * One that `sweeps` follows markers: of the objects of the marker's cluster that it holds as one of the marker's watch, those go that neither
 * the marker's scan told (also by an item that was ignored) nor anything since the scan began. What is swept is forgotten, its sequence too.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { applyMergePatch } from '@watch-hub/shared/pipeline/merge-patch'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { changes } from './changes.ts'

export interface ReceivedRequest {
  /** From 1, in the order in which requests were complete. */
  readonly number: number
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly raw: string
  /** Parsed JSON; undefined when it is none. */
  readonly body: unknown
  /** ms since 1970. */
  readonly at: number
  /** Items of a `watch-hub` payload; empty for other formats. */
  readonly items: readonly Item[]
}

/** One item of the payload, as far as it can be told; `raw` is all of it. */
export interface Item {
  readonly type: string
  readonly reason: string | undefined
  readonly id: string
  readonly sequence: string
  readonly cluster: string
  /** `cluster.uid/resource.uid` */
  readonly key: string
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly watches: readonly string[]
  /** As it came; in the table, what a patch made of it too. */
  readonly object: Readonly<Record<string, unknown>> | undefined
  readonly raw: Readonly<Record<string, unknown>>
}

/** A `synced` item: it closes a scan. */
interface Marker {
  readonly scan: string
  readonly sequence: string
  readonly since: string
  readonly clusterUid: string
  readonly watch: string
  readonly count: number | undefined
}

/** What to answer. @default 200 with an empty body */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, text as it is. */
  readonly body?: unknown
  /** Never answer; the connection stays open until the sender gives up or the receiver is stopped. */
  readonly hang?: boolean
  /** Close the connection without an answer. */
  readonly reset?: boolean
  /** The receiver keeps what came whatever it answers: the sender has to repeat what it need not. @default what a 2xx would say */
  readonly taken?: boolean
}

type Answering = (request: ReceivedRequest) => Answer | Promise<Answer>

export interface Receiver extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/hook` */
  readonly url: string
  readonly requests: readonly ReceivedRequest[]
  /** All items that were accepted, in the order of arrival, those that the rule ignores too. */
  readonly items: readonly Item[]
  /** The newest item of each object that exists, by key. */
  readonly table: ReadonlyMap<string, Item>
  /** Accepted items whose sequence was not greater than the stored one. */
  readonly ignored: readonly Item[]
  /** Accepted ones, in the order of arrival. */
  readonly markers: readonly Marker[]
  /** What markers showed to be ghosts. */
  readonly swept: readonly Item[]
  /** `namespace/name` (or `name`) of what the table holds, sorted. */
  readonly names: readonly string[]
  answerWith(answering: Answering): void
  /** Resolves when `predicate` holds; it is looked at after each request. Rejects after `ms` (default 10 s). */
  waitFor(predicate: (receiver: Receiver) => boolean, what: string, ms?: number): Promise<void>
  /** Forgets requests and items, not the table. */
  clear(): void
}

export interface ReceiverOptions {
  readonly answer?: Answering
  /** Removes what markers show to be ghosts. @default false */
  readonly sweeps?: boolean
  /** @default 0 = any free one */
  readonly port?: number
}

export async function startReceiver({ answer = () => ({}), port = 0, sweeps = false }: ReceiverOptions = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = []
  const items: Item[] = []
  const markers: Marker[] = []
  const swept: Item[] = []
  const book = createBook()
  const news = changes()
  let answering = answer
  let received = 0

  const server = createServer((request, response) => {
    const take = async (): Promise<void> => {
      const raw = await text(request)
      const body = parse(raw)
      const { method = '', url = '', headers } = request
      const one = { number: ++received, method, path: url, headers, raw, body, at: Date.now(), items: itemsOf(body) }
      requests.push(one)
      const answer = await answering(one)
      if (isAccepted(answer)) {
        const accepted = acceptedOf(one, answer)
        items.push(...accepted)
        for (const item of accepted) book.enter(item)
        for (const marker of markersOf(body)) {
          markers.push(marker) // a request has items of no other scan behind it
          if (sweeps) swept.push(...book.sweep(marker))
        }
      }
      news.notify()
      send(response, answer)
    }
    take().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)

  const receiver: Receiver = {
    url: `http://127.0.0.1:${address.port}/hook`,
    requests,
    items,
    table: book.table,
    ignored: book.ignored,
    markers,
    swept,
    get names() {
      return [...book.table.values()].map(({ namespace, name }) => (namespace === '' ? name : `${namespace}/${name}`)).sort()
    },
    answerWith: (next) => {
      answering = next
    },
    waitFor: (predicate, what, ms) =>
      news.until(
        () => predicate(receiver),
        () =>
          `${what}; got ${requests.length} requests with ${items.length} accepted items, the last: ${describe(items.slice(-5))}`,
        ms,
      ),
    clear: () => {
      requests.length = 0
      items.length = 0
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      if (book.unheld.length > 0)
        throw new Error(
          `expected patches only of what this receiver holds, got ${book.unheld.map(({ raw }) => JSON.stringify(raw)).join()}`,
        )
    },
  }
  return receiver
}

/** The receiver's rule. A deleted object's sequence is remembered: what is older than the deletion must not bring it back. */
function createBook() {
  const table = new Map<string, Item>()
  const sequences = new Map<string, string>()
  /** Scan → keys of what it told, until its marker came. Several may be under way; replays are beside them. */
  const told = new Map<string, Set<string>>()
  /** As it was told last. */
  const watches = new Map<string, readonly string[]>()
  const ignored: Item[] = []
  const unheld: Item[] = []
  return {
    unheld: unheld as readonly Item[],
    table: table as ReadonlyMap<string, Item>,
    ignored: ignored as readonly Item[],
    enter: (item: Item): void => {
      if (item.id.endsWith(`-${item.sequence}`)) {
        const scan = item.id.slice(0, -item.sequence.length - 1)
        told.set(scan, (told.get(scan) ?? new Set()).add(item.key))
      }
      if (item.sequence >= (sequences.get(item.key) ?? '')) watches.set(item.key, item.watches)
      if (item.sequence <= (sequences.get(item.key) ?? '')) {
        ignored.push(item)
        return
      }
      const { base, patch } = item.raw
      if (base !== undefined && (base !== sequences.get(item.key) || !table.has(item.key))) {
        unheld.push(item)
        return
      }
      const object = base === undefined ? item.object : recordOf(applyMergePatch(table.get(item.key)?.object, patch))
      sequences.set(item.key, item.sequence)
      if (item.type === 'deleted') table.delete(item.key)
      else table.set(item.key, { ...item, object })
    },
    sweep: ({ scan, since, clusterUid, watch }: Marker): readonly Item[] => {
      const ghosts = [...table.values()].filter(
        ({ key, sequence }) =>
          key.startsWith(`${clusterUid}/`) && watches.get(key)?.includes(watch) && !told.get(scan)?.has(key) && sequence <= since,
      )
      for (const { key } of ghosts) for (const memory of [table, sequences, watches]) memory.delete(key)
      told.delete(scan)
      return ghosts
    },
  }
}

/** The items of a request that its receiver takes when it answers so. */
export function acceptedOf({ items }: Pick<ReceivedRequest, 'items'>, answer: Answer): readonly Item[] {
  if (!isAccepted(answer)) return []
  const refused = refusedIn(answer.body)
  return items.filter(({ id }) => !refused.has(id))
}

const isAccepted = ({ status = 200, hang, reset, taken }: Answer): boolean =>
  taken ?? (status >= 200 && status < 300 && !hang && !reset)

/** Ids that a `200 {"failures":[…]}` does not accept. */
function refusedIn(body: unknown): ReadonlySet<unknown> {
  const failures = isRecord(body) && Array.isArray(body.failures) ? body.failures : []
  return new Set(failures.map((failure: unknown) => (isRecord(failure) ? failure.id : undefined)))
}

function send(response: ServerResponse, { status = 200, headers = {}, body, hang, reset }: Answer): void {
  if (hang) return
  if (reset) {
    response.destroy()
    return
  }
  const isText = typeof body === 'string' || body === undefined
  response.writeHead(status, { ...(isText ? {} : { 'content-type': 'application/json' }), ...headers })
  response.end(isText ? body : JSON.stringify(body))
}

function itemsOf(body: unknown): readonly Item[] {
  if (!isRecord(body) || body.version !== '1' || !Array.isArray(body.items)) return []
  return body.items.filter(isRecord).filter(isEvent).map(itemOf)
}

/** Markers (`type: synced`) are about no object. */
const isEvent = (raw: Readonly<Record<string, unknown>>): boolean => isRecord(raw.resource)

function markersOf(body: unknown): readonly Marker[] {
  if (!isRecord(body) || !Array.isArray(body.items)) return []
  return body.items.filter(isRecord).flatMap((raw) => {
    if (raw.type !== 'synced') return []
    const [watch = ''] = Array.isArray(raw.watches) ? raw.watches.map(String) : []
    const { scan, sequence, since, count } = raw
    const clusterUid = textOf(recordOf(raw.cluster).uid)
    const texts = { scan: textOf(scan), sequence: textOf(sequence), since: textOf(since), clusterUid, watch }
    return [{ ...texts, count: typeof count === 'number' ? count : undefined }]
  })
}

function itemOf(raw: Readonly<Record<string, unknown>>): Item {
  const cluster = recordOf(raw.cluster)
  const resource = recordOf(raw.resource)
  const group = textOf(resource.group)
  return {
    type: textOf(raw.type),
    reason: raw.reason === undefined ? undefined : textOf(raw.reason),
    id: textOf(raw.id),
    sequence: textOf(raw.sequence),
    cluster: textOf(cluster.name),
    key: `${textOf(cluster.uid)}/${textOf(resource.uid)}`,
    resource: `${textOf(resource.resource)}${group === '' ? '' : `.${group}`}`,
    namespace: textOf(resource.namespace),
    name: textOf(resource.name),
    watches: Array.isArray(raw.watches) ? raw.watches.map(String) : [],
    object: isRecord(raw.object) ? raw.object : undefined,
    raw,
  }
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {})
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const describe = (items: readonly Item[]): string =>
  items.map(({ type, name, reason = 'live' }) => `${type} ${name} (${reason})`).join(', ') || 'none'

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch {
    return undefined // not every format and not every sender speaks JSON; `raw` has it
  }
}
