/** Facts about compaction: what is passed over, what has to stay, and what a courier that read before is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link } from '../../link/link.ts'
import type { MakeLab } from '../../store.contract.ts'
import type { FrozenBatch, LogRow, Store } from '../../store.ts'
import { activation, bodyOf, gone, indexOf, out, readAll, seen, startAgent, synced, told, watch } from '../world.ts'

/** One whole sweep over everything. */
export async function sweep(link: Link, merging?: { readonly endpoint?: string }, upTo = Number.MAX_SAFE_INTEGER): Promise<void> {
  for (let from: number | undefined = 0; from !== undefined; ) {
    const step: { readonly next?: number } = await link.call('compact', { from, upTo, ...(merging && { merging }) })
    from = step.next
  }
}

const pass = (store: Store, endpoint: string, row: LogRow | undefined, batches: readonly FrozenBatch[] = []) =>
  store.freeze({ endpoint, settled: [], batches, cursor: row?.sequence ?? 0 })

const batchOf = (row: LogRow | undefined): FrozenBatch => ({
  id: `batch-${row?.sequence}`,
  createdAt: 1,
  members: [{ sequence: row?.sequence ?? 0, type: 'created', watches: ['lb'] }],
  frame: '{}',
})

const logged = async (store: Store, rows: readonly LogRow[]) =>
  (await store.rows(rows.map(({ sequence }) => sequence))).map(({ sequence }) =>
    rows.findIndex((row) => row.sequence === sequence),
  )

