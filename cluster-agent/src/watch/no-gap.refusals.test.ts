/** No silent gap: whatever the API server says instead of what it was asked for. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import type { Failure } from '../../../test/support/api-server-simulator/faults.ts'
import type { RecordedRequest } from '../../../test/support/api-server-simulator/requests.ts'
import { change, changeEverything, fast, inStep, live, service, startWorld, story, withoutSynced } from '../testing/gap-world.ts'
import { plan, streamPlan, watchPlan } from '../testing/objects.ts'

const watches = { verb: 'watch', resource: 'services' } as const
const lists = { verb: 'list', resource: 'services' } as const
const laterPage = ({ verb, query }: RecordedRequest) => verb === 'list' && query.continue !== undefined
const onThePage = (page: 'first' | 'later') => (request: RecordedRequest) =>
  request.verb === 'list' && laterPage(request) === (page === 'later')

const byWatch = ['gone a live', 'modified b live', 'gone c live', 'added c live', 'added e live']
const byList = ['modified b list', 'gone c list', 'added c list', 'added e list', 'gone a list']

/** Waits take no time, and are written down. */
function recordedSleep() {
  const waits: number[] = []
  const sleep: Sleep = async (ms, signal) => {
    signal?.throwIfAborted()
    waits.push(ms)
    await new Promise(setImmediate)
  }
  return { waits, sleep }
}

/** A kind by itself, so that one can fail and the other not. */
const twoKinds = plan('two', [
  streamPlan('all'),
  streamPlan('configmaps', { resource: 'configmaps', watches: [watchPlan('config')] }),
])

