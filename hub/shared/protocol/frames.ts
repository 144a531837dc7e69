/**
 * Frames: what an agent saw, in order. On the wire: zstd over a header line, one line per entry and one line per raw body.
 * A body is the projected object as one line of JSON; nobody between the agent and the renderer parses it.
 */
import { isClosedObject } from './body.ts'
import {
  array,
  boolean,
  type Decoded,
  DecodeError,
  decodeJson,
  integer,
  isRecord,
  json,
  literal,
  object,
  optional,
  string,
} from './decode.ts'
import { traceparent } from './traceparent.ts'

export const frameHeader = object({
  plan: string,
  process: integer,
  /** 1 for the first frame of a process, then without gaps. */
  number: integer,
  /** The streams that the entries name by position. */
  streams: array(object({ id: string, group: string, resource: string, version: string, kind: string, namespaced: boolean })),
  /** When the agent sealed the frame, its clock, ms since 1970. */
  sealedAt: integer,
  /** When it was sent, the last time if it was sent again, its clock, ms since 1970. */
  sentAt: optional(integer),
})
export type FrameHeader = Decoded<typeof frameHeader>
export type FrameStream = FrameHeader['streams'][number]

/**
 * How the agent came to know: `live` = a watch event; `list` = by comparing its index with a consistent list, because it had to;
 * `audit` = by the same comparison, made only because it was time.
 */
export const cause = literal('live', 'list', 'audit')

export const objectEntry = object({
  /** Position in `header.streams`. */
  s: integer,
  uid: string,
  /** "" for cluster-scoped objects. */
  namespace: string,
  name: string,
  resourceVersion: string,
  cause,
  /** What happened to the object itself: `gone` = it no longer exists in the cluster. */
  change: literal('added', 'modified', 'gone'),
  /** Names of the watches that it matches now; empty = none. */
  matches: array(string),
  /** Hash of the projected body. Absent when gone or when nothing matches. */
  hash: optional(string),
  /** True: the next body line belongs to this entry. */
  body: boolean,
  /** Agent's clock when it saw this, ms since 1970. */
  observedAt: integer,
  /** When the API server changed it, as far as the object tells: whole seconds of the server's clock, in ms since 1970. */
  changedAt: optional(integer),
  /** The context in which the change is told from here on. The agent draws the ids; whether it is sampled is the hub's to say. */
  traceparent: optional(traceparent),
  /** Of the object's annotation `tracing.k8s.io/traceparent` (KEP-5915): foreign, so something to link to and never a parent. */
  linked: optional(traceparent),
})
/** Ends a full comparison of a stream: from here on each watch is in step under its definition. */
export const syncedEntry = object({
  s: integer,
  synced: array(object({ watch: string, definition: string })),
  cause: literal('list', 'audit'),
  /** Of the agent's index after all entries before this one, see checksum.ts: the hub's must be the same. Absent: nothing is claimed. */
  checksum: optional(integer),
  observedAt: integer,
})

export type ObjectEntry = Omit<Decoded<typeof objectEntry>, 'body'> & { readonly body?: string }
export type SyncedEntry = Decoded<typeof syncedEntry>
export type Entry = ObjectEntry | SyncedEntry
export interface Frame extends FrameHeader {
  readonly entries: readonly Entry[]
  /** When the hub had it, its clock, ms since 1970; not on the wire. */
  readonly receivedAt?: number
}

export const isSynced = (entry: Entry): entry is SyncedEntry => 'synced' in entry

/** The uncompressed wire form. Bodies must not hold a raw newline; JSON.stringify never makes one. */
export function encodeFrame(frame: Frame): string {
  const { entries, receivedAt: _, ...header } = frame
  const lines = [JSON.stringify(header)]
  for (const entry of entries) {
    if (isSynced(entry)) lines.push(JSON.stringify(entry))
    else {
      const { body, ...rest } = entry
      lines.push(JSON.stringify({ ...rest, body: body !== undefined }))
      if (body !== undefined) lines.push(body)
    }
  }
  return lines.join('\n')
}

/** Throws DecodeError when `text` is no frame. Bodies are not looked into. */
export function decodeFrame(text: string): Frame {
  const lines = text.split('\n')
  const header = decodeJson(frameHeader, lines[0] ?? '')
  const entries: Entry[] = []
  for (let i = 1; i < lines.length; i++) {
    const raw = decodeJson(json, lines[i] ?? '')
    if (isRecord(raw) && 'synced' in raw) {
      entries.push(checkStream(header, syncedEntry.decode(raw)))
      continue
    }
    const { body: hasBody, ...entry } = objectEntry.decode(raw)
    const body = hasBody ? lines[++i] : undefined
    if (hasBody && body === undefined)
      throw new DecodeError(`frame ${header.number}: expected a body line after the entry of ${entry.name}, got the end`)
    if (body !== undefined && !isClosedObject(body))
      throw new DecodeError(
        `frame ${header.number}: expected the body of ${entry.name} to be one JSON object, got ${body.length} characters that are not`,
      )
    entries.push(checkStream(header, body === undefined ? entry : { ...entry, body }))
  }
  return { ...header, entries }
}

function checkStream<E extends Entry>(header: FrameHeader, entry: E): E {
  if (entry.s < 0 || entry.s >= header.streams.length)
    throw new DecodeError(`frame ${header.number}: expected a stream position below ${header.streams.length}, got ${entry.s}`)
  return entry
}
