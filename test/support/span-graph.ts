/** Spans as a graph that a test can compare whole: names in the place of ids. */
import type { OtlpSpan } from './otlp/spans.ts'

export interface SpanShape {
  readonly name: string
  readonly kind: OtlpSpan['kind']
  readonly service: unknown
  /** Name of the parent; `unknown` = it was not exported. Absent = a root. */
  readonly parent?: string
  /** What it links to, in order; spans that were not exported are `unknown`. */
  readonly links?: readonly string[]
  readonly error?: true
}

/** Of every span, in the order of their names; creations are told apart by their object. */
export function graphOf(spans: readonly OtlpSpan[]): readonly SpanShape[] {
  const known = new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, nameOf(span)]))
  const named = (traceId: string, spanId: string) => known.get(`${traceId} ${spanId}`) ?? 'unknown'
  return spans
    .map(
      (span): SpanShape => ({
        name: nameOf(span),
        kind: span.kind,
        service: span.resource['service.name'],
        ...(span.parentSpanId !== undefined && { parent: named(span.traceId, span.parentSpanId) }),
        ...(span.links.length > 0 && { links: span.links.map(({ traceId, spanId }) => named(traceId, spanId)) }),
        ...(span.status.code === 'error' && { error: true }),
      }),
    )
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

const nameOf = (span: OtlpSpan): string => {
  const object = span.name.startsWith('create') ? ` ${span.attributes['watch_hub.object']}` : ''
  const attempt = span.name.startsWith('deliver') ? ` #${span.attributes['watch_hub.attempt']}` : ''
  return `${span.name}${object}${attempt}`
}

/** `00-<trace>-<span>-01` of an exported span. */
export const traceparentOf = ({ traceId, spanId }: OtlpSpan): string => `00-${traceId}-${spanId}-01`
