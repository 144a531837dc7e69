/**
 * Trace context as the W3C says it (https://www.w3.org/TR/trace-context-2/): `00-<trace id>-<span id>-<flags>` in lower-case hex.
 * What an event's context is made of is drawn once, by the agent that saw the change; from then on it only travels.
 */
import { randomFillSync } from 'node:crypto'
import { DecodeError, type Decoder, string } from './decode.ts'

export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string
  /** 16 hex digits, not all zero. */
  readonly spanId: string
  readonly sampled: boolean
}

const form = /^00-(?<traceId>(?!0{32})[0-9a-f]{32})-(?<spanId>(?!0{16})[0-9a-f]{16})-(?<flags>[0-9a-f]{2})$/
const sampledFlag = 1

/** Nothing for what is no `traceparent` of version 00. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const { traceId, spanId, flags } = form.exec(text)?.groups ?? {}
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & sampledFlag) !== 0 }
}

/** What the text of a `traceparent` says, without taking it apart: it is looked at for every event. */
export const isSampled = (text: string | undefined): boolean =>
  text !== undefined && (Number.parseInt(text.slice(-1), 16) & sampledFlag) !== 0

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`

/** What a line of the log says of a context, in OpenTelemetry's names for logs that are not OTLP. Nothing where there is none. */
export function traceFields(text: string | undefined): { readonly trace_id?: string; readonly span_id?: string } {
  const context = text === undefined ? undefined : parseTraceparent(text)
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId }
}

/** As text; a text of another form is refused. */
export const traceparent: Decoder<string> = {
  shape: 'traceparent',
  decode: (value, path = '') => {
    const text = string.decode(value, path)
    if (form.test(text)) return text
    throw new DecodeError(
      `${path || 'traceparent'}: expected 00-<32 hex>-<16 hex>-<2 hex>, got ${JSON.stringify(text.slice(0, 60))}`,
    )
  },
}

/** The first context of a trace of its own. */
export const newTrace = (sampled = false): TraceContext => ({ traceId: randomHex(16), spanId: randomHex(8), sampled })

export const newSpanId = (): string => randomHex(8)

const pool = Buffer.alloc(8 * 1024)
let drawn = pool.length

/** Never all zero: that would be no id. One call of the system's generator serves many ids. */
function randomHex(bytes: number): string {
  if (drawn + bytes > pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  const text = pool.toString('hex', drawn, drawn + bytes)
  drawn += bytes
  return /[^0]/.test(text) ? text : randomHex(bytes)
}
