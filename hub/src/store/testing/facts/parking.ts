/** Facts about batches whose place others take, and about parked ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link } from '../../link/link.ts'
import type { MakeLab } from '../../store.contract.ts'
import type { FrozenBatch, LogRow, Parking, Store } from '../../store.ts'
import { activation, gone, seen, startAgent, watch } from '../world.ts'
import { sweep } from './compaction.ts'

export const parkingOf = (object: string, over: Partial<Parking> = {}): Parking => ({
  object,
  firstAttemptAt: 4_000,
  attempts: 3,
  nextAttemptAt: 9_000.5,
  reason: 'it says 400 Bad Request',
  ...over,
})

const membersOf = (rows: readonly Pick<LogRow, 'sequence'>[], type: 'created' | 'deleted' = 'created') =>
  rows.map(({ sequence }) => ({ sequence, type, watches: ['lb'] }))

const batch = (id: string, over: Partial<FrozenBatch> = {}): FrozenBatch => ({
  ...{ id, createdAt: 5_000, members: [], frame: '{}' },
  ...over,
})
const parked = (id: string, object: string, over: Partial<FrozenBatch> = {}): FrozenBatch =>
  batch(id, { payload: `{"of":"${object}"}\t{}`, parking: parkingOf(object), ...over })

const step = (store: Store, over: Partial<Parameters<Store['freeze']>[0]>) =>
  store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 0, ...over })

const ids = async (store: Store) => (await store.endpoint('dns')).batches.map(({ id }) => id)

async function opened(lab: MakeLab) {
  const world = await lab()
  const { store, link } = await world.open()
  await store.activate(activation({ lb: watch() }))
  return { world, store, link }
}

const prune = async (link: Link) => {
  while (await link.call('prune', { retentionMs: 0, whateverAge: true }));
}

export function parkingFacts(lab: MakeLab): void {
  test('those that replace a batch stand where it stood, however often', async () => {
    const { world, store } = await opened(lab)
    await using _world = world
    await step(store, { batches: [batch('a'), batch('b'), batch('c')] })
    await step(store, { replaced: [{ id: 'b', by: [batch('b1'), batch('b2')] }], batches: [batch('d')] })
    await step(store, { replaced: [{ id: 'b1', by: [batch('b11'), batch('b12')] }] })
    await step(store, { replaced: [{ id: 'b12', by: [batch('only')] }] })
    assert.deepEqual(await ids(store), ['a', 'b11', 'only', 'b2', 'c', 'd'])
    await step(store, { replaced: [{ id: 'b11', by: [] }], settled: ['a', 'd'] })
    assert.deepEqual(await ids(store), ['only', 'b2', 'c'])
  })

  test('a batch that is not there cannot be replaced, and then nothing of the step is done', async () => {
    const { world, store } = await opened(lab)
    await using _world = world
    await step(store, { batches: [batch('a')] })
    await assert.rejects(step(store, { settled: ['a'], replaced: [{ id: 'gone', by: [batch('b')] }] }), /batch gone of dns/)
    assert.deepEqual(await ids(store), ['a'])
  })

  test('a parked batch comes back as it stands now, also after a crash', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation({ lb: watch() }))
    await step(crashed.store, { batches: [batch('a'), parked('p', 'shop')] })
    const later = parkingOf('shop', { attempts: 4, nextAttemptAt: 20_000, reason: 'it timed out', status: 504 })
    await step(crashed.store, { parking: [{ id: 'p', parking: later }] })
    await crashed.kill()
    const { store } = await world.open()
    assert.deepEqual((await store.endpoint('dns')).batches, [batch('a'), { ...parked('p', 'shop'), parking: later }])
    const { endpoints } = await store.stats()
    const bytes = Buffer.byteLength(parked('p', 'shop').payload ?? '')
    assert.deepEqual(endpoints[0]?.parked, { objects: 1, bytes })
  })

  test('an object with several parked events counts once, and none of them as backlog', async () => {
    const { world, store } = await opened(lab)
    await using _world = world
    const rows = await (await startAgent(store)).send([seen('a'), seen('b')])
    const [a, b] = [membersOf(rows.slice(0, 1)), membersOf(rows.slice(1))]
    const batches = [
      parked('p1', 'a', { members: a }),
      parked('p2', 'a', { members: a }),
      parked('p3', 'b', { members: b, payload: 'größer' }),
    ]
    await step(store, { batches, cursor: rows[1]?.sequence ?? 0 })
    const [backlog] = (await store.stats()).endpoints
    const bytes = 2 * Buffer.byteLength(batches[0]?.payload ?? '') + 'größer'.length + 2
    assert.deepEqual(backlog?.parked, { objects: 2, bytes })
    assert.deepEqual([backlog.events, backlog.oldestAt], [0, undefined])
  })

  test('a parked batch needs a payload, and one that is not there cannot be parked', async () => {
    const { world, store } = await opened(lab)
    await using _world = world
    await assert.rejects(step(store, { batches: [batch('a', { parking: parkingOf('shop') })] }), /expected a payload of batch a/)
    await assert.rejects(step(store, { parking: [{ id: 'b', parking: parkingOf('shop') }] }), /expected batch b of dns/)
  })

  test('what is parked does not keep the log', async () => {
    const { world, store, link } = await opened(lab)
    await using _world = world
    const [row] = await (await startAgent(store)).send([seen('a')])
    if (row === undefined) throw new Error('expected a row')
    await step(store, { batches: [batch('a', { members: membersOf([row]) })], cursor: row.sequence })
    await prune(link)
    assert.equal((await store.stats()).logRows, 1)
    await step(store, { replaced: [{ id: 'a', by: [parked('p', 'a', { members: membersOf([row]) })] }], cursor: row.sequence })
    await prune(link)
    assert.equal((await store.stats()).logRows, 0)
    assert.equal((await store.endpoint('dns')).batches[0]?.payload, parked('p', 'a').payload)
  })

  test('halves of a batch keep the rows that they are rendered from', async () => {
    const { world, store, link } = await opened(lab)
    await using _world = world
    const rows = await (await startAgent(store)).send([seen('a'), seen('b')])
    const cursor = rows[1]?.sequence ?? 0
    await step(store, { batches: [batch('both', { members: membersOf(rows) })], cursor })
    const by = [batch('a', { members: membersOf(rows.slice(0, 1)) }), batch('b', { members: membersOf(rows.slice(1)) })]
    await step(store, { replaced: [{ id: 'both', by }], cursor })
    await prune(link)
    assert.deepEqual(await store.rows(rows.map(({ sequence }) => sequence)), rows)
    await step(store, { settled: ['a'], cursor })
    await prune(link)
    assert.equal((await store.stats()).logRows, 1)
  })

  test('a row that was passed over is not parked either: it is read again', async () => {
    const { world, store, link } = await opened(lab)
    await using _world = world
    const rows = await (await startAgent(store)).send([seen('a'), gone('a')])
    await sweep(link, {})
    const batches = [parked('p', 'a', { members: membersOf(rows.slice(0, 1)) })]
    assert.equal(await step(store, { batches, cursor: rows[0]?.sequence ?? 0 }), 'read-again')
    assert.deepEqual(await ids(store), [])
  })

  test('nor does one take the place of a parked one', async () => {
    const { world, store, link } = await opened(lab)
    await using _world = world
    await step(store, { batches: [parked('p', 'a')] })
    const rows = await (await startAgent(store)).send([seen('a'), gone('a')])
    await sweep(link, {})
    const by = [parked('q', 'a', { members: membersOf(rows.slice(0, 1)) })]
    assert.equal(await step(store, { replaced: [{ id: 'p', by }], cursor: rows[0]?.sequence ?? 0 }), 'read-again')
    assert.deepEqual(await ids(store), ['p'])
  })

  test('however much is parked, an endpoint gets all of it back in its order', async () => {
    const { world, store } = await opened(lab)
    await using _world = world
    const payload = 'x'.repeat(1024 * 1024)
    const batches = Array.from({ length: 20 }, (_, i) => parked(`p${i}`, `o${i}`, { payload }))
    const attempts = batches.map(({ id }, at) => ({ ...attempt, batch: id, at }))
    await step(store, { batches })
    await step(store, { attempts })
    const state = await store.endpoint('dns')
    assert.deepEqual(
      state.batches.map(({ id }) => id),
      batches.map(({ id }) => id),
    )
    assert.equal(state.tried?.size, 20)
  })

  test('how often a batch was tried, and since when, is known until it is settled', async () => {
    const { world, store } = await opened(lab)
    await using _world = world
    await step(store, { batches: [batch('a'), batch('b')] })
    await step(store, {
      attempts: [
        { ...attempt, at: 100 },
        { ...attempt, at: 200 },
        { ...attempt, batch: 'unknown' },
      ],
    })
    await step(store, { attempts: [{ ...attempt, at: 300 }] })
    assert.deepEqual((await store.endpoint('dns')).tried, new Map([['a', { attempts: 3, firstAt: 100 }]]))
    await step(store, { settled: ['a'] })
    assert.equal((await store.endpoint('dns')).tried, undefined)
  })

  test('where an endpoint stands is told without its batches', async () => {
    const { world, store } = await opened(lab)
    await using _world = world
    await step(store, { batches: [batch('a')], cursor: 7 })
    assert.deepEqual(await store.standing('dns'), { cursor: 7, doubted: 0, scans: [] })
  })
}

const attempt = {
  ...{ batch: 'a', at: 1_000, durationMs: 12.5, events: 1, bytes: 200, outcome: 'http_5xx', resends: 0 },
} as const
