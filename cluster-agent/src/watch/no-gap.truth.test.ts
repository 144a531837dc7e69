/** No silent gap: versions that lie, lists that lie, objects that change places, kinds that come and go. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { Simulator, SimulatorOptions } from '../../../test/support/api-server-simulator/simulator.ts'
import { createOutbox } from '../outbox.ts'
import { type FakeHub, fakeHub } from '../testing/fake-hub.ts'
import {
  change,
  changeEverything,
  fast,
  inStep,
  live,
  services,
  service as simulated,
  startWorld,
  story,
  withoutSynced,
} from '../testing/gap-world.ts'
import { added, deleted, modified, plan, service, streamPlan, watchPlan } from '../testing/objects.ts'
import { playedCluster } from '../testing/played-cluster.ts'
import { startReconcile } from './reconcile.ts'

const lists = { verb: 'list', resource: 'services' } as const

suite('no silent gap, whatever versions say', () => {
  /** Versions go back by three, and recur with other content. */
  function restoreFromBackup(cluster: Simulator, backup: ReturnType<Simulator['backup']>) {
    cluster.restoreBackup(backup)
    cluster.update('services', 'a', change('third'))
    cluster.create('services', simulated('d'))
  }

  async function changedSinceBackup(options: SimulatorOptions) {
    const world = await startWorld(options)
    const { cluster } = world
    for (const name of ['a', 'b']) cluster.create('services', simulated(name))
    const backup = cluster.backup()
    cluster.update('services', 'a', change('second'))
    cluster.create('services', simulated('c'))
    cluster.delete('services', 'b')
    return { world, backup }
  }

  test('a server that came from a backup and is silent about versions to come is found out by the next comparison', async () => {
    const { world, backup } = await changedSinceBackup({ futureVersions: 'silent' })
    await using owned = world
    const { cluster, hub } = owned
    await using _agent = await live(world, { settings: { ...fast, auditMs: 60, stallMs: 30 } })
    const before = hub.inventory.get('all')?.get('default/a')
    restoreFromBackup(cluster, backup)
    await hub.until(() => inStep(cluster, hub))
    const after = hub.inventory.get('all')?.get('default/a')
    assert.equal(after?.resourceVersion, before?.resourceVersion, 'one version, two contents')
    assert.notEqual(after?.hash, before?.hash)
  })

  test('a server that came from a backup and refuses versions to come is compared at once', async () => {
    const { world, backup } = await changedSinceBackup({ futureVersions: 'refused' })
    await using owned = world
    const { cluster, hub } = owned
    await using _agent = await live(world, { sleep: async (ms, signal) => sleep(Math.min(ms, 5), signal) })
    restoreFromBackup(cluster, backup)
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(story(hub.log), ['modified a list', 'added b list', 'added d list', 'gone c list'])
  })

  test('versions that are no numbers are handed back as they came', async () => {
    const cluster = playedCluster({ version: 'rv 1/é&=' })
    await using world = startPlayed(cluster)
    const first = await cluster.watch('services')
    assert.equal(first.exchange.query.get('resourceVersion'), 'rv 1/é&=')
    first.send(added(service('a', { version: 'zzz' })), modified(service('a', { version: 'aaa', type: 'NodePort' })))
    await first.drained
    first.end()
    assert.equal((await cluster.watch('services')).exchange.query.get('resourceVersion'), 'aaa')
    assert.deepEqual(story(world.hub.log), ['added a live', 'modified a live'])
  })
})

