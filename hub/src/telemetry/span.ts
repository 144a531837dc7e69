/**
 * Spans as they are exported. They are made whole, once everything about them is known: an agent has no SDK, so the hub makes spans out of what
 * it wrote down; whether an attempt is worth a span is known when it is over; and a commit's trace has the id of the commit. So there is no
 * tracer that starts and ends them, and nothing is spent on a span that is not exported.
 */
import {
  type Attributes,
  type AttributeValue,
  type HrTime,
  type Link,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { TraceContext } from '@watch-hub/shared/protocol/traceparent'
import { release } from '@watch-hub/shared/protocol/version'
import { schemaUrl } from './attributes.ts'
import type { OtelSettings } from './otel-env.ts'

export type { Attributes } from '@opentelemetry/api'

export interface LinkTo {
  readonly context: TraceContext
  readonly attributes?: Attributes
}

/** Times in ms since 1970, fractions too. */
export interface SpanData {
  readonly context: Omit<TraceContext, 'sampled'>
  /** Absent = the root of its trace. */
  readonly parent?: Omit<TraceContext, 'sampled'>
  readonly name: string
  readonly kind: 'internal' | 'client' | 'producer' | 'consumer'
  readonly start: number
  readonly end: number
  readonly attributes: Attributes
  /** Those that matter most come first: beyond the limit they are left out and counted. */
  readonly links?: readonly LinkTo[]
  /** Set where it failed; for people, without secrets. */
  readonly error?: string
}

const kinds: Readonly<Record<SpanData['kind'], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
}
const scope = { name: 'watch-hub', version: release, schemaUrl }

export function readableSpan(data: SpanData, resource: Resource, limits: OtelSettings['limits']): ReadableSpan {
  const { context, parent, links = [] } = data
  const own = contextOf({ ...context, sampled: true })
  const end = Math.max(data.start, data.end) // clocks of two machines may disagree
  const attributes = limited(data.attributes, limits)
  return {
    name: data.name,
    kind: kinds[data.kind],
    spanContext: () => own,
    ...(parent !== undefined && { parentSpanContext: contextOf({ ...parent, sampled: true }) }),
    startTime: hrTime(data.start),
    endTime: hrTime(end),
    duration: hrTime(end - data.start),
    status: statusOf(data.error),
    ...attributes,
    links: links.slice(0, limits.links).map(
      (link): Link => ({
        context: contextOf(link.context),
        attributes: limited(link.attributes ?? {}, limits).attributes,
      }),
    ),
    droppedLinksCount: Math.max(0, links.length - limits.links),
    events: [],
    droppedEventsCount: 0,
    ended: true,
    resource,
    instrumentationScope: scope,
  }
}

const contextOf = ({ traceId, spanId, sampled }: TraceContext) => ({
  traceId,
  spanId,
  traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
})

const statusOf = (error: string | undefined): SpanStatus =>
  error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error }

function limited(given: Attributes, { attributes: most, attributeLength }: OtelSettings['limits']) {
  const all = Object.entries(given).filter(([, value]) => value !== undefined)
  const kept = all.slice(0, most).map(([name, value]) => [name, cut(value, attributeLength)])
  return { attributes: Object.fromEntries(kept), droppedAttributesCount: all.length - kept.length }
}

/** Texts in lists too, as the specification says. */
function cut(value: AttributeValue | undefined, length: number): AttributeValue | undefined {
  if (typeof value === 'string') return value.slice(0, length)
  if (!Array.isArray(value) || !value.some((each) => typeof each === 'string' && each.length > length)) return value
  return value.map((each) => String(each).slice(0, length))
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)]
}
