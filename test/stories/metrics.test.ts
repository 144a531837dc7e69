/** Every metric of the table is moved by what happens, and read back from `/metrics` of a real hub. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import { prometheusLabel, prometheusName } from '@watch-hub/hub/telemetry/metrics/about'
import { metricTable } from '@watch-hub/hub/telemetry/metrics/table'
import { type Cluster, startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo, type GitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { type Sample, watchMetrics } from '../support/metric-watch.ts'
import { configMap, service } from '../support/objects.ts'
import { startOtlpReceiver } from '../support/otlp-receiver.ts'
import { hubProgram, startProgram } from '../support/program.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startWorld, type World, type WorldSettings } from '../support/world.ts'

/** Too short-lived to be met by whoever reads now and then: hub/src/store/memory.test.ts moves them. */
const elsewhere: readonly string[] = ['watch_hub_store_calls_waiting']

interface Stage {
  readonly dir: string
  readonly repo: GitRepo
  readonly cluster: Cluster
  readonly simulator: NonNullable<Cluster['simulator']>
  receiver(): Promise<Receiver>
  world(hub: WorldSettings['hub']): Promise<World>
}

async function stage(scope: AsyncDisposableStack): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const secretsDir = join(dir, 'secrets')
  await mkdir(secretsDir)
  const repo = scope.use(await createGitRepo())
  const cluster = scope.use(await startSimulatedCluster('prod', dir))
  const { simulator } = cluster
  if (simulator === undefined) throw new Error('expected a simulated cluster')
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  return {
    ...{ dir, repo, cluster, simulator },
    receiver: async () => scope.use(await startReceiver()),
    world: async (hub = {}) => scope.use(await startWorld({ dir, repo: repo.url, secretsDir, hub })),
  }
}

const rose = (value: number) => value > 0
const is = (wanted: number) => (value: number) => value === wanted
const atOnce = { batch: { maxWait: '0s' } }

