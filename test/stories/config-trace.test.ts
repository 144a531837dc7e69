/** The trace of a commit, as a collector gets it: from Git to the first event of each cluster that it concerns; all processes real. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { configMap } from '../support/objects.ts'
import { startOtlpReceiver } from '../support/otlp-receiver.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWorld } from '../support/world.ts'

test('a commit has one trace under its own id: read, checked, live, offered, applied in each cluster, and its first event; a refused one ends early', {
  timeout: 180_000,
}, async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const secretsDir = join(dir, 'secrets')
  await mkdir(secretsDir)
  const collector = scope.use(await startOtlpReceiver())
  const receiver = scope.use(await startReceiver())
  const repo = scope.use(await createGitRepo())
  const clusters = await Promise.all(['prod-eu-1', 'stage-eu-1'].map((name) => startSimulatedCluster(name, dir)))
  for (const cluster of clusters) scope.use(cluster)
  const [prod, stage] = clusters
  assert.ok(prod?.simulator !== undefined && stage !== undefined)
  prod.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await repo.write('clusters.yaml', [manifest('Cluster', 'prod-eu-1', {}), manifest('Cluster', 'stage-eu-1', {})].join('---\n'))
  await repo.write('endpoint.yaml', manifest('Endpoint', 'out', { url: receiver.url }))
  await repo.commit('clusters and an endpoint')
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' }
  const world = scope.use(await startWorld({ dir, repo: repo.url, secretsDir, hub: { env } }))
  await world.status(({ config }) => config.live !== undefined, 'the first commit')
  await Promise.all([world.startAgent(prod), world.startAgent(stage)])

  await repo.write(
    'watch.yaml',
    manifest('Watch', 'all', { resources: ['configmaps'], endpoints: ['out'], clusters: { names: ['prod-*'] } }),
  )
  const commit = await repo.commit('a watch for production')
  const trace = () => collector.spans.filter(({ traceId }) => traceId === commit.slice(0, 32))
  await collector.waitFor(
    () => trace().some(({ name }) => name === 'first event') && trace().some(({ name }) => name === 'apply plan'),
    'the first event',
    30_000,
  )
  const root = trace().find(({ name }) => name === 'config commit')
  assert.ok(root !== undefined && root.parentSpanId === undefined)
  assert.equal(root.attributes['watch_hub.commit'], commit)
  const children = trace().filter((span) => span !== root)
  assert.ok(children.every(({ parentSpanId }) => parentSpanId === root.spanId))
  const shown = children.map(({ name, attributes }) => [name, attributes['k8s.cluster.name']].filter(Boolean).join(' '))
  assert.deepEqual(shown.toSorted(), [
    'activate',
    'apply plan prod-eu-1',
    'compile',
    'fetch',
    'first event prod-eu-1',
    'offer plan prod-eu-1',
    'verify',
  ])
  assert.ok(children.every(({ status }) => status.code === 'unset'))
  const [first] = children.filter(({ name }) => name === 'first event')
  await collector.waitFor(({ spans }) => spans.some(({ name }) => name === 'create k8s.events'), 'the creation')
  const created = collector.spans.find(({ name }) => name === 'create k8s.events')
  assert.deepEqual(
    first?.links.map(({ spanId }) => spanId),
    [created?.spanId],
  )
  assert.equal(created?.attributes['watch_hub.commit'], commit, 'the event names the commit that wanted it')
  assert.deepEqual(created?.attributes['watch_hub.watches'], ['all'])

  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['configmaps'], endpoints: ['nobody'] }))
  const wrong = await repo.commit('an endpoint that is not there')
  const refused = () => collector.spans.filter(({ traceId }) => traceId === wrong.slice(0, 32))
  await collector.waitFor(() => refused().some(({ name }) => name === 'config commit'), 'the refused commit', 30_000)
  assert.deepEqual(
    refused().map(({ name, status, attributes }) => [name, status.code, attributes['watch_hub.config.problems'] ?? 0]),
    [
      ['fetch', 'unset', 0],
      ['verify', 'unset', 0],
      ['compile', 'error', 1],
      ['config commit', 'error', 1],
    ],
  )
})