suite('no silent gap, whatever the server answers', () => {
  for (const status of [429, 500, 503, 504, 599]) {
    test(`a watch that is answered ${status} after a gap goes on where it was`, async () => {
      await using world = await startWorld()
      const { cluster, hub } = world
      for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
      await using _agent = await live(world)
      await cluster.refuse()
      changeEverything(cluster)
      cluster.failNext({ match: watches, status, times: 3 })
      await cluster.restore()
      await hub.until(() => inStep(cluster, hub))
      assert.deepEqual(story(hub.log), byWatch)
      assert.equal(cluster.requests.count(lists), 0)
    })
  }

  const needsList: readonly (readonly [string, Omit<Failure, 'match'>])[] = [
    ...[410, 429, 500, 504, 599].map((code) => [`with an ERROR event of ${code}`, { errorEvent: code }] as const),
    ['with the status 410', { status: 410 }],
    ['with the status 400', { status: 400 }],
    ['three times with nothing', { empty: true, times: 3 }],
  ]
  for (const [how, failure] of needsList) {
    test(`a watch that is answered ${how} after a gap is compared by a list, once`, async () => {
      await using world = await startWorld()
      const { cluster, hub } = world
      for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
      await using _agent = await live(world)
      await cluster.refuse()
      changeEverything(cluster)
      cluster.failNext({ match: watches, ...failure })
      await cluster.restore()
      await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
      assert.deepEqual(story(hub.log), byList)
      assert.equal(cluster.requests.count(lists), 1)
    })
  }

  for (const page of ['first', 'later'] as const)
    for (const failure of [
      { status: 410 },
      { status: 429 },
      { status: 500 },
      { status: 504 },
      { reset: true },
      { empty: true },
    ]) {
      test(`a list whose ${page} page is answered ${JSON.stringify(failure)} proves nothing until it is whole`, async () => {
        await using world = await startWorld()
        const { cluster, hub } = world
        for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
        {
          await using _first = await live(world)
        }
        changeEverything(cluster)
        cluster.failNext({ match: onThePage(page), ...failure, times: 2 })
        await using _second = await world.startAgent({ settings: { ...fast, pageObjects: 2 } })
        await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
        assert.deepEqual(story(hub.log), byList)
      })
    }

  test('a list whose second page is forgotten time and again begins anew a few times at once, then at a growing pace', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c']) cluster.create('services', service(name))
    cluster.failNext({ match: laterPage, status: 410, times: 12 })
    const { waits, sleep } = recordedSleep()
    const settings = { pageObjects: 2, listRestarts: 3 }
    await using _agent = await world.startAgent({ settings, sleep, random: () => 0.5 })
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(waits, [100, 200, 400])
    assert.equal(cluster.requests.all.filter(laterPage).length, 13)
    assert.deepEqual(story(hub.log), ['added a list', 'added b list', 'added c list'])
  })

  test('a storm of 429 at the start is obeyed: every request that it meets is made once, and not before the server wants it', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', service('a'))
    cluster.failNext({ match: () => true, status: 429, retryAfter: 7, times: 40 })
    const { waits, sleep } = recordedSleep()
    await using agent = await world.startAgent({ settings: {}, sleep, plan: twoKinds })
    await agent.until(({ streams }) => Object.values(streams).every(({ state }) => state === 'live'))
    await hub.until(() => inStep(cluster, hub))
    assert.equal(waits.length, 40)
    assert.ok(
      waits.every((ms) => ms >= 7_000),
      `waited ${waits}`,
    )
    assert.equal(cluster.requests.all.length, 40 + 2 * 3, 'discovery, list and watch of two kinds beyond the storm')
  })

  test('a server that ends watches at once, without a word or after a bookmark, is asked a few times a minute', async () => {
    for (const empty of [{ empty: true }, { bookmark: true }]) {
      await using world = await startWorld()
      const { cluster, hub } = world
      cluster.create('services', service('a'))
      cluster.failNext({ match: watches, ...empty, times: 60 })
      const { waits, sleep } = recordedSleep()
      await using _agent = await world.startAgent({ settings: {}, sleep, random: () => 0.5 })
      await cluster.until(() => cluster.requests.count(watches) === 61, 'the end of it')
      const minutes = waits.reduce((sum, ms) => sum + ms, 0) / 60_000
      const asked = cluster.requests.all.length
      assert.ok(asked / minutes < 10, `${asked} requests in ${minutes.toFixed(1)} minutes after ${JSON.stringify(empty)}`)
      cluster.create('services', service('b'))
      await hub.until(() => inStep(cluster, hub))
    }
  })

  test('a rotated token is read from the kubeconfig when the old one is refused, and the watch goes on without a list', async () => {
    await using world = await startWorld({ token: 'first' })
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
    await using agent = await live(world)
    cluster.rotateToken('second')
    await world.writeKubeconfig()
    cluster.endWatches()
    await cluster.until(() => cluster.watches('services') === 1, 'a watch with the new token')
    changeEverything(cluster)
    await hub.until(() => inStep(cluster, hub))
    assert.deepEqual(story(hub.log), byWatch)
    assert.equal(cluster.requests.count(lists), 0)
    assert.equal(cluster.requests.count(watches), 2, 'one with the old token, one with the new')
    assert.equal(agent.status().streams.all?.state, 'live')
  })

  test('a token that is refused before its successor is written is said, and deletes nothing', async () => {
    await using world = await startWorld({ token: 'first' })
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
    await using agent = await live(world)
    cluster.rotateToken('second')
    cluster.endWatches()
    await agent.until(({ streams }) => streams.all?.state === 'failed')
    assert.match(agent.status().streams.all?.reason ?? '', /^unauthorized/)
    changeEverything(cluster)
    assert.deepEqual(hub.log, [])
    await world.writeKubeconfig()
    await hub.until(() => inStep(cluster, hub))
    assert.deepEqual(story(hub.log), byWatch)
  })

  for (const forgotten of [false, true]) {
    const compared = forgotten ? 'compared by a list' : 'resumed'
    test(`a kind that is forbidden for a while deletes nothing, leaves the others alone, and is ${compared} when it is allowed`, async () => {
      await using world = await startWorld()
      const { cluster, hub } = world
      for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
      await using agent = await live(world, { plan: twoKinds })
      await agent.until(({ streams }) => streams.configmaps?.state === 'live')
      cluster.requests.clear()
      hub.log.length = 0
      cluster.forbid('services')
      cluster.endWatches('services')
      await agent.until(({ streams }) => streams.all?.state === 'failed')
      assert.equal(agent.status().streams.all?.reason, 'forbidden: needs list,watch on services')
      changeEverything(cluster)
      cluster.create('configmaps', { metadata: { name: 'other' }, spec: {} })
      await hub.until(() => hub.log.length > 0)
      assert.deepEqual(story(hub.log), ['added other live'])
      assert.equal(agent.status().streams.configmaps?.state, 'live')
      hub.log.length = 0
      if (forgotten) cluster.compact()
      cluster.allow('services')
      await hub.until(() => inStep(cluster, hub) && (!forgotten || hub.log.includes('synced')))
      assert.deepEqual(story(hub.log), forgotten ? byList : byWatch)
      assert.equal(cluster.requests.count({ resource: 'configmaps' }), 0, 'its watch is untouched')
    })
  }

  test('a kind that a new process may not list deletes nothing until it may', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
    {
      await using _first = await live(world)
    }
    changeEverything(cluster)
    cluster.forbid('services', { verbs: ['list'] })
    await using agent = await world.startAgent()
    await agent.until(({ streams }) => streams.all?.state === 'failed')
    assert.deepEqual(withoutSynced(hub.log), [])
    cluster.allow('services')
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(story(hub.log), byList)
  })

  test('a watch that fails time and again in the middle of changes loses none of them', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', service('a', '0'))
    await using _agent = await live(world)
    for (let i = 1; i <= 40; i++) {
      cluster.failNext({ match: watches, ...(i % 2 === 0 ? { status: 500 } : { reset: true }) })
      cluster.update('services', 'a', change(`${i}`))
      cluster.endWatches()
      await hub.until(() => inStep(cluster, hub))
    }
    assert.equal(withoutSynced(hub.log).length, 40)
  })
})
