/** A log row in its three forms: columns on disk, what an append sends back between threads, and the `LogRow` that everybody sees. */
import { array, DecodeError, type Decoder, integer, literal, object, string } from '@watch-hub/shared/protocol/decode'
import type { Frame, ObjectEntry } from '@watch-hub/shared/protocol/frames'
import { isSynced } from '@watch-hub/shared/protocol/frames'
import type { LogRow, Patch, ReadLimits, Route, Sequence } from '../store.ts'
import { eventType, names, nullable, present, reason, sharedJson } from './columns.ts'

/** What a row costs besides its body, about: in memory, and on disk with its indexes. */
export const rowBytes = 600

/** What an append adds to an entry of its frame; the frame itself is not sent back. */
export interface Recorded {
  /** Position in `frame.entries`. */
  readonly entry: number
  readonly sequence: Sequence
  readonly routes: readonly Route[]
  /** Only where the entry brought none. */
  readonly body?: string
  readonly patch?: Patch
}

/** `["dns","created","initial","w1","w2"]`; the reason is "" when there is none; `updated+` where the row's patch may be told. */
type FlatRoute = readonly string[]

export const encodeRoutes = (routes: readonly Route[]): string =>
  JSON.stringify(
    routes.map(
      ({ endpoint, type, reason = '', watches, delta }): FlatRoute => [
        endpoint,
        delta ? `${type}${deltaMark}` : type,
        reason,
        ...watches,
      ],
    ),
  )

const deltaMark = '+'

/** Occurs in encoded routes exactly when one of them is the endpoint's: only the first item of a route follows a bracket. */
export const routeNeedle = (endpoint: string): string => `[${JSON.stringify(endpoint)},`

const flatRoute = array(string)
const route: Decoder<Route> = {
  shape: '[endpoint,type,reason,...watches]',
  decode: (value, path) => {
    const [endpoint, marked, why, ...watches] = flatRoute.decode(value, path)
    const delta = marked?.endsWith(deltaMark) ?? false
    const type = delta ? marked?.slice(0, -deltaMark.length) : marked
    if (endpoint === undefined) throw new DecodeError(`${path}: expected a route, got an empty list`)
    const base = { endpoint, type: eventType.decode(type, path) }
    return { ...base, ...(why !== '' && { reason: reason.decode(why, path) }), watches, ...(delta && { delta: true }) }
  },
}
/** Of parsed JSON. */
export const routesText: Decoder<readonly Route[]> = array(route)

/** Matches in one order, so that equal sets are equal text. */
const sorted = (matches: readonly string[]): readonly string[] =>
  matches.every((each, i) => i === 0 || (matches[i - 1] ?? '') < each) ? matches : [...new Set(matches)].sort()

/** What matches now: nothing, once the object is gone. */
export const matchesNow = (entry: ObjectEntry): readonly string[] => (entry.change === 'gone' ? [] : sorted(entry.matches))

/** The rows of a frame, from the frame and what the append recorded of it. */
export function rowsOfFrame(
  frame: Frame,
  stored: { readonly cluster: string; readonly context: string; readonly appendedAt: number; readonly rows: readonly Recorded[] },
): readonly LogRow[] {
  const { cluster, context, appendedAt } = stored
  return stored.rows.map(({ entry: position, sequence, routes, body, patch }) => {
    const entry = frame.entries[position]
    const stream = entry && frame.streams[entry.s]
    if (entry === undefined || stream === undefined || isSynced(entry))
      throw new Error(`expected entry ${position} of frame ${frame.number} of ${cluster} to be of an object of a stream`)
    const { id, group, version, kind, resource } = stream
    const { namespace, name, uid, resourceVersion, observedAt, cause, change } = entry
    return {
      sequence,
      cluster,
      context,
      stream: id,
      object: { group, version, kind, resource, namespace, name, uid, resourceVersion },
      observedAt,
      appendedAt,
      cause,
      change,
      matches: matchesNow(entry),
      routes,
      body: body ?? entry.body ?? '',
      ...(patch !== undefined && { patch }),
      ...originOf(entry, frame),
    }
  })
}

/** How a change came here. */
export const originOf = ({ traceparent, changedAt }: ObjectEntry, { sentAt, receivedAt }: Frame) =>
  present({ traceparent, changedAt, sentAt, receivedAt })

/** Columns of a log row with its stream, body and patch, for a `FROM` of `logRowTables`. */
export const logRowColumns = `log.sequence, streams.cluster, log.context, streams.stream, streams.grp AS "group", log.version, streams.kind,
  streams.resource, log.namespace, log.name, log.uid, log.resource_version AS resourceVersion, log.observed_at AS observedAt,
  log.appended_at AS appendedAt, log.cause, log.change, log.matches, log.routes, bodies.body,
  log.traceparent, log.changed_at AS changedAt, log.sent_at AS sentAt, log.received_at AS receivedAt, patches.base, patches.patch`
export const logRowTables = `log JOIN streams ON streams.id = log.stream JOIN bodies ON bodies.sequence = log.sequence
  LEFT JOIN patches ON patches.sequence = log.sequence`

/** Bytes of what a log row brought, for a `FROM log JOIN bodies`. */
export const logRowBytes =
  'octet_length(bodies.body) + ifnull((SELECT octet_length(patch) FROM patches WHERE patches.sequence = log.sequence), 0)'

const columns = object({
  sequence: integer,
  cluster: string,
  context: integer,
  stream: string,
  group: string,
  version: string,
  kind: string,
  resource: string,
  namespace: string,
  name: string,
  uid: string,
  resourceVersion: string,
  observedAt: integer,
  appendedAt: integer,
  cause: literal('live', 'list', 'audit'),
  change: literal('added', 'modified', 'gone'),
  matches: sharedJson(names),
  routes: sharedJson(routesText),
  body: string,
  base: nullable(integer),
  patch: nullable(string),
  traceparent: nullable(string),
  changedAt: nullable(integer),
  sentAt: nullable(integer),
  receivedAt: nullable(integer),
})

export const logRow: Decoder<LogRow> = {
  shape: columns.shape,
  decode: (value, path) => {
    const { group, version, kind, resource, namespace, name, uid, resourceVersion, context, base, patch, ...row } =
      columns.decode(value, path)
    const { traceparent, changedAt, sentAt, receivedAt, ...rest } = row
    return {
      ...rest,
      context: String(context),
      object: { group, version, kind, resource, namespace, name, uid, resourceVersion },
      ...(base !== undefined && patch !== undefined && { patch: { base, text: patch } }),
      ...present({ traceparent, changedAt, sentAt, receivedAt }),
    }
  },
}

/** Takes rows until a limit is reached, at least one. Memory and disk are both cut by this, so that they give the same answers. */
export function take(
  rows: Iterable<LogRow>,
  limits: Pick<ReadLimits, 'rows' | 'bytes'>,
): { readonly rows: readonly LogRow[]; readonly complete: boolean } {
  const taken: LogRow[] = []
  let bytes = 0
  for (const row of rows) {
    bytes += row.body.length
    if (taken.length > 0 && (taken.length >= limits.rows || bytes > limits.bytes)) return { rows: taken, complete: false }
    taken.push(row)
  }
  return { rows: taken, complete: true }
}
