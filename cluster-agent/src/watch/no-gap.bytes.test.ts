/** No silent gap: whatever becomes of the bytes between the API server and this process. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fast, inStep, live, service, startWorld, story, withoutSynced } from '../testing/gap-world.ts'

const lists = { verb: 'list', resource: 'services' } as const
const impatient = { ...fast, listStallMs: 40, stallMs: 40, discoveryMs: 40 }

suite('no silent gap, whatever the connection does', () => {
  test('a server that refuses connections at the start is waited for', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', service('a'))
    await cluster.refuse()
    await using agent = await world.startAgent()
    await agent.until(({ streams }) => streams.all?.state === 'failed')
    assert.match(agent.status().streams.all?.reason ?? '', /ECONNREFUSED/)
    await cluster.restore()
    await hub.until(() => inStep(cluster, hub))
  })

  test('a half-open discovery is given up and asked again', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', service('a'))
    for (const silent of ['before-head', 'after-head'] as const)
      cluster.failNext({ match: ({ path }) => path === '/api/v1', silent })
    await using _agent = await world.startAgent({ settings: impatient })
    await hub.until(() => inStep(cluster, hub))
    assert.equal(cluster.requests.all.filter(({ path }) => path === '/api/v1').length, 3)
  })

  test('a half-open list is given up and made again, on its first page and on a later one; what it did not show is not deleted', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c']) cluster.create('services', service(name))
    {
      await using _first = await live(world)
    }
    for (const silent of ['before-head', 'after-head'] as const) {
      cluster.failNext({ match: lists, silent })
      cluster.failNext({ match: ({ query }) => query.continue !== undefined, silent })
    }
    await using _agent = await world.startAgent({ settings: { ...impatient, pageObjects: 2 } })
    await hub.until(() => hub.log.includes('synced'))
    assert.deepEqual(withoutSynced(hub.log), [])
    assert.equal(
      cluster.requests.count(lists),
      8,
      'two first pages in vain, two second ones, each after a first one, and then both',
    )
  })

  test('a half-open watch is given up and resumed, without a list', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    await using _agent = await world.startAgent({ settings: impatient })
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    cluster.requests.clear()
    cluster.stallWatches()
    cluster.create('services', service('a'))
    await cluster.until(() => cluster.requests.count({ verb: 'watch' }) > 1, 'another watch')
    cluster.failNext({ match: { verb: 'watch' }, silent: 'before-head' })
    cluster.resumeWatches()
    await hub.until(() => inStep(cluster, hub))
    assert.deepEqual(story(hub.log), ['added a live'])
    assert.equal(cluster.requests.count({ verb: 'list' }), 0)
  })

  for (const [where, cutInside] of [
    ['its JSON', '"externalName"'],
    ['a character', '漢'],
    ['the escape of a character', '\\"'],
  ] as const) {
    test(`a watch that is cut inside ${where} goes on with the event that was cut`, async () => {
      await using world = await startWorld()
      const { cluster, hub } = world
      cluster.create('services', service('a'))
      await using _agent = await live(world)
      cluster.create('services', { metadata: { name: 'whole' } })
      cluster.cutInside(cutInside)
      cluster.create('services', service('cut', '漢"字'))
      cluster.create('services', service('after', '漢"字'))
      await hub.until(() => inStep(cluster, hub))
      assert.deepEqual(story(hub.log), ['added whole live', 'added cut live', 'added after live'])
      assert.equal(cluster.requests.count({ verb: 'list' }), 0)
    })

    test(`a list that is cut inside ${where} is made again, and proves nothing before it is whole`, async () => {
      await using world = await startWorld()
      const { cluster, hub } = world
      for (const name of ['a', 'b']) cluster.create('services', { metadata: { name }, spec: {} })
      for (const name of ['c', 'd']) cluster.create('services', service(name, '漢"字'))
      {
        await using _first = await live(world)
      }
      cluster.cutInside(cutInside)
      await using _agent = await world.startAgent()
      await hub.until(() => hub.log.includes('synced'))
      assert.deepEqual(withoutSynced(hub.log), [])
      assert.equal(cluster.requests.count(lists), 2)
    })
  }

  test('an object of 8 MB in one line, over a thousand chunks, listed and watched', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    const large = 'жук 🐞 '.repeat(640_000)
    cluster.create('services', service('listed', large))
    await using _agent = await live(world, { pieceBytes: 8 * 1024 })
    cluster.create('services', service('watched', large))
    await hub.until(() => inStep(cluster, hub))
    assert.deepEqual(story(hub.log), ['added watched live'])
  })

  test('events that come in one chunk, and an event that comes in two thousand', async () => {
    for (const pieceBytes of [undefined, 1]) {
      await using world = await startWorld()
      const { cluster, hub } = world
      await using _agent = await live(world, pieceBytes === undefined ? {} : { pieceBytes })
      for (const name of ['one', 'two']) cluster.create('services', service(name))
      cluster.create('services', service('long', 'x'.repeat(2_000)))
      await hub.until(() => inStep(cluster, hub))
      assert.deepEqual(story(hub.log), ['added one live', 'added two live', 'added long live'])
    }
  })

  test('text that holds line separators of Unicode, raw, with every byte in a chunk of its own', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', service('listed', 'жук 🐞 \u2028 \u2029 \u0085'))
    await using _agent = await live(world, { pieceBytes: 1 })
    cluster.create('services', service('watched', 'é 漢字 \u2028'))
    await hub.until(() => inStep(cluster, hub))
    assert.deepEqual(story(hub.log), ['added watched live'])
  })
})
