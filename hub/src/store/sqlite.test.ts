import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { integer, object } from '@watch-hub/shared/protocol/decode'
import { openDatabase } from './engine/database.ts'
import { createStore } from './front.ts'
import { openLocal } from './link/local.ts'
import { openThread } from './link/thread.ts'
import { openStore, refuseSecond } from './sqlite.ts'
import { storeContract } from './store.contract.ts'
import { sweep } from './testing/facts/compaction.ts'
import {
  activation,
  bare,
  cluster,
  gone,
  indexOf,
  join as joinHub,
  readAll,
  scanChunks,
  seen,
  services,
  startAgent,
  synced,
  told,
  watch,
} from './testing/world.ts'

const fileIn = (dir: string) => join(dir, 'store.db')

storeContract('SQLite in a thread', async (dir) => {
  const link = await openThread({ file: fileIn(dir) })
  return { link, store: createStore(link), kill: link.kill }
})

storeContract('SQLite in this thread', async (dir) => {
  const link = openLocal({ file: fileIn(dir) })
  return { link, store: createStore(link), kill: async () => {} }
})

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'watch-hub-sqlite-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** As `restore` does. */
function beginAnotherHistory(dir: string): void {
  using db = openDatabase(fileIn(dir))
  db.exec("DELETE FROM meta WHERE key = 'generation'")
}

test('the files of a store are readable by their owner alone, and its folder is made', async () => {
  await using dir = await folder()
  const data = join(dir.path, 'data')
  await using store = await openStore({ file: fileIn(data) })
  await store.activate(activation({ lb: watch() }))
  const files = await readdir(data)
  assert.deepEqual(files.sort(), ['store.db', 'store.db-shm', 'store.db-wal'])
  for (const file of files) assert.equal((await stat(join(data, file))).mode & 0o777, 0o600, file)
})

test('a store that is closed leaves one file', async () => {
  await using dir = await folder()
  const store = await openStore({ file: fileIn(dir.path) })
  await store.activate(activation({ lb: watch() }))
  await store[Symbol.asyncDispose]()
  assert.deepEqual(await readdir(dir.path), ['store.db'])
})

test('a body is let go when neither the log nor the inventory names it', async () => {
  await using dir = await folder()
  const link = openLocal({ file: fileIn(dir.path) })
  const stream = (id: string) => ({ streams: [{ id, resource: 'services', watches: ['lb'] }] })
  const pruneAll = async () => {
    while (await link.call('prune', { retentionMs: -1_000 }));
  }
  {
    await using store = createStore(link)
    const lb = watch({ endpoints: [] })
    await store.activate(activation({ lb }, { plan: 'p1', ...stream('one') }))
    const agent = await startAgent(store)
    await agent.send([seen('a'), seen('b'), seen('c'), seen('d', { hash: 'x' })], { streams: [services('one')] })
    await pruneAll()
    await store.activate(activation({ lb }, { plan: 'p2', ...stream('two') }))
    const two = { plan: 'p2', streams: [services('two')] }
    await agent.send([seen('d', { hash: 'y' })], two)
    await indexOf(store, { plan: 'p2', stream: 'two' })
    await agent.send([gone('a'), seen('b', { hash: 'h2' }), bare('c', { matches: ['lb', 'more'] })], two)
    await pruneAll()
  }
  using db = openDatabase(fileIn(dir.path))
  const named = db.query(
    'SELECT (SELECT count(*) FROM bodies) AS bodies, count(*) AS objects FROM inventory',
    object({ bodies: integer, objects: integer }),
  )
  assert.deepEqual(named.get(), { bodies: 3, objects: 3 })
})

test('in a database of another history, the number of a process says nothing beside those that were given before', async () => {
  await using dir = await folder()
  {
    await using store = await openStore({ file: fileIn(dir.path) })
    await joinHub(store)
    for (let i = 0; i < 12; i++) await store.openProcess(cluster, 0)
  }
  beginAnotherHistory(dir.path)
  await using store = await openStore({ file: fileIn(dir.path) })
  assert.partialDeepStrictEqual(await store.openProcess(cluster, 6, { generation: 'one between' }), {
    kind: 'opened',
    process: 13,
  })
})

const list = { cause: 'list' } as const

for (const [what, lost] of [
  ['waits in the copy', { before: [seen('a')], after: [gone('a', list), synced({ lb: 'd1' })] }],
  ['the copy does not know', { before: [], after: [seen('a', list), synced({ lb: 'd1' }), gone('a')] }],
] as const)
  test(`what was told in the time that a restore lost: an object that ${what} is told deleted, though it waits`, async () => {
    await using dir = await folder()
    {
      await using store = await openStore({ file: fileIn(dir.path) })
      await store.activate(activation({ lb: watch() }))
      await (await startAgent(store)).send([seen('x', list), synced({ lb: 'd1' }), ...lost.before])
    }
    beginAnotherHistory(dir.path)
    const link = openLocal({ file: fileIn(dir.path) })
    await using store = createStore(link)
    await store.activate(activation({ lb: watch() }))
    await (await startAgent(store, cluster, { lost: true })).send(lost.after)
    await sweep(link, {})
    const left = await store.rows((await readAll(store)).map(({ sequence }) => sequence))
    assert.ok(
      told(left).some((line) => line.startsWith('a dns deleted')),
      `expected a deletion of a, got ${told(left).join('; ')}`,
    )
  })

