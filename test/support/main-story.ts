/**
 * The main job as issue 2 tells it, seen from outside: Git commits in, deliveries out, with the hub and the agents as real processes.
 * The same story on simulated clusters (test/stories) and on real API servers (test/kube).
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Cluster } from './cluster.ts'
import { createGitRepo, type GitRepo } from './git-repo.ts'
import { manifest } from './manifest.ts'
import { deployment, service } from './objects.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { type StatusText, startWorld, type World } from './world.ts'

export type StartCluster = (name: string, dir: string) => Promise<Cluster>

const loadBalancers = (endpoint: string, extra: object = {}) =>
  manifest('Watch', 'load-balancers', {
    resources: ['services'],
    clusters: { selector: { matchLabels: { env: 'prod' } } },
    when: 'object.spec.type == "LoadBalancer"',
    fields: { prune: ['spec.ports[*].nodePort', 'spec.clusterIP', 'spec.clusterIPs'] },
    attach: { assetId: 'svc' },
    endpoints: [endpoint],
    ...extra,
  })

const live = (status: StatusText, cluster: string, streams = 1) => {
  const found = status.clusters.find(({ name }) => name === cluster)
  return (
    found?.connected === true && found.streams.length >= streams && found.streams.every(({ state }) => state.state === 'live')
  )
}

const summary = (receiver: Receiver) => receiver.items.map(({ type, reason, name }) => [type, reason ?? 'live', name].join(' '))

interface Stage {
  readonly dir: string
  readonly repo: GitRepo
  readonly prod: Cluster
  readonly stage: Cluster
  readonly dns: Receiver
  readonly cmdb: Receiver
  readonly world: World
  readonly scope: AsyncDisposableStack
}

async function setUp(startCluster: StartCluster): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  const repo = building.use(await createGitRepo())
  const [prod, stage] = await Promise.all([startCluster('prod-eu-1', dir), startCluster('stage-eu-1', dir)])
  building.use(prod)
  building.use(stage)
  const dns = building.use(await startReceiver())
  const cmdb = building.use(await startReceiver())
  const secretsDir = join(dir, 'secrets')
  await mkdir(join(secretsDir, 'dns'), { recursive: true })
  await writeFile(join(secretsDir, 'dns/username'), 'hub\n')
  await writeFile(join(secretsDir, 'dns/password'), 'dns-password\n')
  await repo.write(
    'settings.yaml',
    manifest('Settings', 'settings', { ignoreNamespaces: ['kube-system'], attach: { company: 'acme' } }),
  )
  await repo.write(
    'clusters/prod.yaml',
    manifest('Cluster', 'prod-eu-1', { attach: { costCenter: '4711' } }, { env: 'prod', region: 'eu' }),
  )
  await repo.write('clusters/stage.yaml', manifest('Cluster', 'stage-eu-1', {}, { env: 'stage' }))
  await repo.commit('clusters')
  const world = building.use(await startWorld({ dir, repo: repo.url, secretsDir }))
  await world.status(({ config }) => config.live !== undefined, 'first commit live')
  await Promise.all([world.startAgent(prod), world.startAgent(stage)])
  return { dir, repo, prod, stage, dns, cmdb, world, scope: building.move() }
}

export function mainStory(where: string, startCluster: StartCluster): void {
  describe(`the main job on ${where}`, () => {
    let on: Stage
    before(async () => {
      on = await setUp(startCluster)
    })
    after(async () => {
      await on.scope.disposeAsync()
    })

    test('a committed watch delivers what exists, then every change, and nothing else', async () => {
      const { repo, prod, stage, dns, world } = on
      await prod.client.ensureNamespace('web')
      await stage.client.ensureNamespace('web')
      for (const name of ['shop', 'blog']) await prod.client.create('services', service(name, { namespace: 'web' }))
      await prod.client.create('services', service('internal', { namespace: 'web', type: 'ClusterIP' }))
      await stage.client.create('services', service('staging-shop', { namespace: 'web' }))
      await repo.write(
        'endpoints/dns.yaml',
        manifest('Endpoint', 'dns', {
          url: dns.url,
          auth: { basic: { username: { secret: 'dns/username' }, password: { secret: 'dns/password' } } },
          batch: { maxWait: '100ms' },
          attach: { owner: 'netops' },
        }),
      )
      await repo.write('watches/lb.yaml', loadBalancers('dns'))
      await repo.commit('watch load balancers')
      await dns.waitFor(({ names }) => names.length === 2, 'the existing load balancers', 30_000)
      assert.deepEqual(summary(dns).sort(), ['created initial blog', 'created initial shop'])
      const [first] = dns.requests
      assert.equal(first?.headers.authorization, `Basic ${Buffer.from('hub:dns-password').toString('base64')}`)
      const item = dns.items[0]
      assert.deepEqual(item?.raw.watches, ['load-balancers'])
      assert.deepEqual(item?.raw.metadata, { assetId: 'svc' })
      assert.match(
        JSON.stringify(item?.raw.cluster),
        /"name":"prod-eu-1".*"labels":\{"env":"prod","region":"eu"\},"metadata":\{"costCenter":"4711"\}/,
      )
      assert.match(dns.requests[0]?.raw ?? '', /"metadata":\{"company":"acme","owner":"netops"\}/)
      assert.doesNotMatch(dns.requests.map(({ raw }) => raw).join(), /nodePort|clusterIP|managedFields/)

      await world.status((status) => live(status, 'prod-eu-1'), 'live stream')
      dns.clear()
      await prod.client.create('services', service('new', { namespace: 'web' }))
      await prod.client.patch({ resource: 'services', namespace: 'web', name: 'new' }, { metadata: { labels: { tier: 'gold' } } })
      await prod.client.patch(
        { resource: 'services', namespace: 'web', name: 'blog' },
        { metadata: { labels: { tier: 'gold' } } },
      )
      await prod.client.delete({ resource: 'services', namespace: 'web', name: 'shop' })
      await dns.waitFor(({ items }) => items.some(({ type }) => type === 'deleted'), 'the deletion')
      await dns.waitFor(
        ({ table }) => [...table.values()].every(({ object }) => JSON.stringify(object).includes('gold')),
        'the updates',
      )
      assert.deepEqual(dns.names, ['web/blog', 'web/new'])
      assert.ok(
        dns.items.every(({ reason }) => reason === undefined),
        `expected live events only, got ${summary(dns).join(', ')}`,
      )

      dns.clear()
      await prod.client.patch(
        { resource: 'services', namespace: 'web', name: 'new' },
        { spec: { type: 'ClusterIP', ports: [{ port: 80, nodePort: null }] } },
      )
      await dns.waitFor(({ items }) => items.length > 0, 'the service that left the scope')
      assert.deepEqual(summary(dns), ['deleted out-of-scope new'])
      assert.deepEqual(dns.ignored, [])
    })

    test('a broken commit is named with file and line, deliveries go on, and a revert heals', async () => {
      const { repo, prod, dns, world } = on
      dns.clear()
      await repo.write(
        'watches/broken.yaml',
        'apiVersion: watch-hub.dev/v1alpha1\nkind: Watch\nmetadata: {name: broken}\nspec:\n  resources: [pods]\n  endpoints: [nobody]\n',
      )
      const commit = await repo.commit('break it')
      await world.status(({ config }) => config.rejected?.commit === commit, 'the refused commit')
      const { output } = await world.cli('status')
      assert.match(output, /watches\/broken\.yaml:6:15 spec\.endpoints\[0\]: expected/)
      await prod.client.create('services', service('during', { namespace: 'web' }))
      await dns.waitFor(({ names }) => names.includes('web/during'), 'a delivery under the old config')
      await repo.remove('watches/broken.yaml')
      const healed = await repo.commit('heal')
      await world.status(({ config }) => config.live?.commit === healed && config.rejected === undefined, 'the healed config')
    })

    test('a narrowed watch reports nothing deleted', async () => {
      const { repo, prod, dns, world } = on
      dns.clear()
      await repo.write('watches/lb.yaml', loadBalancers('dns', { namespaces: { include: ['team-*'] } }))
      const commit = await repo.commit('narrow')
      await world.status(({ config, clusters }) => config.live?.commit === commit && clusters.length === 2, 'the narrowed config')
      await world.status((status) => live(status, 'prod-eu-1'), 'live stream')
      await prod.client.ensureNamespace('team-a')
      await prod.client.create('services', service('inside', { namespace: 'team-a' }))
      await dns.waitFor(({ items }) => items.length > 0, 'a delivery under the narrowed watch')
      assert.deepEqual(summary(dns), ['created live inside'])
      await repo.write('watches/lb.yaml', loadBalancers('dns'))
      await repo.commit('widen')
      await dns.waitFor(({ items }) => items.length === 3, 'what the widened watch begins to tell again')
      assert.deepEqual(summary(dns).slice(1).sort(), ['created initial blog', 'created initial during'])
    })

    test('a second endpoint gets exactly its part, and the first one nothing twice', async () => {
      const { repo, prod, stage, dns, cmdb, world } = on
      await world.status((status) => live(status, 'prod-eu-1'), 'live stream')
      dns.clear()
      for (const cluster of [prod, stage]) {
        await cluster.client.ensureNamespace('team-a')
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
          await cluster.client.create('deployments.apps', deployment(name, { namespace: 'team-a' }))
      }
      await prod.client.ensureNamespace('other')
      await prod.client.create('deployments.apps', deployment('elsewhere', { namespace: 'other' }))
      await repo.write(
        'endpoints/cmdb.yaml',
        manifest('Endpoint', 'cmdb', { url: cmdb.url, format: 'watch-proxy', batch: { maxObjects: 5, maxWait: '200ms' } }),
      )
      await repo.write(
        'watches/deployments.yaml',
        manifest('Watch', 'deployments', {
          resources: ['deployments.apps'],
          namespaces: { include: ['team-*'] },
          attach: { assetId: 'deployment' },
          endpoints: ['cmdb'],
        }),
      )
      await repo.commit('deployments to the cmdb')
      const ids = () => cmdb.requests.flatMap(({ body }) => proxyItems(body))
      await cmdb.waitFor(() => ids().length >= 14, 'the deployments of both clusters', 30_000)
      assert.equal(new Set(ids().map(({ uniqueId }) => uniqueId)).size, 14)
      assert.ok(
        ids().every(
          ({ event, asset_type_id, data }) =>
            event === 'add' && asset_type_id === 'deployment' && JSON.stringify(data).includes('"namespace":"team-a"'),
        ),
      )
      assert.ok(cmdb.requests.every(({ body }) => proxyItems(body).length <= 5))
      assert.deepEqual(dns.items, [])
    })

    test('a killed hub comes back and delivers what changed meanwhile once, without a new list', async () => {
      const { prod, dns, world } = on
      dns.clear()
      prod.simulator?.requests.clear()
      await world.hub().end('SIGKILL')
      for (let i = 0; i < 10; i++) await prod.client.create('services', service(`while-down-${i}`, { namespace: 'web' }))
      await world.startHub()
      await dns.waitFor(
        ({ names }) => names.filter((name) => name.includes('while-down')).length === 10,
        'the ten changes',
        30_000,
      )
      assert.equal(dns.items.length, 10)
      assert.deepEqual(dns.ignored, [])
      assert.equal(prod.simulator?.requests.count({ verb: 'list', resource: 'services' }) ?? 0, 0)
    })

    test('a killed agent comes back and reports what it missed, a deletion among it, as recovered', async () => {
      const { prod, dns, world } = on
      dns.clear()
      await world.agent('prod-eu-1').end('SIGKILL')
      await prod.client.delete({ resource: 'services', namespace: 'web', name: 'while-down-0' })
      await prod.client.patch(
        { resource: 'services', namespace: 'web', name: 'while-down-1' },
        { metadata: { labels: { tier: 'gold' } } },
      )
      await prod.client.create('services', service('missed', { namespace: 'web' }))
      await world.startAgent(prod)
      await dns.waitFor(({ items }) => items.length >= 3, 'the three changes', 30_000)
      assert.deepEqual(summary(dns).sort(), [
        'created recovered missed',
        'deleted recovered while-down-0',
        'updated recovered while-down-1',
      ])
      assert.deepEqual(dns.ignored, [])
    })

    test('2,000 objects created at full speed arrive once each', async () => {
      const { prod, dns, world } = on
      await world.status((status) => live(status, 'prod-eu-1'), 'live stream')
      dns.clear()
      await prod.client.ensureNamespace('burst')
      const names = Array.from({ length: 2_000 }, (_, i) => `burst-${i}`)
      const next = names.values()
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          for (const name of next) await prod.client.create('services', service(name, { namespace: 'burst' }))
        }),
      )
      await dns.waitFor(({ items }) => items.length >= 2_000, 'all of the burst', 60_000)
      assert.equal(dns.items.length, 2_000)
      assert.equal(new Set(dns.items.map(({ name }) => name)).size, 2_000)
      assert.deepEqual(dns.ignored, [])
    })

    test('a paused endpoint waits, and a revoked agent is shut out at once', async () => {
      const { prod, dns, cmdb, world } = on
      dns.clear()
      assert.equal((await world.cli('endpoint', 'pause', 'dns')).code, 0)
      await prod.client.create('services', service('while-paused', { namespace: 'web' }))
      await world.status(
        ({ endpoints }) => endpoints.some(({ name, phase, backlog }) => name === 'dns' && phase === 'paused' && backlog === 1),
        'a waiting event',
      )
      assert.deepEqual(dns.items, [])
      assert.equal((await world.cli('endpoint', 'resume', 'dns')).code, 0)
      await dns.waitFor(({ items }) => items.length === 1, 'the event that waited')
      assert.equal((await world.cli('cluster', 'revoke', 'stage-eu-1')).code, 0)
      await world.status(
        ({ clusters }) => clusters.some(({ name, connected }) => name === 'stage-eu-1' && !connected),
        'the revoked agent away',
      )
      assert.ok(cmdb.items.length === 0)
    })

    test('an agent told to stop drains and exits 0, and so does the hub', async () => {
      const { world } = on
      assert.equal(await world.agent('prod-eu-1').end('SIGTERM'), 0)
      assert.equal(await world.hub().end('SIGTERM'), 0)
    })
  })
}

interface ProxyItem {
  readonly uniqueId?: unknown
  readonly event?: unknown
  readonly asset_type_id?: unknown
  readonly data?: unknown
}

function proxyItems(body: unknown): readonly ProxyItem[] {
  return typeof body === 'object' && body !== null && 'data' in body && Array.isArray(body.data) ? body.data : []
}
