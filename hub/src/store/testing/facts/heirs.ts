/** Facts about projections that change: what the hub holds passes from stream to stream. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { ClusterRoutes } from '../../store.ts'
import { activation, bare, gone, indexOf, out, seen, services, startAgent, synced, told, watch } from '../world.ts'

const list = { cause: 'list' } as const
const stream = (id: string, ...watches: readonly string[]): ClusterRoutes['streams'][number] => ({
  id,
  resource: 'services',
  watches,
})
const lb = watch()
const nodes = watch({ endpoints: ['cmdb'] })

export function heirFacts(lab: MakeLab): void {
  test('a stream whose projection changed inherits what the old one held', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb }, { streams: [stream('old', 'lb')] }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), seen('c', list), synced({ lb: 'd1' })], { streams: [services('old')] })
    await store.activate(activation({ lb }, { plan: 'p2', streams: [stream('new', 'lb')] }))
    assert.deepEqual(
      (await indexOf(store, { plan: 'p2', stream: 'new' })).map(({ name, hash, matches }) => [name, hash, matches]),
      [
        ['a', 'h1', ['lb']],
        ['b', 'h1', ['lb']],
        ['c', 'h1', ['lb']],
      ],
    )
    const rows = await agent.send(
      [seen('a', { ...list, hash: 'pruned', change: 'modified' }), gone('b', list), seen('d', list), synced({ lb: 'd1' })],
      { plan: 'p2', streams: [services('new')] },
    )
    assert.deepEqual(told(rows), ['a dns updated projection lb', 'b dns deleted recovered lb', 'd dns created recovered lb'])
    assert.deepEqual(
      (await store.stats()).inventory.map(({ objects }) => objects),
      [3],
    )
  })

  test('what passes from a stream in doubt is in doubt, also when the stream was never compared in full', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb }, { streams: [stream('old', 'lb')] }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list)], { streams: [services('old')] })
    await startAgent(store, 'prod-eu-1', { lost: true })
    assert.equal(await store.isDoubted({ cluster: 'prod-eu-1', stream: 'old' }), true)
    await store.activate(activation({ lb }, { plan: 'p2', streams: [stream('new', 'lb')] }))
    assert.equal((await indexOf(store, { plan: 'p2', stream: 'new' })).length, 1)
    assert.equal(await store.isDoubted({ cluster: 'prod-eu-1', stream: 'new' }), true)
  })

  test('an object that left its watch while the projection changed is deleted, recovered', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb }, { streams: [stream('old', 'lb')] }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })], { streams: [services('old')] })
    await store.activate(activation({ lb }, { plan: 'p2', streams: [stream('new', 'lb')] }))
    await indexOf(store, { plan: 'p2', stream: 'new' })
    const rows = await agent.send([out('a', list)], { plan: 'p2', streams: [services('new')] })
    assert.deepEqual(told(rows), ['a dns deleted recovered lb'])
  })

  test('a watch that is renamed and projected anew at once is inherited by its endpoints', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb }, { streams: [stream('old', 'lb')] }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })], { streams: [services('old')] })
    await store.activate(activation({ balancers: lb }, { plan: 'p2', streams: [stream('new', 'balancers')] }))
    assert.equal((await indexOf(store, { plan: 'p2', stream: 'new' })).length, 2)
    const now = { ...list, matches: ['balancers'], change: 'modified' } as const
    const rows = await agent.send([seen('a', { ...now, hash: 'pruned' }), bare('b', now)], {
      plan: 'p2',
      streams: [services('new')],
    })
    assert.deepEqual(told(rows), ['a dns updated projection balancers'])
  })

  test('a watch that leaves a shared stream takes copies along; those who stay hear nothing', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb, nodes }, { streams: [stream('shared', 'lb', 'nodes')] }))
    const agent = await startAgent(store)
    await agent.send(
      [
        seen('a', { ...list, matches: ['lb', 'nodes'] }),
        seen('b', list),
        seen('c', { ...list, matches: ['nodes'] }),
        synced({ lb: 'd1', nodes: 'd1' }),
      ],
      { streams: [services('shared')] },
    )
    await store.activate(activation({ lb, nodes }, { plan: 'p2', streams: [stream('shared', 'nodes'), stream('own', 'lb')] }))
    const holds = async (id: string) =>
      (await indexOf(store, { plan: 'p2', stream: id })).map(({ name, matches }) => `${name} ${matches}`)
    assert.deepEqual(await holds('own'), ['a lb', 'b lb'])
    assert.deepEqual(await holds('shared'), ['a lb,nodes', 'b lb', 'c nodes'])
    const rows = [
      ...(await agent.send(
        [bare('a', { ...list, matches: ['nodes'], change: 'modified' }), out('b', list), synced({ nodes: 'd1' })],
        {
          plan: 'p2',
          streams: [services('shared')],
        },
      )),
      ...(await agent.send([seen('a', { ...list, hash: 'pruned', change: 'modified' }), synced({ lb: 'd1' })], {
        plan: 'p2',
        streams: [services('own')],
      })),
    ]
    assert.deepEqual(told(rows), ['a dns updated projection lb'])
    assert.deepEqual(await holds('own'), ['a lb', 'b lb'])
    assert.deepEqual(await holds('shared'), ['a nodes', 'c nodes'])
  })

  test('a watch that joins another stream is silent about objects of the same content', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb, nodes }, { streams: [stream('one', 'lb'), stream('two', 'nodes')] }))
    const agent = await startAgent(store)
    const streams = [services('one'), services('two')]
    const of = (s: number, name: string, hash: string) => seen(name, { ...list, s, hash, matches: [s === 0 ? 'lb' : 'nodes'] })
    await agent.send(
      [
        of(0, 'a', 'same'),
        of(1, 'a', 'same'),
        of(0, 'b', 'short'),
        of(1, 'b', 'long'),
        synced({ lb: 'd1' }, 0),
        synced({ nodes: 'd1' }, 1),
      ],
      { streams },
    )
    await store.activate(activation({ lb, nodes }, { plan: 'p2', streams: [stream('two', 'lb', 'nodes')] }))
    assert.deepEqual(
      (await indexOf(store, { plan: 'p2', stream: 'two' })).map(({ name, matches }) => `${name} ${matches}`),
      ['a lb,nodes', 'b nodes'],
    )
    const rows = await agent.send([bare('b', { ...list, hash: 'long', matches: ['lb', 'nodes'], change: 'modified' })], {
      plan: 'p2',
      streams: [services('two')],
    })
    assert.deepEqual(told(rows), ['b dns created recovered lb'])
    assert.deepEqual(
      (await store.stats()).inventory.map(({ objects }) => objects),
      [2],
    )
  })

  test('a watch without a successor leaves nothing to a stream that the agent goes on with', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb, nodes: lb }, { streams: [stream('one', 'lb'), stream('two', 'nodes')] }))
    const agent = await startAgent(store)
    await agent.send(
      [seen('a', list), seen('b', { ...list, s: 1, matches: ['nodes'] }), synced({ lb: 'd1' }), synced({ nodes: 'd1' }, 1)],
      { streams: [services('one'), services('two')] },
    )
    const streams = [stream('two', 'nodes'), stream('three', 'more')]
    await store.activate(activation({ nodes: lb, more: lb }, { plan: 'p2', streams }))
    const holds = async (id: string) => (await indexOf(store, { plan: 'p2', stream: id })).map(({ name }) => name)
    assert.deepEqual(await holds('three'), ['a'])
    assert.deepEqual(await holds('two'), ['b'])
  })

  test('what nobody inherits stays until its stream comes back', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const both = activation({ lb, nodes }, { streams: [stream('one', 'lb'), stream('two', 'nodes')] })
    await store.activate(both)
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })], { streams: [services('one')] })
    await store.activate({
      ...activation({ nodes }, { plan: 'p2', streams: [stream('two', 'nodes')] }),
      endpoints: ['cmdb', 'dns'],
    })
    assert.deepEqual(await indexOf(store, { plan: 'p2', stream: 'two' }), [])
    await store.activate(both)
    assert.equal((await indexOf(store, { stream: 'one' })).length, 1)
    assert.deepEqual(told(await agent.send([gone('a', list)], { streams: [services('one')] })), ['a dns deleted recovered lb'])
  })

  test('streams of other kinds inherit nothing', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb }, { streams: [stream('old', 'lb')] }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list)], { streams: [services('old')] })
    const streams = [{ id: 'd', resource: 'deployments.apps', watches: ['lb'] }]
    await store.activate(activation({ lb }, { plan: 'p2', streams }))
    assert.deepEqual(await indexOf(store, { plan: 'p2', stream: 'd' }), [])
  })

  test('many rows pass on in steps', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb }, { streams: [stream('old', 'lb')] }))
    const agent = await startAgent(store)
    const all = Array.from({ length: 4_000 }, (_, i) => seen(`o${i}`, list))
    await agent.send([...all, synced({ lb: 'd1' })], { streams: [services('old')] })
    await store.activate(activation({ lb }, { plan: 'p2', streams: [stream('new', 'lb')] }))
    const index = await indexOf(store, { plan: 'p2', stream: 'new' })
    assert.equal(new Set(index.map(({ uid }) => uid)).size, 4_000)
    const rows = await agent.send([seen('more', list)], { plan: 'p2', streams: [services('new')] })
    assert.deepEqual(told(rows), ['more dns created recovered lb'])
  })

  test('an index is asked for a plan that the hub made', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await assert.rejects(indexOf(store, { plan: 'p9' }), /expected a plan that this hub made, got p9/)
  })
}
