/** Facts about the end of scans, for endpoints that want it marked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { Activation, Store, WatchRoute } from '../../store.ts'
import { activation, bare, cluster, gone, scanChunks, seen, services, startAgent, synced, told, watch } from '../world.ts'

const list = { cause: 'list' } as const
const marked = (
  watches: Readonly<Record<string, WatchRoute>> = { lb: watch() },
  over: Parameters<typeof activation>[1] = {},
): Activation => ({ ...activation(watches, over), markers: ['dns'] })

const markersOf = async (store: Store) => (await scanChunks(store)).flatMap(({ marker }) => marker ?? [])

export function markerFacts(lab: MakeLab): void {
  test('a resync ends with a marker: what is told since it began has a higher number', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(marked())
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })])
    await scanChunks(store)
    const before = await store.head()
    await store.resync({ endpoint: 'dns' })
    const rows = await agent.send([seen('c'), gone('a')])
    const chunks = await scanChunks(store)
    const [marker] = chunks.flatMap((chunk) => chunk.marker ?? [])
    assert.deepEqual(told(chunks.flatMap((chunk) => chunk.rows)), ['b dns updated resync lb'])
    assert.ok(marker !== undefined && marker.since > before && marker.since < (rows[0]?.sequence ?? 0))
    const { context, since: _, ...said } = marker
    assert.deepEqual(said, { watch: 'lb', cluster, sequence: await store.head(), count: 2 })
    assert.equal((await store.context(context)).cluster.name, cluster)
    assert.deepEqual((await store.endpoint('dns')).scans, [])
  })

  test('an endpoint that wants no markers gets none', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate({ ...marked(), markers: [] })
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    await store.resync({ endpoint: 'dns' })
    assert.deepEqual(await markersOf(store), [])
  })

  test('a watch that is new in the cluster is marked when the agent has compared it, and who waits is told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(marked())
    const agent = await startAgent(store)
    assert.deepEqual(await markersOf(store), [])
    const waiting = async () => (await store.endpoint('dns')).scans.map((scan) => scan.waiting)
    assert.deepEqual(await waiting(), [true])
    const heard: (readonly string[])[] = []
    using _listening = store.onAppend((_rows, ready) => void heard.push(ready))
    const rows = await agent.send([seen('a', list), seen('b', list)])
    assert.deepEqual(await waiting(), [true])
    await agent.send([synced({ lb: 'd1' })])
    assert.deepEqual(heard, [[], ['dns']])
    const [marker] = await markersOf(store)
    assert.ok(marker !== undefined && marker.since < (rows[0]?.sequence ?? 0))
    assert.equal(marker.count, 2)
    assert.deepEqual(await markersOf(store), [])
  })

  test('a resync takes the place of a scan that only waits for its marker', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(marked())
    const agent = await startAgent(store)
    await scanChunks(store)
    await agent.send([seen('a', list)])
    assert.deepEqual(await store.resync({ endpoint: 'dns' }), { begun: 1, running: 0 })
    const chunks = await scanChunks(store)
    assert.deepEqual(told(chunks.flatMap(({ rows }) => rows)), ['a dns updated resync lb'])
    await agent.send([synced({ lb: 'd1' })])
    assert.equal((await markersOf(store)).length, 1)
  })

  test('a watch of several kinds is marked when all of them were compared', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const streams = ['services', 'endpoints'].map((resource) => ({ id: resource, resource, watches: ['lb'] }))
    await store.activate(marked({ lb: watch() }, { streams }))
    const agent = await startAgent(store)
    const sent = { streams: [services('services'), { ...services('endpoints'), resource: 'endpoints' }] }
    await agent.send([seen('a', list), synced({ lb: 'd1' })], sent)
    assert.deepEqual(await markersOf(store), [])
    await agent.send([synced({ lb: 'd1' }, 1)], sent)
    assert.deepEqual(
      (await markersOf(store)).map(({ count }) => count),
      [1],
    )
  })

  test('a scan that waits for its marker holds up no other', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const kinds = { streams: [{ id: 's', resource: 'services', watches: ['lb'] }] }
    await store.activate(marked({ lb: watch() }, kinds))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })], { streams: [services('s')] })
    await scanChunks(store)
    const streams = [...kinds.streams, { id: 'p', resource: 'pods', watches: ['pods'] }]
    await store.activate(marked({ lb: watch(), pods: watch() }, { plan: 'p2', streams }))
    await store.resync({ endpoint: 'dns', watch: 'lb' })
    assert.deepEqual(
      (await markersOf(store)).map((marker) => marker.watch),
      ['lb'],
    )
    assert.deepEqual(
      (await store.endpoint('dns')).scans.map((scan) => [scan.watch, scan.waiting]),
      [['pods', true]],
    )
  })

  test('while a watch is compared under a new definition, its resync waits with the marker', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(marked())
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    await scanChunks(store)
    await store.activate(marked({ lb: watch({ definition: 'd2' }) }, { plan: 'p2' }))
    await store.resync({ endpoint: 'dns' })
    assert.deepEqual(await markersOf(store), [])
    await agent.send([synced({ lb: 'd2' })], { plan: 'p2' })
    assert.equal((await markersOf(store)).length, 1)
  })

  test('a scan with a marker also tells what only other watches of the endpoint match', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const watches = { lb: watch(), nodes: watch(), quiet: watch({ endpoints: [] }) }
    await store.activate(marked(watches))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), seen('q', { ...list, matches: ['quiet'] })])
    await agent.send([synced({ lb: 'd1', nodes: 'd1', quiet: 'd1' })])
    await scanChunks(store)
    // It passes from one watch to the other without an event, so the receiver still has it among those of `lb`.
    assert.deepEqual(told(await agent.send([bare('b', { change: 'modified', matches: ['nodes'] })])), [])
    await store.resync({ endpoint: 'dns', watch: 'lb' })
    assert.deepEqual((await store.endpoint('dns')).scans[0]?.total, 2)
    const chunks = await scanChunks(store)
    assert.deepEqual(told(chunks.flatMap(({ rows }) => rows)), ['a dns updated resync lb', 'b dns updated resync nodes'])
    assert.deepEqual(
      chunks.map(({ marker }) => marker?.count),
      [1],
    )
  })

  test('a scan waits for its marker over a crash', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(marked())
    await startAgent(crashed.store)
    await scanChunks(crashed.store)
    const { scans } = await crashed.store.endpoint('dns')
    await crashed.kill()
    const { store } = await world.open()
    await store.activate(marked())
    assert.deepEqual((await store.endpoint('dns')).scans, scans)
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    assert.equal((await markersOf(store)).length, 1)
  })
}
