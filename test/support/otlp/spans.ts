/** Spans of OTLP (trace.proto), as plain objects. */
import { type Attributes, attributesOf, type Origin, thingsOf } from './common.ts'
import { bitsOf, type Fields, hexOf, messageOf, messagesOf, readMessage, textOf } from './protobuf.ts'

export interface OtlpSpan extends Origin {
  /** Ids are hex. */
  readonly traceId: string
  readonly spanId: string
  /** Absent for the root of a trace. */
  readonly parentSpanId?: string
  readonly traceState: string
  readonly name: string
  readonly kind: (typeof kinds)[number]
  /** ns since 1970. */
  readonly startNs: bigint
  readonly endNs: bigint
  readonly durationMs: number
  readonly attributes: Attributes
  readonly events: readonly { readonly name: string; readonly timeNs: bigint; readonly attributes: Attributes }[]
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[]
  readonly status: { readonly code: (typeof codes)[number]; readonly message: string }
  readonly droppedAttributesCount: number
  readonly droppedEventsCount: number
  readonly droppedLinksCount: number
}

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const
const codes = ['unset', 'ok', 'error'] as const

/** Of an ExportTraceServiceRequest. */
export const spansOf = (request: Uint8Array): readonly OtlpSpan[] =>
  thingsOf(readMessage(request), (span, origin) => [spanOf(span, origin)])

function spanOf(span: Fields, origin: Origin): OtlpSpan {
  const parentSpanId = hexOf(span, 4)
  const [startNs, endNs] = [bitsOf(span, 7), bitsOf(span, 8)]
  const status = messageOf(span, 15)
  return {
    ...origin,
    traceId: hexOf(span, 1),
    spanId: hexOf(span, 2),
    ...(parentSpanId !== '' && { parentSpanId }),
    traceState: textOf(span, 3),
    name: textOf(span, 5),
    kind: kinds[Number(bitsOf(span, 6))] ?? 'unspecified',
    startNs,
    endNs,
    durationMs: Number(endNs - startNs) / 1e6,
    attributes: attributesOf(span, 9),
    events: messagesOf(span, 11).map((event) => ({
      name: textOf(event, 2),
      timeNs: bitsOf(event, 1),
      attributes: attributesOf(event, 3),
    })),
    links: messagesOf(span, 13).map((link) => ({
      traceId: hexOf(link, 1),
      spanId: hexOf(link, 2),
      attributes: attributesOf(link, 4),
    })),
    status: { code: codes[Number(bitsOf(status, 3))] ?? 'unset', message: textOf(status, 2) },
    droppedAttributesCount: Number(bitsOf(span, 10)),
    droppedEventsCount: Number(bitsOf(span, 12)),
    droppedLinksCount: Number(bitsOf(span, 14)),
  }
}
