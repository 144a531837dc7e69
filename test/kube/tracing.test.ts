/** Traces of changes on a real API server, which notes when it made them. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startRealCluster } from '../support/cluster.ts'
import { manifest } from '../support/manifest.ts'
import { configMap } from '../support/objects.ts'
import { startOtlpReceiver } from '../support/otlp-receiver.ts'
import { startReceiver } from '../support/receiver.ts'
import { graphOf, traceparentOf } from '../support/span-graph.ts'
import { startWorld } from '../support/world.ts'

test('a change on a real API server is traced to the receiver, with the time that the server noted and the context that the object carries', {
  timeout: 180_000,
}, async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-tracing-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const cluster = scope.use(await startRealCluster('prod', dir))
  const collector = scope.use(await startOtlpReceiver())
  const receiver = scope.use(await startReceiver())
  const repo = join(dir, 'config')
  const secretsDir = join(dir, 'secrets')
  await Promise.all([mkdir(repo), mkdir(secretsDir)])
  const config = [
    manifest('Cluster', 'prod', {}),
    manifest('Endpoint', 'out', { url: receiver.url, batch: { maxWait: '0s' } }),
    manifest('Watch', 'all', { resources: ['configmaps'], namespaces: { include: ['default'] }, endpoints: ['out'] }),
  ]
  await writeFile(join(repo, 'all.yaml'), config.join('---\n'))
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' }
  const world = scope.use(await startWorld({ dir, repo, secretsDir, hub: { env } }))
  await world.status(({ config: { live } }) => live !== undefined, 'the config')
  await world.startAgent(cluster)
  await world.status(
    ({ clusters: [prod] }) => prod?.streams.every(({ state }) => state.state === 'live') === true,
    'a live watch',
  )
  await cluster.client.ensureNamespace('default')

  const foreign = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const annotations = { 'tracing.k8s.io/traceparent': foreign }
  const before = Date.now()
  const object = configMap('shop', { rev: '1' })
  await cluster.client.create('configmaps', { ...object, metadata: { name: 'shop', namespace: 'default', annotations } })
  const ofShop = () => collector.spans.filter(({ attributes }) => attributes['watch_hub.object'] === 'configmaps/default/shop')
  const delivered = () => ofShop().some(({ name }) => name === 'deliver out')
  await collector.waitFor(
    () => delivered() && ofShop().some(({ name }) => name.startsWith('create')),
    'the change and its delivery',
    30_000,
  )

  const graph = graphOf(ofShop())
  assert.deepEqual(
    graph.map(({ name, links }) => [name, links]),
    [
      ['create k8s.events configmaps/default/shop', ['unknown']],
      ['deliver out #1', ['create k8s.events configmaps/default/shop']],
    ],
  )
  const created = ofShop().find(({ name }) => name.startsWith('create'))
  assert.ok(created !== undefined)
  assert.deepEqual(created.links[0]?.traceId, foreign.split('-')[1])
  const changedAt = Date.parse(String(created.attributes['watch_hub.changed_at']))
  assert.ok(
    changedAt >= before - 1_000 && changedAt <= Date.now(),
    `the server noted ${changedAt}, it was created after ${before}`,
  )
  assert.equal(receiver.items.find(({ name }) => name === 'shop')?.raw.traceparent, traceparentOf(created))

  const { code, output } = await world.cli('trace', 'configmap/shop', '--cluster', 'prod')
  assert.equal(code, 0, output)
  assert.match(output, new RegExp(`trace ${created.traceId}`))
  assert.match(output, /last written at the API server[\s\S]*observed by the agent[\s\S]*attempt 1: 200/)
  const metrics = await (await fetch(`${world.url}/metrics`)).text()
  assert.match(metrics, /watch_hub_watch_lag_seconds_count\{cluster="prod",resource="configmaps"\} [1-9]/)
  assert.match(metrics, /watch_hub_delivery_latency_seconds_count\{endpoint="out",since="api-server"\} [1-9]/)
})
