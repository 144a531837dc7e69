/** No silent gap (law 2): whatever happens to the connection, the server or this process, the hub ends up with what the cluster holds. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import {
  type Simulator,
  type SimulatorOptions,
  startApiServerSimulator,
} from '../../../test/support/api-server-simulator/simulator.ts'
import { createOutbox } from '../outbox.ts'
import { type FakeHub, fakeHub } from '../testing/fake-hub.ts'
import { plan, streamPlan, watchPlan } from '../testing/objects.ts'
import { openKube } from './kube.ts'
import { type ReconcileSettings, startReconcile } from './reconcile.ts'

const services = plan('p1', [streamPlan('all')])
const fast: ReconcileSettings = { backoffMs: [1, 20], longMs: 5 }

async function startWorld(options: SimulatorOptions = {}) {
  await using scope = new AsyncDisposableStack()
  const cluster = scope.use(await startApiServerSimulator({ bookmarkEveryMs: 0, ...options }))
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-gap-'))
  scope.defer(() => rm(dir, { recursive: true }))
  const kubeconfig = await cluster.writeKubeconfig(dir)
  const hub = scope.use(fakeHub(createOutbox()))
  const owned = scope.move()
  return {
    cluster,
    hub,
    /** An agent process: it knows nothing but what the hub tells it. */
    startAgent: async (settings: ReconcileSettings = fast, of = services) => {
      const kube = await openKube({ log: silentLog, kubeconfig })
      const outbox = createOutbox({ maxBytes: 64 * 1024 * 1024 }) // so that the bound met here is that of entries
      hub.serve(outbox)
      const deps = { kube, outbox, loadIndex: hub.loadIndex, onStatus: () => {}, log: silentLog, sleep }
      const reconciler = startReconcile(deps, settings)
      reconciler.follow(of)
      return {
        ...reconciler,
        [Symbol.asyncDispose]: async () => {
          await reconciler[Symbol.asyncDispose]()
          await kube[Symbol.asyncDispose]()
        },
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const service = (name: string, value = 'first') => ({ metadata: { name }, spec: { externalName: value } })
const change = (value: string) => (object: Readonly<Record<string, unknown>>) => ({ ...object, spec: { externalName: value } })

/** What the hub holds of a stream is exactly what the cluster holds. */
function inStep(cluster: Simulator, hub: FakeHub, { resource = 'services', stream = 'all' } = {}): boolean {
  const rows = hub.inventory.get(stream)
  const objects = cluster.list(resource)
  return (
    objects.length === (rows?.size ?? 0) &&
    objects.every(({ metadata, spec }) => {
      const row = rows?.get(`${metadata.namespace ?? ''}/${metadata.name}`)
      return row?.uid === metadata.uid && JSON.stringify(JSON.parse(row.body).spec) === JSON.stringify(spec)
    })
  )
}

/** A gap: everything happens while nobody looks. */
function changeEverything(cluster: Simulator) {
  cluster.delete('services', 'a')
  cluster.update('services', 'b', change('second'))
  const old = cluster.delete('services', 'c').metadata.uid
  const recreated = cluster.create('services', service('c')).metadata.uid
  const e = cluster.create('services', service('e')).metadata.uid
  return { old, recreated, e }
}

const withoutSynced = (log: readonly string[]) => log.filter((each) => each !== 'synced')

suite('no silent gap', () => {
  test('after a lost connection with forgotten history: exactly what changed, the old object gone before the new one', async () => {
    await using world = await startWorld({ tls: true, token: 'secret' })
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
    const [a, b] = [cluster.get('services', 'a')?.metadata.uid, cluster.get('services', 'b')?.metadata.uid]
    await using _agent = await world.startAgent()
    await hub.until(() => inStep(cluster, hub))
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    hub.log.length = 0

    await cluster.refuse()
    const { old, recreated, e } = changeEverything(cluster)
    cluster.compact()
    await cluster.restore()
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(withoutSynced(hub.log), [
      `modified b@${b} list`,
      `gone c@${old} list`,
      `added c@${recreated} list`,
      `added e@${e} list`,
      `gone a@${a} list`,
    ])
  })

  test('after a lost connection alone: the watch goes on and no list is made', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c']) cluster.create('services', service(name))
    await using agent = await world.startAgent()
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    await cluster.refuse()
    changeEverything(cluster)
    await cluster.restore()
    await hub.until(() => inStep(cluster, hub) && hub.inventory.get('all')?.has('default/e') === true)
    assert.equal(agent.status().figures.lists, 1)
    assert.ok(hub.log.some((each) => each.startsWith('gone a@') && each.endsWith('live')))
  })

  test('after a restart of the agent: what the hub holds is compared, deletions are found', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
    {
      await using _first = await world.startAgent()
      await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    }
    hub.log.length = 0
    changeEverything(cluster)
    await using _second = await world.startAgent()
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(
      withoutSynced(hub.log).map((each) => each.replace(/@\S+/, '')),
      ['modified b list', 'gone c list', 'added c list', 'added e list', 'gone a list'],
    )
  })

  test('while the hub is away: the outbox fills, the watch waits, and nothing is lost', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    await using agent = await world.startAgent()
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    hub.pause()
    for (let i = 0; i < 12_000; i++) cluster.create('services', service(`n${i}`))
    while (agent.status().figures.outboxWaiting === 0) await sleep(1)
    const held = agent.status().figures.outboxEntries
    hub.resume()
    assert.equal(held, 10_000)
    await hub.until(() => inStep(cluster, hub))
    assert.equal(agent.status().figures.lists, 1)
  })

  test('on a watch that went silent: it is given up, and resumed', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    await using agent = await world.startAgent({ ...fast, stallMs: 30 })
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    cluster.stallWatches()
    cluster.create('services', service('a'))
    await cluster.until(() => cluster.requests.all.filter(({ verb }) => verb === 'watch').length > 1, 'another watch')
    cluster.resumeWatches()
    await hub.until(() => inStep(cluster, hub))
    assert.equal(agent.status().figures.lists, 1)
  })

  test('with every byte in a chunk of its own, and text that is cut in characters and holds line separators', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.splitChunks(1)
    cluster.create('services', service('listed', 'жук 🐞 \u2028 \u2029'))
    await using _agent = await world.startAgent()
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    cluster.create('services', service('watched', 'é 漢字 \u2028'))
    await hub.until(() => inStep(cluster, hub))
  })

  test('for a custom resource that comes, goes and comes again', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    const widgets = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true }
    const of = { resource: 'widgets.example.com', stream: 'widgets' }
    const watched = plan('p1', [streamPlan('widgets', { group: 'example.com', resource: 'widgets', watches: [watchPlan('w')] })])
    await using agent = await world.startAgent(fast, watched)
    while (agent.status().streams.widgets?.state !== 'failed') await sleep(1)
    assert.deepEqual(agent.status().streams.widgets, {
      state: 'failed',
      reason: 'no such resource widgets.example.com',
      transient: true,
    })
    cluster.addResource(widgets)
    cluster.create('widgets.example.com', service('one'))
    await hub.until(() => inStep(cluster, hub, of))
    await cluster.until(() => cluster.watches('widgets.example.com') === 1, 'a watch')
    cluster.removeResource('widgets.example.com')
    while (agent.status().streams.widgets?.state !== 'failed') await sleep(1)
    cluster.addResource(widgets)
    cluster.create('widgets.example.com', service('two'))
    await hub.until(() => inStep(cluster, hub, of) && hub.inventory.get('widgets')?.has('default/two') === true)
  })

  test('when the audit finds a deletion that the server never told', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', service('a'))
    cluster.create('services', service('b'))
    await using _agent = await world.startAgent({ ...fast, auditMs: 20 })
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    cluster.silently(() => cluster.delete('services', 'a'))
    await sleep(25)
    cluster.endWatches()
    await hub.until(() => inStep(cluster, hub))
  })

  test('under random changes and random faults, with the order of each object kept', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    await using _agent = await world.startAgent()
    const random = seeded(20_261_123)
    const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(random() * of.length)]
    const faults: readonly (() => void)[] = [
      () => cluster.cutWatches('services'),
      () => cluster.cutWatches('services', 'mid-event'),
      () => cluster.endWatches('services'),
      () => cluster.compact(pick(['event', 'status'] as const)),
      () => cluster.failNext({ match: { resource: 'services' }, status: pick([410, 429, 500, 503]) ?? 500 }),
      () => cluster.failNext({ match: { resource: 'services', verb: 'watch' }, errorEvent: pick([410, 429, 500]) ?? 500 }),
      () => cluster.failNext({ match: { resource: 'services' }, reset: true }),
      () => cluster.failNext({ match: { resource: 'services', verb: 'watch' }, empty: true }),
      () => cluster.sendBookmarks(),
    ]
    for (let step = 0; step < 1_500; step++) {
      const name = `n${Math.floor(random() * 30)}`
      const known = cluster.get('services', name) !== undefined
      if (!known) cluster.create('services', service(name, `${step}`))
      else if (random() < 0.3) cluster.delete('services', name)
      else cluster.update('services', name, change(`${step}`))
      if (random() < 0.05) pick(faults)?.()
      if (random() < 0.2) await new Promise(setImmediate)
    }
    await hub.until(() => inStep(cluster, hub))
    assert.ok(hub.log.length > 100, `${hub.log.length} entries`)
  })
})

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