function startPlayed(cluster: ReturnType<typeof playedCluster>) {
  const outbox = createOutbox()
  const hub = fakeHub(outbox)
  const deps = { kube: cluster, outbox, loadIndex: hub.loadIndex, onStatus: () => {}, log: silentLog, sleep }
  const reconciler = startReconcile(deps, fast)
  reconciler.follow(services)
  return {
    hub,
    [Symbol.asyncDispose]: async () => {
      await reconciler[Symbol.asyncDispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

suite('no silent gap, when an object is deleted and created again under its name', () => {
  const events = {
    'old deleted': deleted(service('a', { uid: 'old', version: 2 })),
    'new added': added(service('a', { uid: 'new', version: 3 })),
    'new modified': modified(service('a', { uid: 'new', version: 4, type: 'NodePort' })),
  } as const
  const orders: readonly (readonly (keyof typeof events)[])[] = [
    ['old deleted', 'new added', 'new modified'],
    ['new added', 'old deleted', 'new modified'],
    ['new added', 'new modified', 'old deleted'],
    ['new added', 'new modified'],
    ['old deleted', 'new modified'],
    ['new modified', 'old deleted'],
    ['new modified'],
  ]
  for (const order of orders) {
    test(`told as: ${order.join(', ')}`, async () => {
      const cluster = playedCluster()
      cluster.objects.set('services', [service('a', { uid: 'old' })])
      await using world = startPlayed(cluster)
      const watch = await cluster.watch('services')
      watch.send(...order.map((name) => events[name]))
      await watch.drained
      await world.hub.until(() => JSON.stringify([...(world.hub.inventory.get('all')?.values() ?? [])]).includes('NodePort'))
      const [first, gone, then] = withoutSynced(world.hub.log)
      assert.deepEqual([first, gone], ['added a@old list', 'gone a@old live'])
      assert.match(then ?? '', /^(added|modified) a@new live$/)
      assert.equal(world.hub.inventory.get('all')?.size, 1)
    })
  }

  test('several times within one gap: the first object is gone, the last one is there, and nothing in between', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', simulated('a'))
    await using _agent = await live(world)
    await cluster.refuse()
    for (let i = 0; i < 3; i++) {
      cluster.delete('services', 'a')
      cluster.create('services', simulated('a'))
    }
    cluster.compact()
    await cluster.restore()
    await hub.until(() => inStep(cluster, hub))
    assert.deepEqual(story(hub.log), ['gone a list', 'added a list'])
  })
})

suite('no silent gap, whatever a list shows', () => {
  const many = Array.from({ length: 150 }, (_, i) => `n${i}`)

  test('an empty list by mistake is repeated, and deletes nothing: of a new process, and of one that runs', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of many) cluster.create('services', simulated(name))
    {
      await using _first = await live(world)
    }
    cluster.failNext({ match: lists, emptyList: true })
    await using _agent = await world.startAgent()
    await hub.until(() => hub.log.includes('synced'))
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    assert.deepEqual(withoutSynced(hub.log), [])
    assert.equal(cluster.requests.count(lists), 2)

    hub.log.length = 0
    cluster.failNext({ match: lists, emptyList: true })
    cluster.failNext({ match: { verb: 'watch' }, errorEvent: 410 })
    cluster.endWatches()
    await hub.until(() => hub.log.includes('synced'))
    assert.deepEqual(withoutSynced(hub.log), [])
    assert.equal(cluster.requests.count(lists), 4)
  })

  test('a kind that was really emptied is believed the second time', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of many) cluster.create('services', simulated(name))
    await using _agent = await live(world)
    await cluster.refuse()
    for (const name of many) cluster.delete('services', name)
    cluster.compact()
    await cluster.restore()
    await hub.until(() => hub.log.includes('synced'))
    assert.equal(cluster.requests.count(lists), 2)
    assert.equal(hub.inventory.get('all')?.size, 0)
  })

  test('an empty list of namespaces by mistake takes no object out of a watch that selects them by label', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('namespaces', { metadata: { name: 'team', labels: { team: 'a' } } })
    cluster.create('services', { ...simulated('a'), metadata: { name: 'a', namespace: 'team' } })
    const ofTeams = { include: [], exclude: [], selector: { matchLabels: { team: 'a' } } }
    const selecting = plan('p1', [streamPlan('all', { watches: [watchPlan('w', { namespaces: ofTeams })] })])
    await using _agent = await live(world, { plan: selecting })
    cluster.failNext({ match: { verb: 'list', resource: 'namespaces' }, emptyList: true })
    cluster.failNext({ match: { verb: 'watch', resource: 'namespaces' }, errorEvent: 410 })
    cluster.endWatches('namespaces')
    await cluster.until(() => cluster.requests.count({ verb: 'list', resource: 'namespaces' }) > 0, 'the mistake')
    await cluster.until(() => cluster.requests.all.at(-1)?.verb === 'watch', 'the namespaces watched again')
    cluster.update('services', 'team/a', change('second'))
    await hub.until(() => hub.log.length > 0)
    assert.deepEqual(story(hub.log), ['modified a live'])
  })
})