test('after a restore no marker says what is there before the agent has compared again', async () => {
  await using dir = await folder()
  const marked = { ...activation({ lb: watch() }), markers: ['dns'] }
  {
    await using store = await openStore({ file: fileIn(dir.path) })
    await store.activate(marked)
    await (await startAgent(store)).send([seen('a', list), synced({ lb: 'd1' })])
    await scanChunks(store)
  }
  beginAnotherHistory(dir.path)
  await using store = await openStore({ file: fileIn(dir.path) })
  await store.activate(marked)
  const counts = async () => (await scanChunks(store)).flatMap(({ marker }) => marker?.count ?? [])
  await store.resync({ endpoint: 'dns' })
  assert.deepEqual(await counts(), [])
  const agent = await startAgent(store, cluster, { lost: true })
  await agent.send([seen('made in the lost time', list), synced({ lb: 'd1' })])
  assert.deepEqual(await counts(), [2])
})

test('after a restore, what passes to a new stream is in doubt, also where its first comparison had not ended', async () => {
  await using dir = await folder()
  const of = (plan: string, stream: string) =>
    activation({ lb: watch() }, { plan, streams: [{ id: stream, resource: 'services', watches: ['lb'] }] })
  {
    await using store = await openStore({ file: fileIn(dir.path) })
    await store.activate(of('p1', 'old'))
    await (await startAgent(store)).send([seen('a', list)], { streams: [services('old')] })
  }
  beginAnotherHistory(dir.path)
  await using store = await openStore({ file: fileIn(dir.path) })
  await store.activate(of('p2', 'new'))
  assert.equal((await indexOf(store, { plan: 'p2', stream: 'new' })).length, 1)
  assert.equal(await store.isDoubted({ cluster, stream: 'new' }), true)
})

test('a file of a newer release is refused', async () => {
  await using dir = await folder()
  {
    using db = openDatabase(fileIn(dir.path))
    db.exec('PRAGMA user_version = 99')
  }
  await assert.rejects(openStore({ file: fileIn(dir.path) }), ({ message, cause }: Error) => {
    assert.match(message, /cannot open the store in .*store\.db/)
    assert.ok(cause instanceof Error)
    assert.match(cause.message, /expected a database of schema \d+ or older, got 99: a newer release wrote it, run that one/)
    return true
  })
})

test('a file that is no database is refused', async () => {
  await using dir = await folder()
  await writeFile(fileIn(dir.path), 'not a database, but long enough to be looked at as one'.repeat(20))
  await assert.rejects(openStore({ file: fileIn(dir.path) }), ({ cause }: Error) => {
    assert.match(String(cause), /not a database/)
    return true
  })
})

test('a store whose file another one has opened ends, and says why', async () => {
  await using dir = await folder()
  await using first = await openStore({ file: fileIn(dir.path) })
  await using _second = await openStore({ file: fileIn(dir.path) })
  await assert.rejects(first.activate(activation({ lb: watch() })), /expected to be the only hub that writes here/)
  await assert.rejects(first.ended, ({ message, cause }: Error) => {
    assert.match(message, /cannot go on with the store in .*store\.db/)
    assert.match(String(cause), /another process has opened it: stop one of them/)
    return true
  })
})

test('another program that has the file is refused to be joined by a second hub', async () => {
  await using dir = await folder()
  refuseSecond(fileIn(dir.path))
  {
    await using _first = await openStore({ file: fileIn(dir.path) })
    assert.throws(
      () => refuseSecond(fileIn(dir.path)),
      /expected a database that no other program has open, but one has: stop the other hub/,
    )
  }
  refuseSecond(fileIn(dir.path))
})

test('when the thread dies, what waits fails, and so does what comes later', async () => {
  await using dir = await folder()
  const link = await openThread({ file: fileIn(dir.path) })
  await using store = createStore(link)
  await store.activate(activation({ lb: watch() }))
  const agent = await startAgent(store)
  const waiting = store.append('prod-eu-1', agent.frame(Array.from({ length: 5_000 }, (_, i) => seen(`o${i}`))))
  await Promise.all([link.kill(), assert.rejects(waiting, /the store's thread ended/)])
  await assert.rejects(store.agents(), /cannot ask the store for agents/)
  await assert.rejects(store.ended, /the store's thread ended/)
})
