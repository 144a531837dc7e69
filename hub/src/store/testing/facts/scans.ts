/** Facts about scans. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { Store, WatchRoute } from '../../store.ts'
import {
  activation,
  bare,
  bodyOf,
  cluster,
  gone,
  out,
  scanAll,
  seen,
  services,
  startAgent,
  synced,
  told,
  watch,
} from '../world.ts'

const list = { cause: 'list' } as const
const both = (over: Partial<WatchRoute> = {}) => activation({ lb: watch({ ...over, endpoints: ['cmdb', 'dns'] }) })
const one = (over: Partial<WatchRoute> = {}) => activation({ lb: watch({ ...over, endpoints: ['dns'] }) })

/** Three objects that `dns` knows, and `cmdb` begins to hear their watch. */
async function withNewEndpoint(store: Store, over: Partial<WatchRoute> = {}) {
  await store.activate(one(over))
  const agent = await startAgent(store)
  await agent.send([seen('a', list), seen('b', list), seen('c', list), synced({ lb: 'd1' })])
  await store.activate(both(over))
  return agent
}

export function scanFacts(lab: MakeLab): void {
  test('an endpoint that begins to hear a known watch gets a scan of what is there', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withNewEndpoint(store)
    const { scans } = await store.endpoint('cmdb')
    assert.deepEqual(
      scans.map(({ id, ...scan }) => ({ ...scan, idWithoutDot: !id.includes('.') })),
      [{ endpoint: 'cmdb', watch: 'lb', cluster, reason: 'initial', sent: 0, total: 3, idWithoutDot: true }],
    )
    assert.deepEqual((await store.endpoint('dns')).scans, [])
    const rows = await scanAll(store, 'cmdb')
    assert.deepEqual(told(rows), ['a cmdb created initial lb', 'b cmdb created initial lb', 'c cmdb created initial lb'])
    assert.deepEqual(
      rows.map(({ body }) => body),
      [bodyOf('a'), bodyOf('b'), bodyOf('c')],
    )
    assert.deepEqual((await store.endpoint('cmdb')).scans, [])
  })

  test('a scanned row carries the number of its last log row and the context of now', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withNewEndpoint(store)
    const logged = await store.tail(0, 10)
    const scanned = await scanAll(store, 'cmdb')
    assert.deepEqual(
      scanned.map(({ sequence, object, stream }) => ({ sequence, object, stream })),
      logged.map(({ sequence, object, stream }) => ({ sequence, object, stream })),
    )
    assert.equal((await store.context(scanned[0]?.context ?? '')).cluster.name, cluster)
  })

  test('a watch that is new in the cluster needs no scan: the first comparison brings it through the log', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(both())
    const agent = await startAgent(store)
    assert.deepEqual((await store.endpoint('cmdb')).scans, [])
    assert.deepEqual(told(await agent.send([seen('a', list)])), ['a cmdb created initial lb', 'a dns created initial lb'])
  })

  test('an endpoint that comes in the middle of a first comparison misses nothing', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(one())
    const agent = await startAgent(store)
    await agent.send([seen('a', list)])
    await store.activate(both())
    const rest = await agent.send([seen('b', list), synced({ lb: 'd1' })])
    assert.deepEqual(told(rest), ['b cmdb created initial lb', 'b dns created initial lb'])
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb created initial lb'])
  })

  test('initial: skip, and a watch that tells no creations, need no scan', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withNewEndpoint(store, { initial: 'skip' })
    assert.deepEqual((await store.endpoint('cmdb')).scans, [])
    await using other = await lab()
    const { store: deaf } = await other.open()
    await withNewEndpoint(deaf, { events: ['updated', 'deleted'] })
    assert.deepEqual((await deaf.endpoint('cmdb')).scans, [])
  })

  test('what changed since the scan began was told by the log, and is left out', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withNewEndpoint(store)
    const rows = await agent.send([seen('b', { change: 'modified', hash: 'h2' }), gone('c'), seen('d')])
    assert.deepEqual(
      told(rows).filter((line) => line.includes('cmdb')),
      ['b cmdb updated - lb', 'c cmdb deleted - lb', 'd cmdb created - lb'],
    )
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb created initial lb'])
  })

  test('what changed is scanned all the same where the watch tells no updates', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withNewEndpoint(store, { events: ['created', 'deleted'] })
    await agent.send([seen('b', { change: 'modified', hash: 'h2' })])
    const rows = await scanAll(store, 'cmdb')
    assert.deepEqual(
      rows.map(({ object, body }) => [object.name, body]),
      [
        ['a', bodyOf('a')],
        ['b', bodyOf('b', 'h2')],
        ['c', bodyOf('c')],
      ],
    )
  })

  test('an object with a change that is not for the endpoint is scanned all the same', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const others = { quiet: watch({ endpoints: [] }) }
    await store.activate(activation({ lb: watch(), ...others }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1', quiet: 'd1' })])
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }), ...others }))
    assert.deepEqual(told(await agent.send([bare('a', { change: 'modified', matches: ['lb', 'quiet'] })])), [])
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb created initial lb'])
  })

  test('an object that the log tells as created is not scanned again, also where updates are not told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withNewEndpoint(store, { events: ['created', 'deleted'] })
    assert.deepEqual(told(await agent.send([seen('d')])), ['d cmdb created - lb', 'd dns created - lb'])
    assert.deepEqual(
      (await scanAll(store, 'cmdb')).map(({ object }) => object.name),
      ['a', 'b', 'c'],
    )
  })

  test('a chunk is read at the head of the log, and goes on behind the one that was frozen', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withNewEndpoint(store)
    const [scan] = (await store.endpoint('cmdb')).scans
    const id = scan?.id ?? ''
    const first = await store.readScan(id, { rows: 2, bytes: 1e6 })
    assert.deepEqual([first.head, first.rows.length, first.done], [await store.head(), 2, false])
    assert.deepEqual(await store.readScan(id, { rows: 2, bytes: 1e6 }).then(({ rows }) => told(rows)), told(first.rows))
    const step = { endpoint: 'cmdb', settled: [], batches: [], cursor: first.head }
    await store.freeze({ ...step, scan: { id, position: first.position, sent: 2, done: first.done } })
    assert.deepEqual(
      (await store.endpoint('cmdb')).scans.map(({ sent, total }) => [sent, total]),
      [[2, 3]],
    )
    const second = await store.readScan(id, { rows: 2, bytes: 1e6 })
    assert.deepEqual([told(second.rows), second.done], [['c cmdb created initial lb'], true])
  })

  test('a chunk holds at least one object, however large', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withNewEndpoint(store)
    const [scan] = (await store.endpoint('cmdb')).scans
    const { rows, done } = await store.readScan(scan?.id ?? '', { rows: 10, bytes: 1 })
    assert.deepEqual([rows.length, done], [1, false])
  })

  test('a large scan comes in chunks, each object once', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch(), all: watch() }))
    const agent = await startAgent(store)
    const objects = Array.from({ length: 6_000 }, (_, i) =>
      seen(`o${i}`, { ...list, matches: i % 3 === 0 ? ['all', 'lb'] : ['all'] }),
    )
    await agent.send([...objects, synced({ lb: 'd1', all: 'd1' })])
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }), all: watch() }))
    const rows = await scanAll(store, 'cmdb', 700)
    assert.equal(rows.length, 2_000)
    assert.equal(new Set(rows.map(({ object }) => object.uid)).size, 2_000)
  })

  test('a scan names all watches of the endpoint that match', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const others = { nodes: watch({ endpoints: ['cmdb'] }), quiet: watch({ endpoints: [] }) }
    await store.activate({ ...activation({ lb: watch(), ...others }), endpoints: ['cmdb', 'dns'] })
    const agent = await startAgent(store)
    await agent.send([seen('a', { ...list, matches: ['lb', 'nodes', 'quiet'] }), synced({ lb: 'd1', nodes: 'd1', quiet: 'd1' })])
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }), ...others }))
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb created initial lb,nodes'])
  })

  test('a scan ends with what it was for', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withNewEndpoint(store)
    const [scan] = (await store.endpoint('cmdb')).scans
    await store.activate({ ...one(), endpoints: ['cmdb', 'dns'] })
    assert.deepEqual((await store.endpoint('cmdb')).scans, [])
    const chunk = await store.readScan(scan?.id ?? '', { rows: 10, bytes: 1e6 })
    assert.deepEqual([chunk.rows, chunk.done], [[], true])
    const late = { id: scan?.id ?? '', position: 'x', sent: 1, done: false }
    await store.freeze({ endpoint: 'cmdb', settled: [], batches: [], cursor: chunk.head, scan: late })
    assert.deepEqual((await store.endpoint('cmdb')).scans, [])
  })

  test('objects that no longer match are not scanned', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withNewEndpoint(store)
    await agent.send([out('a'), gone('b')])
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['c cmdb created initial lb'])
  })

  test('a watch with a new definition is scanned once it was compared under it', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(one())
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })])
    await store.activate(both({ definition: 'd2' }))
    assert.deepEqual(told(await scanAll(store, 'cmdb')), [])
    const [scan] = (await store.endpoint('cmdb')).scans
    assert.equal(scan?.waiting, true)
    const early = await store.readScan(scan?.id ?? '', { rows: 10, bytes: 1e6 })
    assert.deepEqual([early.rows, early.done, early.waiting], [[], false, true])
    assert.deepEqual(told(await agent.send([out('b', list), synced({ lb: 'd2' })])), [])
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb created initial lb'])
  })

  test('an object that a stream has only for another one until that took it over is scanned wherever a chunk ends', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const watches = { lb: watch(), other: watch({ endpoints: ['cmdb'] }) }
    const stream = (id: string, ...of: readonly string[]) => ({ id, resource: 'services', watches: of })
    await store.activate(activation(watches, { streams: [stream('whole', 'lb'), stream('small', 'other')] }))
    const agent = await startAgent(store)
    const names = Array.from({ length: 2_600 }, (_, i) => `o${String(i).padStart(4, '0')}`)
    const whole = names.map((name) => seen(name, list))
    await agent.send([...whole, synced({ lb: 'd1' })], { streams: [services('whole')] })
    // without the first one, so that the last object of a chunk has its other row behind the end
    const small = names.slice(1).map((name) => seen(name, { ...list, matches: ['other'] }))
    await agent.send([...small, synced({ other: 'd1' })], { streams: [services('small')] })
    await store.activate(activation(watches, { plan: 'p2', streams: [stream('small', 'lb', 'other')] }))
    await store.resync({ endpoint: 'dns' })
    assert.equal((await scanAll(store, 'dns', 100_000)).length, names.length)
  })
}
