/** Facts about commits: what an Activation changes, and what it must not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import {
  activation,
  bare,
  cluster,
  gone,
  indexOf,
  join,
  out,
  readAll,
  scanAll,
  seen,
  services,
  startAgent,
  synced,
  told,
  watch,
} from '../world.ts'

const list = { cause: 'list' } as const

export function activationFacts(lab: MakeLab): void {
  test('the same Activation again changes nothing', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const same = activation({ lb: watch() })
    await store.activate(same)
    const agent = await startAgent(store)
    await agent.send([seen('shop'), synced({ lb: 'd1' })])
    await store.activate(same)
    await store.activate(structuredClone(same))
    const { scans, cursor } = await store.endpoint('dns')
    assert.deepEqual({ scans, cursor }, { scans: [], cursor: 0 })
    assert.deepEqual(told(await agent.send([gone('shop')])), ['shop dns deleted - lb'])
  })

  test('a new endpoint begins at the head of the log', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const [row] = await agent.send([seen('shop')])
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    assert.equal((await store.endpoint('cmdb')).cursor, row?.sequence)
  })

  test('an endpoint that was never activated is not known', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await assert.rejects(store.endpoint('dns'), /expected an endpoint that was activated once, got dns/)
  })

  test('a renamed watch says nothing, and goes on where the old one was', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a'), seen('b'), synced({ lb: 'd1' })])
    await store.activate(activation({ balancers: watch() }, { plan: 'p2' }))
    const plan = { plan: 'p2' }
    const now = { matches: ['balancers'], ...list, change: 'modified' } as const
    assert.deepEqual(told(await agent.send([bare('a', now), bare('b', now), synced({ balancers: 'd1' })], plan)), [])
    assert.deepEqual((await store.endpoint('dns')).scans, [])
    const rows = await agent.send([seen('a', { matches: ['balancers'], hash: 'h2' }), gone('b')], plan)
    assert.deepEqual(told(rows), ['a dns updated - balancers', 'b dns deleted - balancers'])
  })

  test('a narrowed watch deletes nothing, and its objects are forgotten', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch({ definition: 'wide' }) }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'wide' })])
    await store.activate(activation({ lb: watch({ definition: 'narrow' }) }, { plan: 'p2' }))
    assert.deepEqual(told(await agent.send([out('b', list), synced({ lb: 'narrow' })], { plan: 'p2' })), [])
    assert.deepEqual(
      (await indexOf(store, { plan: 'p2' })).map(({ name }) => name),
      ['a'],
    )
  })

  test('a deletion while a watch is narrowed is still told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch({ definition: 'wide' }) }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'wide' })])
    await store.activate(activation({ lb: watch({ definition: 'narrow' }) }, { plan: 'p2' }))
    assert.deepEqual(told(await agent.send([gone('a', list)], { plan: 'p2' })), ['a dns deleted recovered lb'])
  })

  test('what a widened watch takes in is initial; what it had stays silent', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch({ definition: 'narrow' }) }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'narrow' })])
    await store.activate(activation({ lb: watch({ definition: 'wide' }) }, { plan: 'p2' }))
    const rows = await agent.send([seen('b', list), synced({ lb: 'wide' })], { plan: 'p2' })
    assert.deepEqual(told(rows), ['b dns created initial lb'])
    assert.deepEqual(told(await agent.send([seen('c', list)], { plan: 'p2' })), ['c dns created recovered lb'])
  })

  test('initial: skip keeps silent about what is there, and tells it whole when it changes', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch({ initial: 'skip' }) }))
    const agent = await startAgent(store)
    assert.deepEqual(told(await agent.send([seen('a', list), synced({ lb: 'd1' })])), [])
    const rows = await agent.send([seen('a', { hash: 'h2', change: 'modified' })])
    assert.deepEqual(told(rows), ['a dns updated - lb'])
  })

  test('a changed projection tells only what differs', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })])
    const stream = 'services-pruned'
    await store.activate(
      activation({ lb: watch() }, { plan: 'p2', streams: [{ id: stream, resource: 'services', watches: ['lb'] }] }),
    )
    await indexOf(store, { plan: 'p2', stream })
    const pruned = seen('a', { ...list, hash: 'pruned', change: 'modified' })
    const rows = await agent.send([pruned, synced({ lb: 'd1' })], { plan: 'p2', streams: [services(stream)] })
    assert.deepEqual(told(rows), ['a dns updated projection lb'])
  })

  test('removing an endpoint from a watch says nothing to it; its cursor stays', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const both = activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) })
    await store.activate(both)
    const agent = await startAgent(store)
    const [row] = await agent.send([seen('a'), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb'] }) }))
    assert.deepEqual(told(await agent.send([gone('a')])), ['a cmdb deleted - lb'])
    assert.equal((await store.endpoint('dns')).cursor, 0)
    assert.deepEqual(await readAll(store, 'dns'), [row])
  })

  test('an endpoint that is removed and comes back is told what is there', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const both = activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) })
    await store.activate(both)
    const agent = await startAgent(store)
    await agent.send([seen('a'), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb'] }) }))
    await agent.send([seen('b')])
    await store.activate(both)
    assert.deepEqual(told(await scanAll(store)), ['a dns created initial lb', 'b dns created initial lb'])
  })

  test('a watch that is removed and comes back heals: what changed meanwhile is told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const first = activation({ lb: watch() })
    await store.activate(first)
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })])
    await store.activate({ endpoints: ['dns'], clusters: [] })
    await store.activate(first)
    assert.equal((await indexOf(store)).length, 2)
    const rows = await agent.send([gone('a', list), seen('b', { ...list, hash: 'h2', resourceVersion: '2', change: 'modified' })])
    assert.deepEqual(told(rows), ['a dns deleted recovered lb', 'b dns updated recovered lb'])
  })

  test('changed metadata concerns later events', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const labelled = (env: string) =>
      activation({ lb: watch({ metadata: { env } }) }, { context: { name: cluster, labels: { env }, metadata: {} } })
    await store.activate(labelled('test'))
    const agent = await startAgent(store)
    const [before] = await agent.send([seen('a')])
    await store.activate(labelled('prod'))
    const [after] = await agent.send([seen('b')])
    const contextOf = (key = '') => store.context(key)
    assert.deepEqual(await contextOf(before?.context), {
      cluster: { name: cluster, uid: 'uid-of-prod-eu-1', labels: { env: 'test' }, metadata: {} },
      watches: { lb: { env: 'test' } },
    })
    assert.deepEqual((await contextOf(after?.context)).cluster.labels, { env: 'prod' })
  })

  test('a cluster that was rebuilt under its name has its new uid in later events', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    await (await startAgent(store)).send([seen('a')])
    await join(store, cluster, 'another-uid')
    const [row] = await (await startAgent(store)).send([seen('b')])
    assert.equal((await store.context(row?.context ?? '')).cluster.uid, 'another-uid')
  })

  test('an endpoint that begins to hear a watch is told by the log what a frame of an older plan brings after its scan', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    const other = watch({ definition: 'other', endpoints: ['dns'] })
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }), other }, { plan: 'p2' }))
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb created initial lb'])
    const late = await agent.send([seen('b'), seen('a', { hash: 'h2', change: 'modified' })])
    assert.deepEqual(told(late), ['b cmdb created - lb', 'b dns created - lb', 'a cmdb updated - lb', 'a dns updated - lb'])
  })

  test('a frame of an older plan means what it meant where the watch is another one now', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch({ definition: 'd2', endpoints: ['cmdb', 'dns'] }) }, { plan: 'p2' }))
    assert.deepEqual(told(await agent.send([seen('b')])), ['b dns created - lb'])
  })
}
