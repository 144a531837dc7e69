/** Facts about passing over what waits for an endpoint. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { FrozenBatch, LogRow, Store } from '../../store.ts'
import { activation, freezeChunk, gone, readAll, scanAll, seen, startAgent, synced, told, watch } from '../world.ts'
import { parkingOf } from './parking.ts'

const list = { cause: 'list' } as const
const both = activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) })

/** a, b and c exist and were told; b is gone and c has changed since, d has come. */
async function withBacklog(store: Store) {
  await store.activate(both)
  const agent = await startAgent(store)
  const known = await agent.send([seen('a', list), seen('b', list), seen('c', list), synced({ lb: 'd1' })])
  await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: known.at(-1)?.sequence ?? 0 })
  const waiting = await agent.send([gone('b'), seen('c', { change: 'modified', hash: 'h2' }), seen('d')])
  return { agent, waiting }
}

const batchOf = (id: string, rows: readonly LogRow[], endpoint = 'dns'): FrozenBatch => ({
  id,
  createdAt: 5_000,
  members: rows.flatMap(({ sequence, routes }) =>
    routes.filter((route) => route.endpoint === endpoint).map(({ type, watches }) => ({ sequence, type, watches })),
  ),
  frame: '{}',
})

const eventsOf = async (store: Store, endpoint: string) =>
  (await store.stats()).endpoints.find((each) => each.endpoint === endpoint)?.events

const inventory = ['a dns updated resync lb', 'c dns updated resync lb', 'd dns updated resync lb']

