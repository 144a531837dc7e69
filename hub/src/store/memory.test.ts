import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from './front.ts'
import { openLocal } from './link/local.ts'
import { openMemoryStore } from './memory.ts'
import { activation, readAll, seen, startAgent, watch } from './testing/world.ts'

test('a store in memory keeps the rules of the one on disk', async () => {
  await using store = openMemoryStore()
  await store.activate(activation({ lb: watch() }))
  const rows = await (await startAgent(store)).send([seen('a'), seen('b')])
  assert.deepEqual(await readAll(store), rows)
  assert.deepEqual(await store.rows(rows.map(({ sequence }) => sequence)), rows)
})

test('numbers follow the clock in microseconds, and rise when it goes back', async () => {
  let now = 5_000
  await using store = openMemoryStore({ now: () => now })
  await store.activate(activation({ lb: watch() }))
  const agent = await startAgent(store)
  const numbers = async (...names: readonly string[]) =>
    (await agent.send(names.map((name) => seen(name)))).map(({ sequence }) => sequence)
  assert.deepEqual(await numbers('a', 'b'), [5_000_000, 5_000_001])
  now = 1_000
  assert.deepEqual(await numbers('c'), [5_000_002])
  now = 6_000
  assert.deepEqual(await numbers('d'), [6_000_000])
})

test('what is passed over is not counted any more, however long ago it was appended', async () => {
  let now = 5_000_000
  const link = openLocal({ file: ':memory:', now: () => now })
  await using store = createStore(link)
  await store.activate(activation({ lb: watch() }))
  const agent = await startAgent(store)
  await agent.send([seen('other')])
  for (let version = 0; version < 5; version++) {
    now += 10_000
    await agent.send([seen('a', { hash: `h${version}` })])
  }
  await link.call('compact', { from: 0, upTo: await store.head(), merging: {} })
  assert.equal((await store.stats()).endpoints[0]?.events, 2)
  assert.deepEqual(
    (await link.call('read', { endpoint: 'dns', from: 0, limits: { rows: 10, bytes: 1e6 } })).rows.map(
      ({ object }) => object.name,
    ),
    ['other', 'a'],
  )
})

test('rows are pruned when their time has come', async () => {
  const naps = Promise.withResolvers<void>()
  const rounds: number[] = []
  await using store = openMemoryStore({
    retentionMs: -1_000,
    pruneEveryMs: 7,
    sleep: async (ms, signal) => {
      rounds.push(ms)
      if (rounds.length === 1) await naps.promise
      else await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  await store.activate(activation({ lb: watch({ endpoints: [] }) }))
  await (await startAgent(store)).send([seen('a')])
  naps.resolve()
  while (rounds.length < 2) await store.agents()
  assert.equal((await store.stats()).logRows, 0)
  assert.deepEqual(rounds, [7, 7])
})

test('calls that wait are counted before the question itself, and rows by where they were read', async () => {
  await using store = openMemoryStore({ tail: { rows: 1, bytes: 1e6 } })
  await store.activate(activation({ lb: watch() }))
  const [first] = await (await startAgent(store)).send([seen('a'), seen('b')])
  const calls = [store.agents(), store.paused()]
  const { callsWaiting } = await store.stats()
  await Promise.all(calls)
  assert.equal(callsWaiting, 2)
  assert.equal((await store.stats()).callsWaiting, 0)
  const limits = { rows: 10, bytes: 1e6 }
  await store.read('dns', 0, limits)
  assert.deepEqual((await store.stats()).reads, { memory: 0, disk: 2 })
  await store.read('dns', first?.sequence ?? 0, limits)
  assert.deepEqual((await store.stats()).reads, { memory: 1, disk: 2 })
})

test('every commit is counted by how long it took', async () => {
  await using store = openMemoryStore()
  await store.activate(activation({ lb: watch() }))
  const counted = async () => (await store.stats()).commits.counts.reduce((sum, each) => sum + each, 0)
  const before = await counted()
  await (await startAgent(store)).send([seen('a')])
  const { commits } = await store.stats()
  assert.ok((await counted()) > before)
  assert.equal(commits.counts.length, commits.boundsMs.length + 1)
  assert.ok(commits.sumMs > 0)
})
