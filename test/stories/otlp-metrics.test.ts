/** Metrics over OTLP: they arrive at a real collector, and one that is away costs the hub nothing. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { createMetrics } from '@watch-hub/hub/telemetry/metrics/metrics'
import { otelSettings } from '@watch-hub/hub/telemetry/otel-env'
import { figures } from '@watch-hub/hub/telemetry/testing/figures'
import { createLog, silentLog } from '@watch-hub/shared/runtime/log'
import { createGitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import type { OtlpMetric } from '../support/otlp/metrics.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { startWorld } from '../support/world.ts'

const identity = { version: '1.2.3', instance: 'hub-1' }

/** The exporter reads the environment of the process by itself. */
function pushTo({ url }: { readonly url: string }, intervalMs = 20) {
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = url
  process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '6000'
  return otelSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRIC_EXPORT_INTERVAL: String(intervalMs) })
}

afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
})

const last = ({ metrics }: OtlpReceiver, name: string): OtlpMetric | undefined =>
  metrics.findLast((metric) => metric.name === name)

test('a hub pushes its metrics, compressed, and says who it is', { timeout: 60_000 }, async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'secrets'))
  const collector = scope.use(await startOtlpReceiver())
  const repo = scope.use(await createGitRepo())
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  await repo.write('endpoint.yaml', manifest('Endpoint', 'out', { url: 'http://127.0.0.1:9/' }))
  await repo.commit('config')
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRIC_EXPORT_INTERVAL: '200',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=story',
  }
  const world = scope.use(await startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets'), hub: { env } }))
  await collector.waitFor((now) => last(now, 'watch_hub_backlog_events')?.points.length === 1, 'the endpoint')
  const backlog = last(collector, 'watch_hub_backlog_events')
  assert.deepEqual([backlog?.unit, backlog?.type, backlog?.points[0]?.value], ['{event}', 'gauge', 0])
  assert.deepEqual(backlog?.points[0]?.attributes, { endpoint: 'out' })
  assert.partialDeepStrictEqual(backlog?.resource, {
    ...{ 'service.name': 'watch-hub', 'service.version': '0.1.0', 'deployment.environment.name': 'story' },
  })
  assert.match(String(backlog?.resource['service.instance.id']), /./)
  const memory = last(collector, 'process.memory.usage')
  assert.ok(memory?.unit === 'By' && Number(memory.points[0]?.value) > 10_000_000)
  assert.equal(collector.requests[0]?.path, '/v1/metrics')
  assert.equal(collector.requests[0]?.headers['content-encoding'], 'gzip')

  await repo.remove('endpoint.yaml')
  await repo.commit('no endpoint')
  await world.cli('fetch')
  await collector.waitFor((now) => last(now, 'watch_hub_backlog_events')?.points.length === 0, 'the end of its series')
})

test('what happens and what is a state arrive under the names of the conventions, with their units', async () => {
  await using collector = await startOtlpReceiver()
  await using metrics = createMetrics({ log: silentLog }, { ...identity, otel: pushTo(collector) })
  metrics.observe(async () => figures)
  metrics.meters.delivery.request({ host: 'dns.example.com', port: 443, status: 200, ms: 20 })
  await collector.waitFor((now) => last(now, 'http.client.request.duration') !== undefined, 'a request')
  const request = last(collector, 'http.client.request.duration')
  assert.deepEqual([request?.unit, request?.type, request?.temporality], ['s', 'histogram', 'cumulative'])
  assert.deepEqual(request?.points[0]?.attributes, {
    'http.request.method': 'POST',
    'server.address': 'dns.example.com',
    'server.port': 443,
    'http.response.status_code': 200,
  })
  assert.deepEqual(request?.points[0]?.histogram?.bounds.slice(0, 3), [0.005, 0.01, 0.025])
  const lists = last(collector, 'watch_hub_agent_lists')
  assert.deepEqual([lists?.type, lists?.monotonic, lists?.unit, lists?.points.length], ['sum', true, '{list}', 1])
  const commits = last(collector, 'watch_hub_store_commit_duration_seconds')
  assert.deepEqual(commits?.points[0]?.histogram, { count: 6, sum: 0.04, bounds: [0.001, 0.01], counts: [3, 2, 1] })
})

test('a collector that is away is said once, counted each time, and said again when it is back', async () => {
  await using collector = await startOtlpReceiver()
  collector.answerWith(400)
  const lines: string[] = []
  const log = createLog((line) => lines.push(line))
  await using metrics = createMetrics({ log }, { ...identity, otel: pushTo(collector) })
  metrics.meters.exported('accepted')
  await collector.waitFor(({ requests }) => requests.length >= 4, 'exports in vain')
  collector.answerWith(200)
  await collector.waitFor((now) => now.metrics.length > 0, 'the collector that is back')
  await collector.waitFor(() => lines.length >= 2, 'what is said of it')
  assert.deepEqual(
    lines.map((line) => /metrics (cannot be sent|are sent again)/.exec(line)?.[0]),
    ['metrics cannot be sent', 'metrics are sent again'],
  )
  const counted = /watch_hub_metric_exports_total\{outcome="failed"\} (?<failed>\d+)/.exec(await metrics.collect())
  assert.ok(Number(counted?.groups?.failed) >= 3)
})

test('what was counted last is sent when the hub stops, and a collector that never answers does not hold it up', async () => {
  await using collector = await startOtlpReceiver()
  const long = pushTo(collector, 600_000)
  {
    await using metrics = createMetrics({ log: silentLog }, { ...identity, otel: long })
    metrics.meters.fleet.frame({ cluster: 'east', ms: 5 })
  }
  assert.equal(last(collector, 'watch_hub_frame_seconds')?.points[0]?.histogram?.count, 1)
  collector.answerWith('hang')
  const lines: string[] = []
  const metrics = createMetrics({ log: createLog((line) => lines.push(line)) }, { ...identity, otel: long })
  metrics.meters.fleet.frame({ cluster: 'east', ms: 5 })
  const began = performance.now()
  await metrics[Symbol.asyncDispose]()
  assert.ok(performance.now() - began < 5_000)
  assert.match(lines.join(''), /the last metrics were not sent/)
})
