/** Facts about telling an endpoint again what there is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { ClusterRoutes, Store } from '../../store.ts'
import {
  activation,
  bare,
  cluster,
  freezeChunk,
  gone,
  indexOf,
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
const lb = watch()
const stream = (id: string, ...watches: readonly string[]): ClusterRoutes['streams'][number] => ({
  id,
  resource: 'services',
  watches,
})

/** Three objects that `dns` knows by the watch `lb`. */
async function withObjects(store: Store, watches: Parameters<typeof activation>[0] = { lb }) {
  await store.activate(activation(watches))
  const agent = await startAgent(store)
  await agent.send([seen('a', list), seen('b', list), seen('c', list), synced({ lb: 'd1' })])
  return agent
}

/** Freezes a chunk of one object of the first scan. */
async function scanOne(store: Store, endpoint = 'dns'): Promise<readonly string[]> {
  const { scans, cursor } = await store.endpoint(endpoint)
  const id = scans[0]?.id ?? ''
  const chunk = await store.readScan(id, { rows: 1, bytes: 1e6 })
  await freezeChunk(store, { endpoint, cursor, id, chunk })
  return told(chunk.rows)
}

export function resyncFacts(lab: MakeLab): void {
  test('a resync tells everything once more, whatever events a watch tells', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withObjects(store, { lb: watch({ events: ['deleted'], initial: 'skip' }) })
    assert.deepEqual(await store.resync({ endpoint: 'dns' }), { begun: 1, running: 0 })
    assert.deepEqual(
      (await store.endpoint('dns')).scans.map(({ id: _, ...scan }) => scan),
      [{ endpoint: 'dns', watch: 'lb', cluster, reason: 'resync', sent: 0, total: 3 }],
    )
    assert.deepEqual(
      told(await scanAll(store, 'dns', 2)),
      ['a', 'b', 'c'].map((name) => `${name} dns updated resync lb`),
    )
    assert.deepEqual((await store.endpoint('dns')).scans, [])
  })

  test('a resync is of the pairs that fit, and of none where none does', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withObjects(store, { lb, other: watch(), quiet: watch({ endpoints: ['cmdb'] }) })
    const pairs = async (endpoint: string) => (await store.endpoint(endpoint)).scans.map((scan) => scan.watch)
    assert.deepEqual(await store.resync({ endpoint: 'dns', watch: 'quiet' }), { begun: 0, running: 0 })
    assert.deepEqual(await store.resync({ endpoint: 'dns', cluster: 'elsewhere' }), { begun: 0, running: 0 })
    assert.deepEqual(await store.resync({ endpoint: 'nobody' }), { begun: 0, running: 0 })
    assert.deepEqual(await store.resync({ endpoint: 'dns', watch: 'lb', cluster }), { begun: 1, running: 0 })
    assert.deepEqual([await pairs('dns'), await pairs('cmdb')], [['lb'], []])
    assert.deepEqual(await store.resync({ endpoint: 'dns' }), { begun: 2, running: 0 })
    assert.deepEqual(await pairs('dns'), ['lb', 'other'])
  })

  test('a resync of many pairs begins all of them', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const names = Array.from({ length: 30 }, (_, i) => `w${i}`)
    await withObjects(store, { lb, ...Object.fromEntries(names.map((name) => [name, watch()])) })
    assert.deepEqual(await store.resync({ endpoint: 'dns' }), { begun: 31, running: 0 })
    assert.deepEqual(new Set((await store.endpoint('dns')).scans.map((scan) => scan.watch)).size, 31)
  })

  test('a resync that runs begins anew; an initial scan that runs tells the same and is left alone', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withObjects(store)
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    await store.resync({ endpoint: 'dns' })
    for (const endpoint of ['cmdb', 'dns']) await scanOne(store, endpoint)
    assert.deepEqual(await store.resync({ endpoint: 'cmdb' }), { begun: 0, running: 1 })
    assert.deepEqual(await store.resync({ endpoint: 'dns' }), { begun: 1, running: 0 })
    const sent = async (endpoint: string) => (await store.endpoint(endpoint)).scans.map((scan) => [scan.reason, scan.sent])
    assert.deepEqual([await sent('cmdb'), await sent('dns')], [[['initial', 1]], [['resync', 0]]])
  })

  test('what changed after a resync began is left to the log, and what is gone is not told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withObjects(store)
    await store.resync({ endpoint: 'dns' })
    assert.deepEqual(await scanOne(store), ['a dns updated resync lb'])
    const rows = await agent.send([gone('b'), seen('c', { change: 'modified', hash: 'h2' }), gone('a'), seen('d')])
    assert.deepEqual(told(rows), ['b dns deleted - lb', 'c dns updated - lb', 'a dns deleted - lb', 'd dns created - lb'])
    assert.deepEqual(told(await scanAll(store)), [])
  })

  test('what changed is told by the resync where the watch tells no updates', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withObjects(store, { lb: watch({ events: ['created', 'deleted'] }) })
    await store.resync({ endpoint: 'dns' })
    await agent.send([seen('b', { change: 'modified', hash: 'h2' })])
    assert.deepEqual(
      (await scanAll(store)).map(({ object, body }) => [object.name, body.includes('h2')]),
      [
        ['a', false],
        ['b', true],
        ['c', false],
      ],
    )
  })

  test('a resync goes on after a crash behind the chunk that was frozen', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await withObjects(crashed.store)
    await crashed.store.resync({ endpoint: 'dns' })
    await scanOne(crashed.store)
    const { id } = (await crashed.store.endpoint('dns')).scans[0] ?? {}
    await crashed.kill()
    const { store } = await world.open()
    assert.deepEqual(
      (await store.endpoint('dns')).scans.map((scan) => [scan.id, scan.sent, scan.total]),
      [[id, 1, 3]],
    )
    assert.deepEqual(told(await scanAll(store)), ['b dns updated resync lb', 'c dns updated resync lb'])
  })

  test('a resync reads what a dropped stream holds until another one has taken it over', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb }, { streams: [stream('old', 'lb')] }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), seen('c', list), synced({ lb: 'd1' })], { streams: [services('old')] })
    await store.resync({ endpoint: 'dns' })
    await scanOne(store)
    await store.activate(activation({ lb }, { plan: 'p2', streams: [stream('new', 'lb')] }))
    assert.deepEqual(await scanOne(store), ['b dns updated resync lb'])
    await indexOf(store, { plan: 'p2', stream: 'new' })
    assert.deepEqual(told(await scanAll(store)), ['c dns updated resync lb'])
  })

  test('a watch that moves to another stream in mid-scan loses nothing, though the old stream stays', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const watches = { lb, audit: watch({ endpoints: ['cmdb'] }) }
    await store.activate(activation(watches, { streams: [stream('whole', 'audit', 'lb')] }))
    const agent = await startAgent(store)
    const both = { ...list, matches: ['audit', 'lb'] }
    const whole = { streams: [services('whole')] }
    await agent.send([seen('a', both), seen('b', both), seen('c', both), synced({ lb: 'd1', audit: 'd1' })], whole)
    await store.resync({ endpoint: 'dns' })
    await scanOne(store)
    const streams = [stream('small', 'lb'), stream('whole', 'audit')]
    await store.activate(activation(watches, { plan: 'p2', streams }))
    assert.deepEqual(await scanOne(store), ['b dns updated resync lb'])
    await indexOf(store, { plan: 'p2', stream: 'small' })
    const rows = await agent.send([gone('b', list)], { plan: 'p2', streams: [services('small')] })
    assert.deepEqual(told(rows), ['b dns deleted recovered lb'])
    await store.resync({ endpoint: 'dns' })
    assert.deepEqual(told(await scanAll(store)), ['a dns updated resync lb', 'c dns updated resync lb'])
  })

  test('a watch that is narrowed in mid-scan: what it lost is not told, and not told deleted', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withObjects(store)
    await store.resync({ endpoint: 'dns' })
    await scanOne(store)
    await store.activate(activation({ lb: watch({ definition: 'narrow' }) }, { plan: 'p2' }))
    assert.deepEqual(told(await agent.send([out('b', list), synced({ lb: 'narrow' })], { plan: 'p2' })), [])
    assert.deepEqual(told(await scanAll(store)), ['c dns updated resync lb'])
  })

  test('a resync ends when the endpoint leaves; when it comes back it is told everything', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withObjects(store)
    await store.resync({ endpoint: 'dns' })
    await scanOne(store)
    await store.activate({ ...activation({ lb }), endpoints: [] })
    assert.deepEqual((await store.endpoint('dns')).scans, [])
    await store.activate(activation({ lb }))
    assert.deepEqual(
      told(await scanAll(store)),
      ['a', 'b', 'c'].map((name) => `${name} dns created initial lb`),
    )
  })

  test('a resync names all watches of the endpoint that match, and leaves out what only others match', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await withObjects(store, { lb, nodes: watch(), quiet: watch({ endpoints: [] }) })
    await agent.send([bare('a', { change: 'modified', matches: ['lb', 'nodes', 'quiet'] }), seen('n', { matches: ['nodes'] })])
    await store.resync({ endpoint: 'dns', watch: 'lb' })
    assert.deepEqual(told(await scanAll(store)), [
      'a dns updated resync lb,nodes',
      'b dns updated resync lb',
      'c dns updated resync lb',
    ])
  })

  test('after a resync began, nothing that was told before is the base of a patch', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const lines = (n: number) => JSON.stringify({ spec: { lines: Array.from({ length: 100 }, (_, i) => `line ${i}`), n } })
    await store.activate({ ...activation({ lb }), deltas: ['dns'] })
    const agent = await startAgent(store)
    const changed = async (n: number) => {
      const rows = await agent.send([seen('a', { change: 'modified', hash: `v${n}`, body: lines(n) })])
      return rows.flatMap(({ routes }) => routes.map(({ delta }) => delta === true))
    }
    await agent.send([seen('a', { ...list, hash: 'v0', body: lines(0) }), synced({ lb: 'd1' })])
    assert.deepEqual(await changed(1), [true])
    await store.resync({ endpoint: 'dns' })
    assert.equal((await store.endpoint('dns')).doubted, await store.head())
    assert.deepEqual([await changed(2), await changed(3)], [[false], [true]])
  })
}
