import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { newTrace } from '@watch-hub/shared/protocol/traceparent'
import { createLog, silentLog } from '@watch-hub/shared/runtime/log'
import { openSpanExport } from './export.ts'
import { otelSettings } from './otel-env.ts'
import { hubResource } from './resource.ts'
import type { SpanData } from './span.ts'

const resource = hubResource({ version: '1', instance: 'test' })
const settings = (env: Readonly<Record<string, string>> = {}) => otelSettings({ OTEL_TRACES_EXPORTER: 'otlp', ...env })
const span = (more: Partial<SpanData> = {}): SpanData => ({
  ...{ context: newTrace(true), name: 'one', kind: 'internal', start: 1_000.5, end: 1_002.25, attributes: {} },
  ...more,
})

/** Answers when it is told to. */
function collector() {
  const taken: ReadableSpan[] = []
  const waiting: ((ok: boolean) => void)[] = []
  const exporter: SpanExporter = {
    export: (spans, done) =>
      void waiting.push((ok) => {
        if (ok) taken.push(...spans)
        done(ok ? { code: ExportResultCode.SUCCESS } : { code: ExportResultCode.FAILED, error: new Error('answered 503') })
      }),
    shutdown: async () => {},
  }
  return { exporter, taken, waiting }
}

test('without an exporter nobody wants spans', async () => {
  await using spans = openSpanExport(otelSettings({}), { log: silentLog })
  assert.equal(spans.wanted, false)
})

test('when the queue is full a span is dropped and counted, and nothing waits', async () => {
  const { exporter, waiting, taken } = collector()
  const few = { OTEL_BSP_MAX_QUEUE_SIZE: '3', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '3' }
  await using spans = openSpanExport(settings(few), { log: silentLog, exporter, goodbyeMs: 1 })
  for (let i = 0; i < 5; i++) spans.add(span, resource)
  assert.deepEqual(spans.figures(), { exported: 0, failed: 0, dropped: 2, queued: 3 })
  waiting.shift()?.(true)
  assert.deepEqual(spans.figures(), { exported: 3, failed: 0, dropped: 2, queued: 0 })
  assert.equal(taken.length, 3)
})

test('a collector that does not take spans is said once, and again when it takes them', async () => {
  const lines: string[] = []
  const { exporter, waiting } = collector()
  const one = { OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' }
  await using spans = openSpanExport(settings(one), { log: createLog((line) => void lines.push(line)), exporter, goodbyeMs: 1 })
  for (const ok of [false, false, true, true]) {
    spans.add(span, resource)
    await new Promise(setImmediate) // the batch processor goes on
    waiting.shift()?.(ok)
    await new Promise(setImmediate)
  }
  assert.deepEqual(spans.figures(), { exported: 2, failed: 2, dropped: 0, queued: 0 })
  const said = lines.filter((line) => line.includes('collector'))
  assert.equal(said.length, 2, said.join(''))
  assert.match(said[0] ?? '', /does not take spans.*answered 503/)
  assert.match(said[1] ?? '', /takes spans again.*"lost":2/)
})

test('a hub that stops does not wait for a collector that never answers', async () => {
  const lines: string[] = []
  const { exporter } = collector()
  const spans = openSpanExport(settings(), { log: createLog((line) => void lines.push(line)), exporter, goodbyeMs: 1 })
  spans.add(span, resource)
  await spans[Symbol.asyncDispose]()
  assert.match(lines.join(''), /the last spans are lost.*took longer than 1 ms/)
})

test('a span keeps its times to the fraction, at most as many links and attributes as the limits say, and counts the others', async () => {
  const { exporter, waiting, taken } = collector()
  const few = {
    OTEL_SPAN_LINK_COUNT_LIMIT: '2',
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '2',
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '4',
  }
  const spans = openSpanExport(settings({ ...few, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' }), { log: silentLog, exporter })
  const links = Array.from({ length: 5 }, () => ({ context: newTrace(true) }))
  spans.add(() => span({ links, attributes: { a: 'a long text', b: 2, c: 3 }, error: 'it broke' }), resource)
  waiting.shift()?.(true)
  await spans[Symbol.asyncDispose]()
  const [one] = taken
  assert.deepEqual(one?.startTime, [1, 500_000])
  assert.deepEqual(one?.duration, [0, 1_750_000])
  assert.deepEqual(
    one?.links.map(({ context }) => context.spanId),
    links.slice(0, 2).map(({ context }) => context.spanId),
  )
  assert.equal(one?.droppedLinksCount, 3)
  assert.deepEqual(one?.attributes, { a: 'a lo', b: 2 })
  assert.equal(one?.droppedAttributesCount, 1)
  assert.equal(one?.status.message, 'it broke')
})

test('a span whose clocks disagree does not end before it begins', async () => {
  const { exporter, waiting, taken } = collector()
  const spans = openSpanExport(settings({ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' }), { log: silentLog, exporter })
  spans.add(() => span({ start: 5_000, end: 4_000 }), resource)
  waiting.shift()?.(true)
  await spans[Symbol.asyncDispose]()
  assert.deepEqual(taken[0]?.endTime, [5, 0])
})
