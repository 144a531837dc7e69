/** Scans and the hub's clock: when resyncs on a timer are due, and what counts as later than a scan. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createStore } from './front.ts'
import { openLocal } from './link/local.ts'
import { openMemoryStore } from './memory.ts'
import type { Store } from './store.ts'
import { activation, gone, scanAll, scanChunks, seen, services, startAgent, synced, told, watch } from './testing/world.ts'

const hour = 3_600_000
const periods = { lb: 12 * hour }
const watches = { lb: watch(), other: watch() }

async function withObject(store: Store): Promise<void> {
  await store.activate(activation(watches))
  const agent = await startAgent(store)
  await agent.send([seen('a', { cause: 'list' }), synced({ lb: 'd1', other: 'd1' })])
}

test('a resync is due when a period has passed since the pair began, at the latest, and only of watches that ask for it', async () => {
  let now = 1_000
  await using store = openMemoryStore({ now: () => now })
  await withObject(store)
  assert.deepEqual(await store.resyncDue(periods), [])
  now += 10 * hour
  assert.deepEqual(await store.resyncDue(periods), [])
  now += 2 * hour
  assert.deepEqual(await store.resyncDue({}), [])
  assert.deepEqual(await store.resyncDue(periods), ['dns'])
  assert.deepEqual(
    (await store.endpoint('dns')).scans.map((scan) => [scan.watch, scan.reason]),
    [['lb', 'resync']],
  )
  assert.deepEqual(told(await scanAll(store)), ['a dns updated resync lb'])
})

test('while a scan of the pair runs, none is due; and any scan begins the period anew', async () => {
  let now = 1_000
  await using store = openMemoryStore({ now: () => now })
  await withObject(store)
  now += 12 * hour
  await store.resync({ endpoint: 'dns', watch: 'lb' })
  now += 24 * hour
  assert.deepEqual(await store.resyncDue(periods), [])
  await scanAll(store)
  assert.deepEqual(await store.resyncDue(periods), ['dns'])
  await scanAll(store)
  now += 10 * hour
  assert.deepEqual(await store.resyncDue(periods), [])
})

test('resyncs go on although a marker waits for a kind that its cluster does not serve', async () => {
  let now = 1_000
  await using store = openMemoryStore({ now: () => now })
  const streams = [
    { id: 'served', resource: 'services', watches: ['lb'] },
    { id: 'unserved', resource: 'widgets.example.com', watches: ['lb'] },
  ]
  await store.activate({ ...activation({ lb: watch() }, { streams }), markers: ['dns'] })
  const agent = await startAgent(store)
  await agent.send([seen('a', { cause: 'list' }), synced({ lb: 'd1' })], { streams: [services('served')] })
  await scanChunks(store)
  assert.deepEqual(
    (await store.endpoint('dns')).scans.map(({ waiting }) => waiting),
    [true],
  )
  now += 24 * hour
  assert.deepEqual(await store.resyncDue(periods), ['dns'])
  assert.deepEqual(told(await scanAll(store)), ['a dns updated resync lb'])
  now += 24 * hour
  assert.deepEqual(await store.resyncDue(periods), ['dns'])
})

test('pairs that began together do not stay together', async () => {
  let now = 1_000
  await using store = openMemoryStore({ now: () => now })
  const names = Array.from({ length: 100 }, (_, i) => `w${i}`)
  await store.activate(activation(Object.fromEntries(names.map((name) => [name, watch()]))))
  const every = Object.fromEntries(names.map((name) => [name, 12 * hour]))
  const begun: number[] = []
  now += 12 * hour * 0.9
  for (let minutes = 0; minutes <= 72; minutes += 12) {
    await store.resyncDue(every)
    begun.push((await store.endpoint('dns')).scans.length)
    now += 12 * 60_000
  }
  assert.equal(begun.at(-1), 100)
  assert.ok(new Set(begun).size > 4, begun.join())
})

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-scans-'))
  return { file: join(dir, 'hub.db'), [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) }
}

test('a restart neither repeats a resync nor forgets one', async () => {
  await using disk = await folder()
  let now = 1_000
  const open = () => createStore(openLocal({ file: disk.file, now: () => now }))
  {
    await using store = open()
    await withObject(store)
    now += 12 * hour
    await store.resyncDue(periods)
    await scanAll(store)
  }
  await using store = open()
  await store.activate(activation(watches))
  assert.deepEqual(await store.resyncDue(periods), [])
  now += 12 * hour
  assert.deepEqual(await store.resyncDue(periods), ['dns'])
})

test('a row that comes after a restart counts as later than the scan, though the clock went back by a day', async () => {
  await using disk = await folder()
  let now = 48 * hour
  const open = () => createStore(openLocal({ file: disk.file, now: () => now }))
  {
    await using store = open()
    await withObject(store)
    now += hour
    await store.resync({ endpoint: 'dns', watch: 'lb' })
  }
  now -= 24 * hour
  await using store = open()
  const agent = await startAgent(store)
  const rows = await agent.send([seen('a', { change: 'modified', hash: 'h2' })])
  assert.deepEqual(told(rows), ['a dns updated - lb'])
  assert.deepEqual(told(await scanAll(store)), [])
})

test('a backlog that was dropped is not counted any more, however long it took to grow', async () => {
  let now = 1_000
  await using store = openMemoryStore({ now: () => now })
  await store.activate(activation(watches))
  const agent = await startAgent(store)
  for (const name of ['a', 'b', 'c']) {
    now += 60_000
    await agent.send([seen(name)])
  }
  now += 60_000
  await agent.send([gone('a')])
  assert.equal((await store.dropBacklog('dns')).dropped, 3)
  assert.deepEqual(
    (await store.stats()).endpoints.map(({ events, skipped }) => [events, skipped]),
    [[1, 3]],
  )
})
