/** Facts about retention: what leaves the log, and what has to stay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link } from '../../link/link.ts'
import type { MakeLab } from '../../store.contract.ts'
import type { FrozenBatch, LogRow, Store } from '../../store.ts'
import { activation, bodyOf, gone, indexOf, scanAll, seen, services, startAgent, synced, told, watch } from '../world.ts'

/** As if the retention were over at once. `staleMs` @default 7 days */
async function pruneAll(link: Link, over: { readonly staleMs?: number } = {}): Promise<void> {
  while (await link.call('prune', { retentionMs: -1_000, ...over }));
}

const pass = (store: Store, endpoint: string, rows: readonly LogRow[], batches: readonly FrozenBatch[] = []) =>
  store.freeze({ endpoint, settled: [], batches, cursor: rows.at(-1)?.sequence ?? 0 })

const logged = async (store: Store, rows: readonly LogRow[]) =>
  (await store.rows(rows.map(({ sequence }) => sequence))).map(({ object }) => object.name)

export function retentionFacts(lab: MakeLab): void {
  test('rows leave the log when every endpoint has passed them and they are old enough', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const rows = await (await startAgent(store)).send([seen('a'), seen('b'), seen('c')])
    await pass(store, 'dns', rows)
    await pass(store, 'cmdb', rows.slice(0, 2))
    await link.call('prune', { retentionMs: 60_000 })
    assert.deepEqual(await logged(store, rows), ['a', 'b', 'c'])
    await pruneAll(link)
    assert.deepEqual(await logged(store, rows), ['c'])
    const { logRows, logBytes } = await store.stats()
    assert.deepEqual([logRows, logBytes], [1, 600 + Buffer.byteLength(bodyOf('c'))])
  })

  test('rows that are not for an endpoint do not wait for it', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch(), quiet: watch({ endpoints: ['cmdb'] }) }))
    const rows = await (await startAgent(store)).send([seen('a'), seen('b')])
    await pass(store, 'dns', rows)
    await pruneAll(link)
    assert.deepEqual(await logged(store, rows), [])
  })

  test('a frozen batch keeps its rows until it is settled', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const rows = await (await startAgent(store)).send([seen('a'), seen('b')])
    const members = rows.slice(1).map(({ sequence }) => ({ sequence, type: 'created' as const, watches: ['lb'] }))
    await pass(store, 'dns', rows, [{ id: 'x', createdAt: 1, members, frame: '{}' }])
    await pruneAll(link)
    assert.deepEqual(await logged(store, rows), ['b'])
    await store.freeze({ endpoint: 'dns', settled: ['x'], batches: [], cursor: 0 })
    await pruneAll(link)
    assert.deepEqual(await logged(store, rows), [])
  })

  test('a frozen batch with its own bytes keeps nothing', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const rows = await (await startAgent(store)).send([seen('a')])
    const members = rows.map(({ sequence }) => ({ sequence, type: 'created' as const, watches: ['lb'] }))
    await pass(store, 'dns', rows, [{ id: 'x', createdAt: 1, members, frame: '{}', payload: '{}' }])
    await pruneAll(link)
    assert.deepEqual(await logged(store, rows), [])
  })

  test('the inventory keeps its bodies when their rows are gone, and lets them go when they change', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('a'), seen('b'), seen('c'), synced({ lb: 'd1' })])
    await pass(store, 'dns', rows)
    await pruneAll(link)
    assert.equal((await store.stats()).logRows, 0)
    const later = await agent.send([gone('a'), seen('b', { hash: 'h2', change: 'modified' })])
    assert.deepEqual(
      later.map(({ body }) => body),
      [bodyOf('a'), bodyOf('b', 'h2')],
    )
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    assert.deepEqual(
      (await scanAll(store, 'cmdb')).map(({ body }) => body),
      [bodyOf('b', 'h2'), bodyOf('c')],
    )
  })

  test('an emptied log does not reuse its numbers', async () => {
    await using world = await lab()
    const first = await world.open()
    await first.store.activate(activation({ lb: watch() }))
    const rows = await (await startAgent(first.store)).send([seen('a')])
    await pass(first.store, 'dns', rows)
    await pruneAll(first.link)
    await first.store[Symbol.asyncDispose]()
    const { store } = await world.open()
    assert.equal(await store.head(), rows[0]?.sequence)
    const [next] = await (await startAgent(store)).send([seen('b')])
    assert.ok((next?.sequence ?? 0) > (rows[0]?.sequence ?? 0))
  })

  test('an endpoint that left keeps its rows for the retention, then is forgotten', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const rows = await (await startAgent(store)).send([seen('a')])
    await pass(store, 'dns', rows)
    await store.activate(activation({ lb: watch() }))
    await link.call('prune', { retentionMs: 60_000 })
    assert.equal((await store.endpoint('cmdb')).cursor, 0)
    await pruneAll(link)
    await assert.rejects(store.endpoint('cmdb'), /activated once/)
    assert.deepEqual(await logged(store, rows), [])
  })

  test('what no plan has any more stays for its retention, so that a commit that is taken back changes nothing', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const lb = watch({ endpoints: [] })
    await store.activate(activation({ lb }))
    const agent = await startAgent(store)
    await agent.send([seen('a'), seen('b'), synced({ lb: 'd1' })])
    await store.activate({ endpoints: [], clusters: [] })
    while (await link.call('prune', { retentionMs: 60_000, staleMs: 60_000 }));
    await store.activate(activation({ lb }))
    while (await link.call('prune', { retentionMs: -1_000, staleMs: -1_000 }));
    assert.deepEqual(
      (await indexOf(store)).map(({ name }) => name),
      ['a', 'b'],
    )
    const [again] = await agent.send([seen('a', { hash: 'h2', cause: 'list', change: 'modified' })])
    assert.deepEqual(again?.matches, ['lb'])
  })

  test('after it, its objects, their bodies and the plans of clusters that are gone go, in small chunks', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const lb = watch({ endpoints: ['dns'] })
    await store.activate(activation({ lb }))
    const agent = await startAgent(store)
    const names = Array.from({ length: 1_200 }, (_, i) => `o${i}`)
    await pass(store, 'dns', await agent.send(names.map((name) => seen(name, { body: 'x'.repeat(5_000) }))))
    await pruneAll(link)
    await store.activate({ endpoints: ['dns'], clusters: [] })
    const counts: number[] = []
    while (await link.call('prune', { retentionMs: -1_000, staleMs: -1_000 }))
      counts.push((await store.stats()).inventory[0]?.objects ?? 0)
    assert.deepEqual(counts, [700, 200, 0])
    const { freeBytes } = await link.call('room', undefined)
    assert.ok(freeBytes > 1_200 * 5_000, `expected the bodies to be gone, got ${freeBytes} free bytes`)
    assert.equal((await store.append('prod-eu-1', agent.frame([seen('a')]))).kind, 'refused')
    await store.activate(activation({ lb }))
    assert.deepEqual(await indexOf(store), [])
    assert.deepEqual((await store.endpoint('dns')).scans, [])
  })

  test('a stream that a commit drops is stale, the others of its cluster are not', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const both = { streams: [services('one'), services('two')] }
    const streams = (...ids: readonly string[]) => ({
      streams: ids.map((id) => ({ id, resource: id === 'one' ? 'services' : 'other', watches: ['lb'] })),
    })
    const lb = watch({ endpoints: [] })
    await store.activate(activation({ lb }, streams('one', 'two')))
    const agent = await startAgent(store)
    await agent.send([seen('a', { s: 0 }), seen('b', { s: 1 })], both)
    await store.activate(activation({ lb }, { plan: 'p2', ...streams('two') }))
    while (await link.call('prune', { retentionMs: -1_000, staleMs: -1_000 }));
    assert.deepEqual(
      (await store.stats()).inventory.map(({ objects }) => objects),
      [1],
    )
    assert.deepEqual(
      (await indexOf(store, { plan: 'p2', stream: 'two' })).map(({ name }) => name),
      ['b'],
    )
  })

  test('many rows leave in small chunks', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: [] }) }))
    await (await startAgent(store)).send(Array.from({ length: 1_200 }, (_, i) => seen(`o${i}`)))
    const counts: number[] = []
    while (await link.call('prune', { retentionMs: -1_000 })) counts.push((await store.stats()).logRows)
    assert.deepEqual(counts, [700, 200, 0])
    assert.equal((await indexOf(store)).length, 1_200)
  })

  test('contexts stay as long as a row or a plan names them', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const attached = (asset: string) => activation({ lb: watch({ metadata: { asset } }) })
    await store.activate(attached('one'))
    const agent = await startAgent(store)
    const [old] = await agent.send([seen('a')])
    await store.activate(attached('two'))
    await pruneAll(link)
    const key = old?.context ?? ''
    assert.deepEqual((await link.call('context', key)).watches, { lb: { asset: 'one' } })
    const rows = await agent.send([seen('b')])
    await pass(store, 'dns', rows)
    await pruneAll(link)
    await assert.rejects(link.call('context', key), /expected a context that a row of the log names/)
    const [next] = await agent.send([seen('c')])
    assert.deepEqual((await link.call('context', next?.context ?? '')).watches, { lb: { asset: 'two' } })
  })

  test('a context that a plan takes up again stays', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const attached = (asset: string) => activation({ lb: watch({ endpoints: [], metadata: { asset } }) })
    await store.activate(attached('one'))
    const agent = await startAgent(store)
    await agent.send([seen('a')])
    await store.activate(attached('two'))
    await store.activate(attached('one'))
    await agent.send([seen('b')])
    await pruneAll(link)
    const [row] = await agent.send([seen('c')])
    assert.deepEqual((await link.call('context', row?.context ?? '')).watches, { lb: { asset: 'one' } })
  })

  test('what is stale for long stays while an agent that is away has yet to take it over', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const of = (plan: string, stream: string) =>
      activation({ lb: watch() }, { plan, streams: [{ id: stream, resource: 'services', watches: ['lb'] }] })
    await store.activate(of('p1', 'old'))
    const agent = await startAgent(store)
    await pass(store, 'dns', await agent.send([seen('a'), seen('b'), synced({ lb: 'd1' })], { streams: [services('old')] }))
    await store.activate(of('p2', 'new'))
    await pruneAll(link, { staleMs: -1_000 })
    const index = await indexOf(store, { plan: 'p2', stream: 'new' })
    assert.deepEqual(
      index.map(({ name }) => name),
      ['a', 'b'],
    )
    const anew = { plan: 'p2', streams: [services('new')] }
    assert.deepEqual(told(await agent.send([gone('b', { cause: 'list' })], anew)), ['b dns deleted recovered lb'])
    await agent.send([synced({ lb: 'd1' })], anew)
    await pruneAll(link, { staleMs: -1_000 })
    assert.deepEqual(
      (await store.stats()).inventory.map(({ objects }) => objects),
      [1],
    )
  })

  test('a stream that comes back when some of it was dropped is compared as if for the first time', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const skipping = activation({ lb: watch({ initial: 'skip' }) })
    await store.activate(skipping)
    const agent = await startAgent(store)
    const objects = Array.from({ length: 600 }, (_, i) => seen(`o${String(i).padStart(3, '0')}`, { cause: 'list' }))
    await agent.send([...objects, synced({ lb: 'd1' })])
    await store.activate({ endpoints: ['dns'], clusters: [] })
    const left = async () => (await store.stats()).inventory[0]?.objects ?? 0
    while ((await left()) === objects.length) await link.call('prune', { retentionMs: -1_000, staleMs: -1_000 })
    assert.ok((await left()) > 0)
    await store.activate(skipping)
    assert.deepEqual(told(await agent.send(objects.slice(0, 1))), [])
  })
}
