/**
 * Cutting: which events share a request, and which of them have to go now. Pure.
 *
 * A batch is full at `maxObjects`, or when the next body would take it above `maxBytes` (one larger object travels alone). It leaves when
 * it is full or when its oldest event has waited `maxWaitMs`. What is neither stays in the log for the next look, if it can be told apart
 * there: the rows of one object are never separated from each other, and where that would hold back what must go, it goes along.
 */
import type { EndpointConfig } from '../config/model.ts'
import type { LogRow } from '../store/store.ts'
import type { Span } from './compact.ts'
import { oneOf } from './render.ts'

export interface CutLimits {
  readonly maxObjects: number
  /** Of the bodies, or of the patches told instead, in bytes. */
  readonly maxBytes: number
  /** True: events of two clusters never share a request. */
  readonly byCluster: boolean
}

export interface Cut {
  readonly spans: readonly Span[]
  /** As `CutLimits.maxBytes` counts them. */
  readonly bytes: number
  /** False = it has room for more. */
  readonly full: boolean
}

export const cutLimits = ({ batch, format }: Pick<EndpointConfig, 'batch' | 'format'>): CutLimits => ({
  maxObjects: oneOf(format) === 'event' ? 1 : batch.maxObjects,
  maxBytes: batch.maxBytes,
  byCluster: oneOf(format) === 'cluster',
})

/** Spans without a member are left out. Within a cluster the order is kept. */
export function cut(spans: readonly Span[], limits: CutLimits): readonly Cut[] {
  const done: Cut[] = []
  const open = new Map<string, { spans: Span[]; bytes: number }>()
  for (const span of spans) {
    if (span.member === undefined) continue
    const key = limits.byCluster ? span.row.cluster : ''
    const size = sizeOf(span)
    const before = open.get(key)
    if (before !== undefined && before.bytes + size > limits.maxBytes) {
      done.push({ ...before, full: true })
      open.delete(key)
    }
    const into = open.get(key) ?? { spans: [], bytes: 0 }
    into.spans.push(span)
    into.bytes += size
    if (into.spans.length < limits.maxObjects && into.bytes < limits.maxBytes) open.set(key, into)
    else {
      done.push({ ...into, full: true })
      open.delete(key)
    }
  }
  for (const rest of open.values()) done.push({ ...rest, full: false })
  return done
}

/** Of what is told, in bytes. */
const sizeOf = ({ row, member }: Span): number =>
  Buffer.byteLength(member?.base === undefined ? row.body : (row.patch?.text ?? row.body))

export interface WindowTiming {
  readonly limits: CutLimits
  readonly maxWaitMs: number
  /** True: nothing waits for more. */
  readonly flush: boolean
  /** ms */
  readonly now: number
}

export interface Window {
  /** What goes now, in order. */
  readonly cuts: readonly Cut[]
  /** How many rows of the window that covers: the cursor may pass them. */
  readonly rows: number
  /** What stays in the log. */
  readonly rest?: {
    readonly events: number
    readonly bytes: number
    /** When it has to go at the latest, ms. */
    readonly due: number
  }
}

/** Decides what of a window goes now. `spans` are those of `rows`. */
export function closeWindow(rows: readonly LogRow[], spans: readonly Span[], timing: WindowTiming): Window {
  const cuts = cut(spans, timing.limits)
  const everything = { cuts, rows: rows.length }
  if (timing.flush || timing.maxWaitMs === 0) return everything
  const dueAt = (of: Cut) => oldestOf(of, rows) + timing.maxWaitMs
  const staying = cuts.filter((each) => !each.full && dueAt(each) > timing.now)
  if (staying.length === 0) return everything
  const going = cuts.filter((each) => !staying.includes(each))
  const at = least(staying.flatMap((each) => each.spans.map((span) => span.first)))
  const apart = separates(spans, at) && going.every((each) => each.spans.every((span) => span.last < at))
  if (!apart && going.length > 0) return everything
  const rest = {
    events: sum(staying, (each) => each.spans.length),
    bytes: sum(staying, (each) => each.bytes),
    due: least(staying.map(dueAt)),
  }
  return { cuts: going, rows: apart ? at : 0, rest }
}

/** When the oldest event of a batch was appended, ms. */
export const oldestOf = (of: Cut, rows: readonly LogRow[]): number =>
  least(of.spans.map(({ first, row }) => rows[first]?.appendedAt ?? row.appendedAt))

/** No object has rows on both sides of position `at`. */
const separates = (spans: readonly Span[], at: number): boolean => spans.every(({ first, last }) => first >= at || last < at)

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)

const sum = (cuts: readonly Cut[], of: (each: Cut) => number): number => cuts.reduce((n, each) => n + of(each), 0)
