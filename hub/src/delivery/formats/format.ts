/**
 * A format: how a batch looks on the wire. Items are spliced as text: bodies are the agents' bytes and are never parsed here.
 * Equal input gives equal bytes and headers, in every process, for ever: that is what keeps a batch the same over restarts.
 */
import type { Metadata } from '../../config/model.ts'
import type { LastAttempt, LogRow, Member } from '../../store/store.ts'
import type { ContextText } from '../contexts.ts'

export interface Item {
  readonly row: LogRow
  readonly member: Member
  readonly context: ContextText
  /** Set for what comes from a scan. */
  readonly scan?: string
  /** Set for what was taken out of a batch that was tried: its last attempt. Not rendered. */
  readonly lastAttempt?: LastAttempt
}

/** What closes a scan. */
export interface MarkerItem {
  /** Id of the scan: its items' ids begin with it. */
  readonly scan: string
  readonly watch: string
  readonly context: ContextText
  /** ms */
  readonly time: number
  readonly since: number
  readonly sequence: number
  /** Absent where the hub does not know it. */
  readonly count?: number
}

export interface Envelope {
  readonly id: string
  readonly endpoint: string
  /** ms */
  readonly createdAt: number
  /** Attached to Settings and Endpoint. */
  readonly metadata: Metadata
  /** Where the hub is known to be, without a slash at the end; empty = nobody said. */
  readonly source: string
  /** Set where the format has one cluster per request. */
  readonly cluster?: { readonly name: string; readonly metadata: Metadata }
}

/** What goes over the wire, besides what a target adds. */
export interface Rendered {
  /** The body's text in pieces, one behind the other. */
  readonly body: readonly string[]
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Format {
  /** What the events of one request have to have in common. Absent = nothing. */
  readonly one?: 'cluster' | 'event'
  /** Text without raw newlines that `request` takes. */
  item(item: Item, envelope: Envelope): string
  /** Likewise. Absent = the format cannot say it. */
  readonly marker?: (marker: MarkerItem, envelope: Envelope) => string
  request(envelope: Envelope, items: readonly string[]): Rendered
}

/** What an endpoint names an event by when it answers. */
export function eventId({ member, scan }: Pick<Item, 'member' | 'scan'>): string {
  const sequence = paddedSequence(member.sequence)
  return scan === undefined ? sequence : `${scan}-${sequence}`
}

/** Likewise, of what closes a scan. */
export const markerId = ({ scan }: Pick<MarkerItem, 'scan'>): string => `${scan}-synced`

/** The state of an item's object, as members of a JSON object. */
export function contentOf({ row: { sequence, body, patch }, member }: Item): string {
  if (member.base === undefined) return `"object":${body}`
  if (patch?.base !== member.base)
    throw new Error(`expected log row ${sequence} with its patch of ${member.base}, got one of ${patch?.base ?? 'nothing'}`)
  return `"patch":${patch.text},"base":"${paddedSequence(patch.base)}"`
}

export const resourceOf = ({ row: { object } }: Item): string =>
  JSON.stringify({
    group: object.group,
    version: object.version,
    kind: object.kind,
    resource: object.resource,
    namespace: object.namespace,
    name: object.name,
    uid: object.uid,
    resourceVersion: object.resourceVersion,
  })

/** Items as the pieces of a list, with commas between them. */
export const listed = (items: readonly string[]): readonly string[] =>
  items.flatMap((item, i) => (i === 0 ? [item] : [',', item]))

export const jsonHeaders = { 'content-type': 'application/json' }

/** RFC 3339 in UTC, milliseconds. The time comes from an agent, so it may be any whole number. */
export const rfc3339 = (ms: number): string => new Date(Math.min(Math.max(ms, 0), latestMs)).toISOString()

/** End of the year 9999: what RFC 3339 can say. */
const latestMs = 253_402_300_799_999

/** As text it sorts like the number. */
export const paddedSequence = (sequence: number): string => String(sequence).padStart(20, '0')