export function dropFacts(lab: MakeLab): void {
  test('of what waits for an endpoint only deletions stay, and it is told again what there is', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { waiting } = await withBacklog(store)
    const { cursor } = await store.endpoint('dns')
    assert.deepEqual(await store.dropBacklog('dns'), { begun: 1, running: 0, dropped: 2 })
    assert.deepEqual(told(await readAll(store, 'dns', cursor)), ['b dns deleted - lb'].concat('b cmdb deleted - lb').sort())
    assert.deepEqual([await eventsOf(store, 'dns'), await eventsOf(store, 'cmdb')], [1, 6])
    assert.deepEqual(told(await scanAll(store)), inventory)
    assert.deepEqual(
      (await readAll(store, 'cmdb', cursor)).map(({ sequence }) => sequence),
      waiting.map(({ sequence }) => sequence),
    )
  })

  test('the same holds for rows that only the disk has', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await withBacklog(crashed.store)
    await crashed.kill()
    const { store } = await world.open()
    const { cursor } = await store.endpoint('dns')
    assert.equal((await store.dropBacklog('dns')).dropped, 2)
    assert.equal((await readAll(store, 'dns', cursor)).length, 1)
    assert.deepEqual(told(await scanAll(store)), inventory)
  })

  test('frozen batches keep their deletions, under other ids; those of scans go', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { waiting } = await withBacklog(store)
    const [b, c, d] = waiting
    if (b === undefined || c === undefined || d === undefined) throw new Error('expected three rows')
    const scanned = { ...batchOf('scanned', [c]), payload: '{}' }
    const batches = [batchOf('deletions', [b]), scanned, batchOf('mixed', [b, c]), batchOf('others', [c, d])]
    await store.freeze({ endpoint: 'dns', settled: [], batches, cursor: d.sequence })
    assert.deepEqual(await store.dropBacklog('dns'), { begun: 1, running: 0, dropped: 3 })
    const left = (await store.endpoint('dns')).batches
    assert.deepEqual(
      left.map(({ members }) => members.map(({ type, sequence }) => [type, sequence])),
      [[['deleted', b.sequence]], [['deleted', b.sequence]]],
    )
    assert.deepEqual(
      left.map(({ id }) => id === 'mixed' || id.includes('.')),
      [false, false],
    )
    assert.equal(left[0]?.id, 'deletions')
    assert.deepEqual(told(await scanAll(store)), inventory)
  })

  test('of parked events only deletions stay, as they are; so does what tells a deletion of a dead letter', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { waiting } = await withBacklog(store)
    const [b, c, d] = waiting
    if (b === undefined || c === undefined || d === undefined) throw new Error('expected three rows')
    const parkedAs = (id: string, row: LogRow) => ({ ...batchOf(id, [row]), payload: 'x', parking: parkingOf(id) })
    const batches = [parkedAs('stays', b), parkedAs('goes', c), { ...batchOf('replay', [b, d]), payload: 'x' }]
    await store.freeze({ endpoint: 'dns', settled: [], batches, cursor: d.sequence })
    assert.deepEqual(await store.dropBacklog('dns'), { begun: 1, running: 0, dropped: 1 })
    assert.deepEqual((await store.endpoint('dns')).batches, [batches[0], batches[2]])
    assert.deepEqual(told(await scanAll(store)), inventory)
  })

  test('many frozen batches are dropped by steps, and keep their order', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { waiting } = await withBacklog(store)
    const [b, c, d] = waiting
    if (b === undefined || c === undefined || d === undefined) throw new Error('expected three rows')
    const batches = Array.from({ length: 2_500 }, (_, i) => batchOf(`${i}`, [i % 500 === 0 ? b : c]))
    await store.freeze({ endpoint: 'dns', settled: [], batches, cursor: d.sequence })
    assert.equal((await store.dropBacklog('dns')).dropped, 2_495)
    const left = (await store.endpoint('dns')).batches
    assert.deepEqual(
      left.map(({ id }) => id),
      ['0', '500', '1000', '1500', '2000'],
    )
  })

  test('an initial scan that runs begins anew, because what it had sent may have been dropped', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })])
    await store.activate(both)
    const { scans, cursor } = await store.endpoint('cmdb')
    const id = scans[0]?.id ?? ''
    const chunk = await store.readScan(id, { rows: 1, bytes: 1e6 })
    await freezeChunk(store, { endpoint: 'cmdb', cursor, id, chunk })
    await agent.send([seen('b', { change: 'modified', hash: 'h2' })])
    assert.deepEqual(await store.dropBacklog('cmdb'), { begun: 0, running: 1, dropped: 1 })
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb created initial lb', 'b cmdb created initial lb'])
  })

  test('a drop of a long backlog goes by steps, and what comes meanwhile stays', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { agent } = await withBacklog(store)
    for (let i = 0; i < 4; i++) await agent.send(Array.from({ length: 400 }, (_, n) => seen(`o${i}-${n}`)))
    const { cursor } = await store.endpoint('dns')
    const dropping = store.dropBacklog('dns')
    const later = agent.send([seen('later')])
    const { dropped } = await dropping
    await later
    const left = (await readAll(store, 'dns', cursor)).map(({ object }) => object.name)
    const scanned = (await scanAll(store)).map(({ object }) => object.name)
    assert.equal(dropped + left.length, 4 + 1_600)
    assert.deepEqual([left[0], new Set([...left, ...scanned]).size], ['b', 1_605])
  })

  test('what was passed over is counted, and no patch is based on it', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await withBacklog(store)
    await store.dropBacklog('dns')
    assert.equal((await store.endpoint('dns')).doubted, await store.head())
    assert.equal((await store.stats()).endpoints.find(({ endpoint }) => endpoint === 'dns')?.skipped, 2)
  })

  for (const [does, over] of [
    ['skips what is there', { initial: 'skip' }],
    ['tells no creations', { events: ['updated', 'deleted'] }],
  ] as const)
    test(`a drop during an initial scan of a watch that now ${does} loses nothing`, async () => {
      await using world = await lab()
      const { store } = await world.open()
      await store.activate(activation({ lb: watch() }))
      const agent = await startAgent(store)
      await agent.send([seen('a', list), synced({ lb: 'd1' })])
      await store.activate(both)
      assert.equal((await store.endpoint('cmdb')).scans.length, 1)
      await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'], ...over }) }))
      const changed = { change: 'modified', hash: 'h2' } as const
      await agent.send([seen('a', changed), seen('b'), seen('b', changed)])
      await store.dropBacklog('cmdb')
      const heard = [...(await scanAll(store, 'cmdb')), ...(await readAll(store, 'cmdb'))]
      assert.deepEqual(heard.map(({ object }) => object.name).sort(), ['a', 'b'])
    })
}