export function compactionFacts(lab: MakeLab): void {
  test('what waits comes to the newest state of each object, with the transition that the endpoint has to make', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const [first] = await agent.send([seen('had'), seen('left'), seen('back')])
    await pass(store, 'dns', (await readAll(store)).at(-1))
    const rows = await agent.send([
      seen('had', { hash: 'h2', change: 'modified' }),
      seen('new'),
      seen('new', { hash: 'h2', change: 'modified' }),
      seen('had', { hash: 'h3', change: 'modified' }),
      seen('came'),
      gone('came'),
      seen('left', { hash: 'h2', change: 'modified' }),
      gone('left'),
      out('back'),
      seen('back', { hash: 'h2', change: 'modified' }),
    ])
    await sweep(link, {})
    const waiting = await store.read('dns', first?.sequence ?? 0, { rows: 100, bytes: 1e9, upTo: Number.MAX_SAFE_INTEGER })
    assert.ok(waiting.rows.length > 0)
    const onDisk = (await store.rows(rows.map(({ sequence }) => sequence))).filter(({ routes }) => routes.length > 0)
    assert.deepEqual(told(onDisk), [
      'new dns created - lb',
      'had dns updated - lb',
      'left dns deleted - lb',
      'back dns updated - lb',
    ])
    const [backlog] = (await store.stats()).endpoints
    assert.deepEqual([backlog?.events, backlog?.skipped], [4, 6])
  })

  test('a row goes with its body when nobody needs it, and the totals follow', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('a'), seen('b'), seen('a', { hash: 'h2', change: 'modified' })])
    await pass(store, 'cmdb', rows[2])
    await sweep(link)
    assert.deepEqual(await logged(store, rows), [0, 1, 2])
    await sweep(link, { endpoint: 'cmdb' })
    assert.deepEqual(await logged(store, rows), [0, 1, 2])
    await sweep(link, { endpoint: 'dns' })
    assert.deepEqual(await logged(store, rows), [1, 2])
    const { logRows, logBytes } = await store.stats()
    assert.deepEqual([logRows, logBytes], [2, 1_200 + Buffer.byteLength(bodyOf('b')) + Buffer.byteLength(bodyOf('a', 'h2'))])
    await pass(store, 'dns', rows[2])
    await sweep(link)
    assert.deepEqual(await logged(store, rows), [])
    assert.deepEqual((await store.stats()).logBytes, 0)
    assert.deepEqual(
      (await indexOf(store)).map(({ name }) => name),
      ['a', 'b'],
    )
  })

  test('each endpoint is compacted from its own cursor', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const rows = await (await startAgent(store)).send([
      seen('a'),
      seen('a', { hash: 'h2', change: 'modified' }),
      seen('a', { hash: 'h3', change: 'modified' }),
    ])
    await pass(store, 'cmdb', rows[0])
    await sweep(link, {})
    assert.deepEqual(told(await store.rows(rows.map(({ sequence }) => sequence))), ['a cmdb updated - lb', 'a dns created - lb'])
  })

  test('rows of a frozen batch stay, and so do rows behind the limit', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const rows = await (await startAgent(store)).send([
      seen('a'),
      seen('a', { hash: 'h2', change: 'modified' }),
      seen('a', { hash: 'h3', change: 'modified' }),
      seen('a', { hash: 'h4', change: 'modified' }),
    ])
    await pass(store, 'dns', rows[0], [batchOf(rows[0])])
    await sweep(link, {}, rows[2]?.sequence)
    assert.deepEqual(await logged(store, rows), [0, 2, 3])
    await store.freeze({ endpoint: 'dns', settled: [batchOf(rows[0]).id], batches: [], cursor: 0 })
    await sweep(link, {})
    assert.deepEqual(await logged(store, rows), [3])
  })

  test('equal uids in two clusters are two objects', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const lb = watch()
    const both = activation({ lb })
    const other = both.clusters.map((routes) => ({ ...routes, cluster: 'prod-us-1' }))
    await store.activate({ ...both, clusters: [...both.clusters, ...other] })
    const rows = [
      ...(await (await startAgent(store)).send([seen('a')])),
      ...(await (await startAgent(store, 'prod-us-1')).send([seen('a')])),
    ]
    await sweep(link, {})
    assert.equal((await store.rows(rows.map(({ sequence }) => sequence))).length, 2)
  })

  test('what was read before it was passed over is not frozen, and nothing else of that step is written', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const rows = await (await startAgent(store)).send([seen('a'), seen('b'), gone('b'), seen('a', { hash: 'h2' })])
    await sweep(link, {})
    for (const row of rows.slice(0, 2)) assert.equal(await pass(store, 'dns', row, [batchOf(row)]), 'read-again')
    assert.deepEqual((await store.endpoint('dns')).batches, [])
    assert.equal((await store.endpoint('dns')).cursor < (rows[0]?.sequence ?? 0), true)
    assert.equal(await pass(store, 'dns', rows[3], [batchOf(rows[3])]), 'frozen')
  })

  test('what is frozen may be frozen again in another form', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const rows = await (await startAgent(store)).send([
      seen('a'),
      seen('b'),
      seen('b', { hash: 'h2' }),
      seen('b', { hash: 'h3' }),
    ])
    await pass(store, 'dns', rows[0], [batchOf(rows[0])])
    await sweep(link, {})
    const again = { ...batchOf(rows[0]), id: 'again' }
    const step = { endpoint: 'dns', settled: [batchOf(rows[0]).id], batches: [again], cursor: rows[0]?.sequence ?? 0 }
    assert.equal(await store.freeze(step), 'frozen')
  })

  test('a chunk of a scan that is older than a compaction is read again', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const [created] = await agent.send([seen('a')])
    const head = created?.sequence ?? 0
    await agent.send([gone('a')])
    await sweep(link, {})
    const scan = { id: 's', position: 'uid-a', sent: 1, done: false }
    const chunk = { ...batchOf(created), payload: '{}' }
    assert.equal(await store.freeze({ endpoint: 'dns', settled: [], batches: [chunk], cursor: head, scan }), 'read-again')
  })

  test('what a replay tells that is older than a compaction is read again', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const [created] = await agent.send([seen('a')])
    const cursor = created?.sequence ?? 0
    await agent.send([gone('a')])
    await sweep(link, {})
    const batches = [{ ...batchOf(created), payload: '{}' }]
    assert.equal(await store.freeze({ endpoint: 'dns', settled: [], batches, cursor, replayed: ['l'] }), 'read-again')
    assert.deepEqual((await store.endpoint('dns')).batches, [])
  })

  test('a body that only the inventory named is let go when its object changes', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch(), quiet: watch({ endpoints: [] }) }))
    const agent = await startAgent(store)
    await agent.send([seen('waits'), seen('a', { matches: ['quiet'] })])
    await sweep(link)
    const before = await link.call('room', undefined)
    await agent.send(
      Array.from({ length: 40 }, (_, i) => seen('a', { matches: ['quiet'], hash: `h${i}`, body: 'x'.repeat(200_000) })),
    )
    await sweep(link)
    const { freeBytes } = await link.call('room', undefined)
    assert.ok(
      freeBytes > before.freeBytes + 38 * 200_000,
      `expected the bodies of 39 versions to be free, got ${freeBytes} bytes`,
    )
  })

  test('what was passed over is counted with the step that passes it', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 1, skipped: 3 })
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 1, skipped: 2 })
    assert.equal((await store.stats()).endpoints[0]?.skipped, 5)
  })

  test('an object that a narrower watch took in silence, and that comes and goes while it waits, is told deleted', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const list = { cause: 'list' } as const
    const under = (definition: string, plan: string) => store.activate(activation({ lb: watch({ definition }) }, { plan }))
    await under('wide', 'p1')
    const agent = await startAgent(store)
    const [known] = await agent.send([seen('a', list), synced({ lb: 'wide' })])
    await pass(store, 'dns', known)
    await under('narrow', 'p2')
    assert.deepEqual(told(await agent.send([out('a', list), synced({ lb: 'narrow' })], { plan: 'p2' })), [])
    await under('wide', 'p3')
    const rows = await agent.send([seen('a', list), synced({ lb: 'wide' }), gone('a')], { plan: 'p3' })
    assert.deepEqual(told(rows), ['a dns created initial lb', 'a dns deleted - lb'])
    await sweep(link, {})
    assert.deepEqual(told(await store.rows(rows.map(({ sequence }) => sequence))), ['a dns deleted - lb'])
  })
}
