import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { startOtlpReceiver } from './otlp-receiver.ts'

const resource = resourceFromAttributes({ 'service.name': 'watch-hub', 'service.replicas': 2 })
const compression = CompressionAlgorithm.GZIP

test('spans arrive with ids, kind, times, attributes, links, events, status, resource and scope', async () => {
  await using receiver = await startOtlpReceiver()
  const exporter = new OTLPTraceExporter({ url: `${receiver.url}/v1/traces`, compression })
  const provider = new TracerProvider({
    resource,
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    spanLimits: { linkCountLimit: 1 },
  })
  const tracer = provider.getTracer('story', '1.2.3')
  const other = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }
  const links = [{ context: other, attributes: { n: 1 } }, { context: { ...other, spanId: 'b7ad6b7169203332' } }]
  const root = tracer.startSpan('send dns', { kind: SpanKind.CLIENT, links, startTime: 1_795_450_401_978 }, ROOT_CONTEXT)
  root.setAttributes({ text: 'shop', whole: -3, real: 0.25, yes: true, list: ['a', 'b'] })
  root.addEvent('told', { at: 'once' }, 1_795_450_401_979)
  root.setStatus({ code: SpanStatusCode.ERROR, message: 'answered 503' })
  const child = tracer.startSpan('POST', {}, trace.setSpan(ROOT_CONTEXT, root))
  child.end()
  root.end(1_795_450_401_990)
  await receiver.waitFor(({ spans }) => spans.length === 2, 'two spans')
  await provider.shutdown()

  const [post, sent] = receiver.spans
  assert.ok(post !== undefined && sent !== undefined)
  assert.deepEqual([post.name, post.kind, post.status.code], ['POST', 'internal', 'unset'])
  assert.deepEqual([post.traceId, post.parentSpanId], [root.spanContext().traceId, root.spanContext().spanId])
  assert.deepEqual(sent, {
    resource: { 'service.name': 'watch-hub', 'service.replicas': 2 },
    scope: { name: 'story', version: '1.2.3' },
    traceId: root.spanContext().traceId,
    spanId: root.spanContext().spanId,
    traceState: '',
    name: 'send dns',
    kind: 'client',
    startNs: 1_795_450_401_978_000_000n,
    endNs: 1_795_450_401_990_000_000n,
    durationMs: 12,
    attributes: { text: 'shop', whole: -3, real: 0.25, yes: true, list: ['a', 'b'] },
    events: [{ name: 'told', timeNs: 1_795_450_401_979_000_000n, attributes: { at: 'once' } }],
    links: sent.links,
    status: { code: 'error', message: 'answered 503' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 1,
  })
  assert.equal(sent.links.length, 1)
  assert.equal(sent.links[0]?.traceId, other.traceId)
  assert.equal(receiver.requests[0]?.headers['content-encoding'], 'gzip')
})

test('metrics arrive with name, unit, kind, temporality and points', async () => {
  await using receiver = await startOtlpReceiver()
  const exporter = new OTLPMetricExporter({ url: `${receiver.url}/v1/metrics` })
  const provider = new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader({ exporter })] })
  const meter = provider.getMeter('story')
  meter.createCounter('told', { unit: '{event}', description: 'Events told' }).add(3, { endpoint: 'dns' })
  meter.createGauge('free', { unit: 'By' }).record(-0.5)
  const histogram = meter.createHistogram('took', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } })
  for (const seconds of [0.05, 0.5, 7]) histogram.record(seconds)
  await provider.forceFlush()
  await provider.shutdown()

  const metric = (name: string) => receiver.metrics.find((each) => each.name === name)
  const told = metric('told')
  assert.deepEqual([told?.type, told?.unit, told?.monotonic, told?.temporality], ['sum', '{event}', true, 'cumulative'])
  assert.deepEqual([told?.description, told?.scope.name, told?.resource['service.name']], ['Events told', 'story', 'watch-hub'])
  assert.deepEqual([told?.points[0]?.value, told?.points[0]?.attributes], [3, { endpoint: 'dns' }])
  assert.deepEqual([metric('free')?.type, metric('free')?.points[0]?.value], ['gauge', -0.5])
  assert.deepEqual(metric('took')?.points[0]?.histogram, { count: 3, sum: 7.55, bounds: [0.1, 1], counts: [1, 1, 1] })
})

test('what was refused is kept as a request, not as spans', async () => {
  await using receiver = await startOtlpReceiver()
  receiver.answerWith(400)
  const answer = await fetch(`${receiver.url}/v1/traces`, { method: 'POST', body: new Uint8Array() })
  assert.equal(answer.status, 400)
  assert.deepEqual([receiver.requests.length, receiver.spans.length], [1, 0])
  receiver.answerWith(200)
  assert.equal((await fetch(`${receiver.url}/v1/traces`, { method: 'POST', body: 'no protobuf' })).status, 400)
  assert.equal((await fetch(`${receiver.url}/elsewhere`, { method: 'POST' })).status, 404)
})