suite('no silent gap, when kinds come, go and change', () => {
  const widgets = { group: 'example.com', version: 'v1beta1', resource: 'widgets', kind: 'Widget', namespaced: true }
  const ref = 'widgets.example.com'
  const of = { resource: ref, stream: 'widgets' }
  const planned = (version?: string) =>
    plan('p1', [
      streamPlan('widgets', {
        group: 'example.com',
        resource: 'widgets',
        watches: [watchPlan('w')],
        ...(version === undefined ? {} : { version }),
      }),
    ])
  const failed = 'no such resource widgets.example.com'
  const apiVersions = (hub: FakeHub) =>
    [...(hub.inventory.get('widgets')?.values() ?? [])].map(({ body }) => JSON.parse(body).apiVersion)

  async function watched(version?: string) {
    const world = await startWorld()
    world.cluster.addResource(widgets)
    for (const name of ['one', 'two']) world.cluster.create(ref, simulated(name))
    const agent = await world.startAgent({ plan: planned(version) })
    await world.hub.until(() => inStep(world.cluster, world.hub, of) && world.hub.log.includes('synced'))
    await world.cluster.until(() => world.cluster.watches(ref) === 1, 'a watch')
    world.hub.log.length = 0
    world.cluster.requests.clear()
    return { ...world, agent, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]().then(() => world[Symbol.asyncDispose]()) }
  }

  test('a kind that appears is followed', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    await using agent = await world.startAgent({ plan: planned() })
    await agent.until(({ streams }) => streams.widgets?.state === 'failed')
    assert.deepEqual(agent.status().streams.widgets, { state: 'failed', reason: failed, transient: true })
    cluster.addResource(widgets)
    cluster.create(ref, simulated('one'))
    await hub.until(() => inStep(cluster, hub, of))
  })

  test('a kind that is deleted takes its objects along, as the server tells; when it comes again, so do they', async () => {
    await using world = await watched()
    const { cluster, hub, agent } = world
    cluster.removeResource(ref)
    await agent.until(({ streams }) => streams.widgets?.reason === failed)
    await hub.until(() => hub.log.length === 2)
    assert.deepEqual(story(hub.log).toSorted(), ['gone one live', 'gone two live'])
    cluster.addResource(widgets)
    cluster.create(ref, simulated('two'))
    await hub.until(() => inStep(cluster, hub, of))
  })

  test('a kind that is gone when the connection returns deletes nothing, until it can be listed again', async () => {
    await using world = await watched()
    const { cluster, hub, agent } = world
    await cluster.refuse()
    cluster.removeResource(ref)
    await cluster.restore()
    await agent.until(({ streams }) => streams.widgets?.reason === failed)
    assert.deepEqual(hub.log, [])
    cluster.addResource(widgets)
    cluster.create(ref, simulated('two'))
    await hub.until(() => inStep(cluster, hub, of) && hub.log.includes('synced'))
    assert.deepEqual(story(hub.log), ['gone two list', 'added two list', 'gone one list'])
  })

  test('a kind that changes its served version goes on in the new one: its objects are told anew, none is deleted', async () => {
    await using world = await watched()
    const { cluster, hub } = world
    cluster.serveIn(ref, ['v1', 'v1beta1'])
    cluster.update(ref, 'one', change('second'))
    await hub.until(() => inStep(cluster, hub, of))
    assert.deepEqual(story(hub.log), ['modified one live'], 'the old version is still served: nothing else happens')
    assert.equal(cluster.requests.all.length, 0)

    hub.log.length = 0
    cluster.serveIn(ref, ['v1'])
    await cluster.until(() => cluster.watches(ref) === 1, 'a watch of the new version')
    await hub.until(() => hub.log.includes('synced'))
    assert.deepEqual(story(hub.log), ['modified one list', 'modified two list'])
    assert.deepEqual(apiVersions(hub), ['example.com/v1', 'example.com/v1'])
    cluster.update(ref, 'two', change('second'))
    await hub.until(() => inStep(cluster, hub, of))
  })

  test('a version that the plan asks for by name and that is not served any more deletes nothing', async () => {
    await using world = await watched('v1beta1')
    const { cluster, hub, agent } = world
    cluster.serveIn(ref, ['v1'])
    await agent.until(({ streams }) => streams.widgets?.reason === `${failed} in version v1beta1`)
    cluster.delete(ref, 'one')
    assert.deepEqual(hub.log, [])
    cluster.serveIn(ref, ['v1', 'v1beta1'])
    await hub.until(() => inStep(cluster, hub, of))
    assert.deepEqual(story(hub.log), ['gone one list'])
  })

  test('a gap over a restart of this process and of the kind finds everything', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', simulated(name))
    {
      await using _first = await live(world)
    }
    const backup = cluster.backup()
    cluster.restoreBackup(backup)
    changeEverything(cluster)
    await using _second = await world.startAgent()
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(story(hub.log), ['modified b list', 'gone c list', 'added c list', 'added e list', 'gone a list'])
  })
})
