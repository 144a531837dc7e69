/**
 * A format: how a batch looks on the wire. Items are spliced as text: bodies are the agents' bytes and are never parsed here.
 * Equal input gives equal bytes, in every process, for ever: that is what keeps a batch the same over restarts.
 */
import type { Metadata } from '../../config/model.ts'
import type { LogRow, Member } from '../../store/store.ts'
import type { ContextText } from '../contexts.ts'

export interface Item {
  readonly row: LogRow
  readonly member: Member
  readonly context: ContextText
  /** Set for what comes from a scan. */
  readonly scan?: string
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
  /** Set where the format has one cluster per request. */
  readonly cluster?: { readonly name: string; readonly metadata: Metadata }
}

export interface Format {
  /** JSON text without raw newlines. */
  item(item: Item): string
  /** JSON text without raw newlines. Absent = the format cannot say it. */
  readonly marker?: (marker: MarkerItem) => string
  /** What stands before and after the items, which are joined by commas. */
  envelope(envelope: Envelope): readonly [head: string, tail: string]
}

/** RFC 3339 in UTC, milliseconds. The time comes from an agent, so it may be any whole number. */
export const rfc3339 = (ms: number): string => new Date(Math.min(Math.max(ms, 0), latestMs)).toISOString()

/** End of the year 9999: what RFC 3339 can say. */
const latestMs = 253_402_300_799_999

/** As text it sorts like the number. */
export const paddedSequence = (sequence: number): string => String(sequence).padStart(20, '0')
