/** A way out for spans that keeps them, for tests of what is recorded. */
import type { SpanExport } from '../export.ts'
import type { SpanData } from '../span.ts'

export interface Recorded extends SpanExport {
  readonly spans: readonly SpanData[]
}

export function recorded(maxLinks = 128): Recorded {
  const spans: SpanData[] = []
  return {
    spans,
    wanted: true,
    maxLinks,
    add: (span) => void spans.push(span()),
    figures: () => ({ exported: spans.length, failed: 0, dropped: 0, queued: 0 }),
    [Symbol.asyncDispose]: async () => {},
  }
}