suite('metrics', { timeout: 240_000 }, () => {
  const moved = new Set<string>()
  const series = new Map<string, Sample>()
  let url = ''
  const metrics = watchMetrics(() => url)
  const end = () => {
    for (const name of metrics.moved) moved.add(name)
    for (const [key, sample] of metrics.seen) series.set(key, sample)
  }

  test('of endpoints that take, refuse, fail, hang and are held, and of a hub that is restarted, damaged and restored', async () => {
    await using scope = new AsyncDisposableStack()
    const on = await stage(scope)
    const { repo, simulator, cluster, dir } = on
    const collector = scope.use(await startOtlpReceiver())
    collector.answerWith(400)
    const names = ['out', 'down', 'slow', 'picky'] as const
    const [out, down, slow, picky] = await Promise.all(names.map(on.receiver))
    assert.ok(out !== undefined && down !== undefined && slow !== undefined && picky !== undefined)
    down.answerWith(() => ({ status: 503 }))
    const patience = Promise.withResolvers<void>()
    slow.answerWith(() => patience.promise.then(() => ({})))
    picky.answerWith(({ items }) => (items.some(({ name }) => name === 'poison') ? { status: 422 } : {}))
    const endpoint = (name: string, spec: object) => repo.write(`${name}.yaml`, manifest('Endpoint', name, spec))
    await endpoint('out', { url: out.url, ...atOnce, rateLimit: { requests: 2, per: '1s' } })
    await endpoint('down', { url: down.url, ...atOnce })
    await endpoint('slow', { url: slow.url, batch: { maxObjects: 1, maxWait: '0s' }, concurrency: 1, timeout: '10m' })
    await endpoint('picky', { url: picky.url, ...atOnce, retry: { maxAge: '1s' } })
    await repo.write('watch.yaml', manifest('Watch', 'configmaps', { resources: ['configmaps'], endpoints: names }))
    await repo.write(
      'odd.yaml',
      manifest('Watch', 'odd', { resources: ['configmaps'], when: 'object.data.rev + 1 > 1', endpoints: [] }),
    )
    await repo.write('services.yaml', manifest('Watch', 'services', { resources: ['services'], endpoints: ['out'] }))
    await repo.commit('config')
    simulator.forbid('services')
    const env = {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '300', OTEL_BSP_SCHEDULE_DELAY: '1000' },
    }
    const world = await on.world({ env })
    url = world.url
    await world.status(({ config }) => config.live !== undefined, 'config')
    const agent = await world.startAgent(cluster)
    await metrics.until('watch_hub_streams', { cluster: 'prod', state: 'failed' }, is(1))
    simulator.allow('services')
    await metrics.until('watch_hub_streams', { cluster: 'prod', state: 'live' }, is(2), 60_000)
    assert.equal((await world.cli('backup', join(dir, 'copy.db'))).code, 0)

    for (const name of ['a', 'b', 'c', 'd']) {
      simulator.create('configmaps', configMap(name, { rev: '1' }))
      await out.waitFor(({ names }) => names.includes(`default/${name}`), name) // one request each
    }
    let resets = 1
    out.answerWith(() => (resets-- > 0 ? { reset: true } : {}))
    simulator.create('services', service('web'))
    await metrics.until('watch_hub_resends_total', { endpoint: 'out' }, rose)
    await metrics.until('watch_hub_rate_limited_seconds_total', { endpoint: 'out' }, rose)
    await metrics.until('watch_hub_breaker', { endpoint: 'down', state: 'open' }, is(1))
    for (const rev of ['2', '3', '4']) simulator.patch('configmaps', 'default/a', { data: { rev } })
    await metrics.until('watch_hub_frozen_batches', { endpoint: 'slow' }, rose)
    await metrics.until('watch_hub_requests_in_flight', { endpoint: 'slow' }, is(1))
    await metrics.until('watch_hub_oldest_undelivered_seconds', { endpoint: 'down' }, rose)
    simulator.create('configmaps', configMap('poison', { rev: '1' }))
    await metrics.until('watch_hub_parked_objects', { endpoint: 'picky' }, is(1))
    await metrics.until('watch_hub_dead_letters', { endpoint: 'picky' }, is(1))
    await world.cli('endpoint', 'pause', 'picky')
    await metrics.until('watch_hub_held', { endpoint: 'picky', cause: 'operator' }, is(1))
    await metrics.until('watch_hub_agent_match_errors_total', { cluster: 'prod' }, rose)
    await metrics.until('watch_hub_metric_exports_total', { outcome: 'failed' }, rose)
    await metrics.until('watch_hub_spans_queued', {}, rose)
    await metrics.until('watch_hub_spans_total', { outcome: 'failed' }, rose)

    // Config that is refused, that cannot be read, and that an agent which does not answer has not applied.
    await repo.write('bad.yaml', manifest('Watch', 'bad', { resources: ['configmaps'], endpoints: ['nobody'] }))
    await repo.commit('a mistake')
    await metrics.until('watch_hub_config_rejected', {}, is(1))
    await repo.remove('bad.yaml')
    await repo.hide()
    await metrics.until('watch_hub_config_failing', {}, is(1))
    await repo.show()
    if (agent.pid !== undefined) process.kill(agent.pid, 'SIGSTOP')
    await repo.write('services.yaml', manifest('Watch', 'services', { resources: ['services'], endpoints: ['out', 'picky'] }))
    await repo.write('more.yaml', manifest('Watch', 'more', { resources: ['secrets'], endpoints: ['out'] }))
    await repo.commit('more')
    await world.cli('fetch')
    await metrics.until('watch_hub_plan_applied', { cluster: 'prod' }, is(0), 60_000)
    if (agent.pid !== undefined) process.kill(agent.pid, 'SIGCONT')
    await metrics.until('watch_hub_plan_applied', { cluster: 'prod' }, is(1))

    patience.resolve()
    // What waits is read from the disk after a restart, and a damaged sum is found by the next comparison, as is what no watch told.
    assert.equal(await world.hub().end('SIGTERM'), 0)
    {
      using db = openDatabase(join(world.dataDir, 'hub.db'))
      db.exec("UPDATE streams SET checksum = checksum + 1 WHERE resource = 'configmaps'")
    }
    await world.startHub()
    await metrics.until('watch_hub_agent_reconnects_total', { cluster: 'prod' }, rose)
    await metrics.until('watch_hub_log_reads_total', { from: 'disk' }, rose, 60_000)
    simulator.silently(() => simulator.create('configmaps', configMap('hidden', { rev: '1' })))
    simulator.compact()
    simulator.cutWatches()
    await metrics.until('watch_hub_corrections', { resource: 'configmaps', cause: 'list' }, rose, 60_000)
    await metrics.until('watch_hub_checksum_mismatches', { resource: 'configmaps' }, rose)
    await metrics.until('watch_hub_agent_reloads_total', { cluster: 'prod' }, rose)
    down.answerWith(() => ({}))
    await metrics.until('watch_hub_skipped_versions', { endpoint: 'down' }, rose, 60_000)

    assert.equal(await world.hub().end('SIGTERM'), 0)
    const restore = startProgram(hubProgram, ['restore', join(dir, 'copy.db'), '--data', world.dataDir])
    assert.equal(await restore.ended, 0, restore.output())
    await world.startHub()
    await metrics.until('watch_hub_agent_outbox_resets_total', { cluster: 'prod' }, rose, 60_000)
    await metrics.until('watch_hub_connected_agents', {}, is(1))
    await agent[Symbol.asyncDispose]()
    await metrics.until('watch_hub_cluster_connected', { cluster: 'prod' }, is(0))
    const away = await metrics.read()
    assert.deepEqual(
      away.filter(({ metric }) => /^watch_hub_(agent_|streams|plan_applied|frames_waiting)/.test(metric)),
      [],
      'of an agent that is away, nothing is said that it would have to say',
    )
    end()
  })

  test('of a hub whose disk is too full, and of its agent, which waits', async () => {
    await using scope = new AsyncDisposableStack()
    const on = await stage(scope)
    const { repo, simulator, cluster } = on
    await repo.write('watch.yaml', manifest('Watch', 'configmaps', { resources: ['configmaps'], endpoints: [] }))
    await repo.commit('config')
    const world = await on.world({ args: ['--min-free-disk', '100%', '--log-limit', '8Mi', '--dead-letter-limit', '1Mi'] })
    url = world.url
    await metrics.until('watch_hub_store_accepting', {}, is(0))
    await world.status(({ config }) => config.live !== undefined, 'config')
    await world.startAgent(cluster)
    await metrics.until('watch_hub_streams', { state: 'live' }, is(1))
    const noise = () => Array.from({ length: 3_000 }, () => Math.random().toString(36)).join('')
    for (let i = 0; i < 150; i++) simulator.create('configmaps', configMap(`large-${i}`, { noise: noise() }))
    await metrics.until('watch_hub_frames_waiting', { cluster: 'prod' }, rose)
    await metrics.until('watch_hub_agent_outbox_waiting', { cluster: 'prod' }, rose, 60_000)
    await metrics.until('watch_hub_agent_frames_in_flight', { cluster: 'prod' }, rose)
    end()
  })

  test('of the whole table were moved, under the labels that it names and few values of them', () => {
    const all = metricTable.map(prometheusName)
    assert.deepEqual(
      all.filter((name) => !moved.has(name) && !elsewhere.includes(name)),
      [],
      'metrics of the table that nothing moved',
    )
    const labels = new Map(metricTable.map((metric) => [prometheusName(metric), metric.labels.map(prometheusLabel)]))
    for (const { metric, labels: given } of series.values()) {
      const declared = labels.get(metric)
      assert.ok(declared !== undefined, `${metric} is not in the table`)
      for (const [label, value] of Object.entries(given)) {
        assert.ok(declared.includes(label), `${metric} has the label ${label}, which the table does not name`)
        assert.match(value, /^[\w.:-]{1,63}$/, `${metric} ${label}`)
      }
    }
  })
})
