/**
 * The way of spans to a collector: a bounded queue, batches, OTLP over HTTP. Sole importer of the tracing SDK.
 * When the queue is full a span is dropped and counted: nothing else ever waits for tracing.
 */

import { ROOT_CONTEXT } from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import type { Resource } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type ReadableSpan,
  SamplingDecision,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import type { OtelSettings } from './otel-env.ts'
import { readableSpan, type SpanData } from './span.ts'

export interface SpanFigures {
  readonly exported: number
  /** The collector did not take them. */
  readonly failed: number
  /** The queue was full. */
  readonly dropped: number
  /** They wait, or are under way. */
  readonly queued: number
}

export interface SpanExport extends AsyncDisposable {
  /** False = nobody wants spans: make none. */
  readonly wanted: boolean
  /** Links of one span. */
  readonly maxLinks: number
  /** `span` is made only where there is room for it. */
  add(span: () => SpanData, resource: Resource): void
  figures(): SpanFigures
}

export interface SpanExportDeps {
  readonly log: Log
  /** @default what `traces` names */
  readonly exporter?: SpanExporter
  /** What the collector gets at the end to take what is left. @default 5_000 */
  readonly goodbyeMs?: number
}

export function openSpanExport(
  { traces, batch, limits }: Pick<OtelSettings, 'traces' | 'batch' | 'limits'>,
  { log, exporter: given, goodbyeMs = 5_000 }: SpanExportDeps,
): SpanExport {
  if (traces === 'none') return noExport
  const figures = { exported: 0, failed: 0, dropped: 0, queued: 0 }
  const exporter = given ?? (traces === 'console' ? new ConsoleSpanExporter() : new OTLPTraceExporter())
  const processor = new BatchSpanProcessor({ ...batch, exporter: counted(exporter, { figures, log }) })
  return {
    wanted: true,
    maxLinks: limits.links,
    add(span, resource) {
      if (figures.queued >= batch.maxQueueSize) {
        figures.dropped++
        return
      }
      const made = readableSpan(span(), resource, limits)
      figures.queued++
      processor.onEnd(made)
    },
    figures: () => ({ ...figures }),
    async [Symbol.asyncDispose]() {
      using limit = deadline(goodbyeMs, { what: 'handing the last spans to the collector' })
      await endOf(processor.shutdown(), limit.signal).catch((error: unknown) => log.warn('the last spans are lost', { error }))
    },
  }
}

const noExport: SpanExport = {
  wanted: false,
  maxLinks: 0,
  add: () => {},
  figures: () => ({ exported: 0, failed: 0, dropped: 0, queued: 0 }),
  [Symbol.asyncDispose]: async () => {},
}

function endOf(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}

/** Counts what comes of spans, and says when the collector stops taking them and when it takes them again. */
function counted(
  exporter: SpanExporter,
  { figures, log }: { readonly figures: { exported: number; failed: number; queued: number }; readonly log: Log },
): SpanExporter {
  let failing = false
  const told = (spans: readonly ReadableSpan[], error: Error | undefined) => {
    figures.queued -= spans.length
    if (error === undefined) figures.exported += spans.length
    else figures.failed += spans.length
    if (failing === (error !== undefined)) return
    failing = error !== undefined
    if (failing)
      log.warn('the collector does not take spans; they are lost until it does. OTEL_EXPORTER_OTLP_ENDPOINT says where it is', {
        reason: describeError(error),
      })
    else log.info('the collector takes spans again', { lost: figures.failed })
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.code !== ExportResultCode.SUCCESS
        told(spans, failed ? (result.error ?? new Error('the exporter gave no reason')) : undefined)
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}

/** The part of all traces that the SDK's own sampler of this ratio takes: others that sample by it take the same ones. */
export function inRatio(ratio: number): (traceId: string) => boolean {
  const sampler = new TraceIdRatioBasedSampler(ratio)
  return (traceId) => sampler.shouldSample(ROOT_CONTEXT, traceId).decision !== SamplingDecision.NOT_RECORD
}
