import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { object, string } from '@watch-hub/shared/protocol/decode'
import { openDatabase, readDatabase } from '../engine/database.ts'
import { openStore } from '../sqlite.ts'
import type { Store } from '../store.ts'
import { die, letter } from '../testing/facts/dead-letters.ts'
import { parkingOf } from '../testing/facts/parking.ts'
import { activation, indexOf, readAll, seen, startAgent, watch } from '../testing/world.ts'
import { type Backup, type Backups, openBackups } from './backups.ts'
import { inspectCopy } from './inspect.ts'
import { restoreDatabase } from './restore.ts'

interface Place extends AsyncDisposable {
  readonly dir: string
  readonly file: string
  readonly copy: string
}

async function place(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-backup-'))
  return {
    dir,
    file: join(dir, 'hub.db'),
    copy: join(dir, 'copy'),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  }
}

const minFreeDisk = { bytes: 0 }
const forEver = new AbortController().signal
const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => seen(`o${from + i}`))

async function made(backups: Backups): Promise<Extract<Backup, { readonly kind: 'made' }>> {
  const backup = await backups.make(forEver)
  if (backup.kind !== 'made') throw new Error(`expected a backup, got ${JSON.stringify(backup)}`)
  return backup
}

async function save(backups: Backups, copy: string): Promise<void> {
  await using backup = await made(backups)
  await writeFile(copy, backup.chunks)
  assert.equal((await stat(copy)).size, backup.bytes)
}

/** A store with `count` objects, and a copy of it. */
async function backedUp(at: Place, count = 3): Promise<void> {
  await using store = await openStore({ file: at.file })
  await using backups = await openBackups({ file: at.file, minFreeDisk })
  await store.activate(activation({ lb: watch() }))
  const agent = await startAgent(store)
  await agent.send(names(count))
  await save(backups, at.copy)
}

const held = async (store: Store) => (await indexOf(store)).map(({ name }) => name)
const meta = (file: string, key: string): string | undefined => {
  using db = readDatabase(file)
  return db.query('SELECT value FROM meta WHERE key = ?', object({ value: string })).get(key)?.value
}

test('a backup is one moment of a store that is written to meanwhile, and leaves nothing beside it', async () => {
  await using at = await place()
  await using store = await openStore({ file: at.file })
  await using backups = await openBackups({ file: at.file, minFreeDisk })
  await store.activate(activation({ lb: watch() }))
  const agent = await startAgent(store)
  await agent.send(names(500))
  let copying = true
  const writing = (async () => {
    for (let i = 1; copying; i++) await agent.send(names(50, i * 500))
  })()
  await save(backups, at.copy)
  copying = false
  await writing
  const { objects, head } = await inspectCopy(at.copy)
  assert.ok(objects >= 500 && (objects - 500) % 50 === 0, `expected whole frames, got ${objects} objects`)
  assert.ok(head <= (await store.head()))
  assert.deepEqual((await readdir(at.dir)).sort(), ['copy', 'hub.db', 'hub.db-shm', 'hub.db-wal'])
})

test('a second backup is refused until the first was read or dropped', async () => {
  await using at = await place()
  await using _store = await openStore({ file: at.file })
  await using backups = await openBackups({ file: at.file, minFreeDisk })
  {
    await using _first = await made(backups)
    const second = await backups.make(forEver)
    assert.deepEqual(second, {
      kind: 'refused',
      code: 'backup-running',
      message: 'a backup is under way: wait for its end',
    })
  }
  await using _third = await made(backups)
})

test('a backup that the disk has no room for is refused, in numbers', async () => {
  await using at = await place()
  await using _store = await openStore({ file: at.file })
  await using backups = await openBackups({ file: at.file, minFreeDisk: { share: 1 } })
  const backup = await backups.make(forEver)
  assert.equal(backup.kind, 'refused')
  assert.match(
    backup.kind === 'refused' ? backup.message : '',
    /^expected \S+i of free disk in .* \(\S+i of it to spare\), got \S+i$/,
  )
  assert.deepEqual((await readdir(at.dir)).sort(), ['hub.db', 'hub.db-shm', 'hub.db-wal'])
})

test('a stopped backup ends at once and leaves no file; what a killed hub left goes at the next start', async () => {
  await using at = await place()
  await using _store = await openStore({ file: at.file })
  const stop = new AbortController()
  {
    await using backups = await openBackups({ file: at.file, minFreeDisk })
    const backup = backups.make(stop.signal)
    stop.abort(new Error('nobody waits any more'))
    await assert.rejects(backup, /nobody waits any more/)
  }
  await writeFile(`${at.file}.backup-0123456789ab`, 'half of it')
  await using _backups = await openBackups({ file: at.file, minFreeDisk })
  assert.deepEqual((await readdir(at.dir)).sort(), ['hub.db', 'hub.db-shm', 'hub.db-wal'])
})

test('disposing ends a backup that is being made', async () => {
  await using at = await place()
  await using _store = await openStore({ file: at.file })
  const backups = await openBackups({ file: at.file, minFreeDisk })
  const backup = backups.make(forEver)
  await Promise.all([assert.rejects(backup, /the hub stops/), backups[Symbol.asyncDispose]()])
})

test('a restored store is the one of the backup, with its identity and another generation', async () => {
  await using at = await place()
  await backedUp(at)
  const identity = meta(at.copy, 'hub-id')
  const { kept, objects } = await restoreDatabase({ copy: at.copy, file: at.file, now: 0 })
  assert.equal(objects, 3)
  assert.equal(kept, `${at.file}.before-restore-1970-01-01T00-00-00-000Z`)
  assert.equal(meta(at.file, 'hub-id'), identity)
  assert.equal((await stat(at.file)).mode & 0o777, 0o600)
  assert.deepEqual((await readdir(at.dir)).sort(), ['copy', 'hub.db', `hub.db.before-restore-1970-01-01T00-00-00-000Z`])
  await using store = await openStore({ file: at.file })
  assert.equal(store.hubId, identity)
  assert.match(meta(at.file, 'generation') ?? '', /^[0-9a-f-]{36}$/)
  assert.notEqual(meta(at.file, 'generation'), meta(at.copy, 'generation'))
  assert.deepEqual(await held(store), ['o0', 'o1', 'o2'])
})

test('numbers go on above those of the database that was replaced, even when the clock went back', async () => {
  await using at = await place()
  await backedUp(at)
  const later = 9e15 // µs: a hub whose clock ran far ahead
  {
    using db = openDatabase(at.file)
    db.command('UPDATE totals SET head = ?')(later)
  }
  await restoreDatabase({ copy: at.copy, file: at.file, now: 0 })
  await using store = await openStore({ file: at.file })
  await store.activate(activation({ lb: watch() }))
  const [row] = await (await startAgent(store)).send([seen('new')])
  assert.equal(row?.sequence, later + 1)
  assert.deepEqual((await readAll(store)).map(({ object }) => object.name).sort(), ['new', 'o0', 'o1', 'o2'])
})

test('a database that a hub has open is not replaced', async () => {
  await using at = await place()
  await backedUp(at)
  await using store = await openStore({ file: at.file })
  await assert.rejects(
    restoreDatabase({ copy: at.copy, file: at.file, now: 0 }),
    /expected a database that no program has open, but one has: stop the hub of this data folder/,
  )
  assert.equal((await held(store)).length, 3)
  assert.deepEqual(
    (await readdir(at.dir)).filter((name) => name.includes('restore')),
    [],
  )
})

test('a damaged database is replaced, and kept with its write-ahead log', async () => {
  await using at = await place()
  await backedUp(at)
  await writeFile(at.file, 'scrambled '.repeat(2_000))
  await writeFile(`${at.file}-wal`, 'of the scrambled one')
  const { kept } = await restoreDatabase({ copy: at.copy, file: at.file, now: 0 })
  assert.ok(kept !== undefined)
  assert.match(await readFile(kept, 'utf8'), /^scrambled /)
  assert.equal(await readFile(`${kept}-wal`, 'utf8'), 'of the scrambled one')
  await using store = await openStore({ file: at.file })
  assert.equal((await held(store)).length, 3)
})

test('what is parked, dead or held, and what was tried, is in a backup and comes back from it', async () => {
  await using at = await place()
  const batch = { id: 'x', createdAt: 1, members: [], frame: '{}', payload: '{}', parking: parkingOf('shop') }
  const attempt = { batch: 'x', at: 1_000, durationMs: 1, events: 1, bytes: 1, outcome: 'http_4xx', resends: 0, answer: '{}' }
  const pause = { since: 1, by: 'hub', cause: 'gone', url: 'https://dns.example.com' } as const
  {
    await using store = await openStore({ file: at.file })
    await using backups = await openBackups({ file: at.file, minFreeDisk })
    await store.activate(activation({ lb: watch() }))
    await die(store, [letter('a')], { batches: [batch], attempts: [attempt] })
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 0, attempts: [attempt] })
    await store.setPaused('dns', pause)
    await save(backups, at.copy)
    await store.freeze({ endpoint: 'dns', settled: ['x'], batches: [], cursor: 0, replayed: ['a'] })
    await store.setPaused('dns', undefined)
  }
  await restoreDatabase({ copy: at.copy, file: at.file, now: 0 })
  await using store = await openStore({ file: at.file })
  const { batches, tried } = await store.endpoint('dns')
  const lastAttempt = { number: 2 }
  assert.deepEqual([batches, tried], [[{ ...batch, lastAttempt }], new Map([['x', { attempts: 2, firstAt: 1_000 }]])])
  assert.deepEqual(await store.deadLetter('a'), letter('a'))
  assert.deepEqual(await store.attempts({ endpoint: 'dns', limit: 5 }), [attempt, attempt])
  assert.deepEqual(await store.paused(), new Map([['dns', pause]]))
})

test('a hub is moved to an empty folder by its backup', async () => {
  await using at = await place()
  await backedUp(at)
  const file = join(at.dir, 'elsewhere', 'hub.db')
  const { kept } = await restoreDatabase({ copy: at.copy, file, now: 0 })
  assert.equal(kept, undefined)
  await using store = await openStore({ file })
  assert.equal((await held(store)).length, 3)
})

test('what is no whole database of a hub is refused, and the present one stays as it was', async () => {
  await using at = await place()
  await backedUp(at, 2_000)
  const whole = await readFile(at.copy)
  const why = async (content: Uint8Array | string) => {
    await writeFile(at.copy, content)
    const error: unknown = await restoreDatabase({ copy: at.copy, file: at.file, now: 0 }).then(
      () => undefined,
      (refused: unknown) => refused,
    )
    if (!(error instanceof Error)) return 'restored'
    assert.match(error.message, /copy: expected a whole database of Watch Hub/)
    return error.cause instanceof Error ? error.cause.message : ''
  }
  assert.match(await why('{"not":"a database"}'.repeat(1_000)), /not a database/)
  assert.match(await why(whole.subarray(0, whole.length - 40_000)), /malformed|SQLite says/)
  assert.match(await why(Buffer.from(whole).fill(7, 60_000, 90_000)), /malformed|SQLite says/)
  const foreign = join(at.dir, 'foreign')
  {
    using db = openDatabase(foreign)
    db.exec('CREATE TABLE t (a); PRAGMA user_version = 1')
  }
  assert.match(await why(await readFile(foreign)), /it holds none of the tables of a hub/)
  await writeFile(at.copy, whole)
  {
    using db = openDatabase(at.copy)
    db.exec('PRAGMA user_version = 99')
  }
  assert.match(await why(await readFile(at.copy)), /got 99: a newer release wrote it, use that one/)
  await using store = await openStore({ file: at.file })
  assert.equal((await held(store)).length, 2_000)
})

test('a file that was copied out of a running hub is refused: its changes lie elsewhere', async () => {
  await using at = await place()
  await using store = await openStore({ file: at.file })
  await store.activate(activation({ lb: watch() }))
  await copyFile(at.file, at.copy)
  await copyFile(`${at.file}-wal`, `${at.copy}-wal`)
  const file = join(at.dir, 'elsewhere', 'hub.db')
  await assert.rejects(restoreDatabase({ copy: at.copy, file, now: 0 }), /copy-wal: such a copy may be torn/)
})

test('a file that was copied out of a stopped hub is as good as a backup', async () => {
  await using at = await place()
  await backedUp(at)
  await copyFile(at.file, at.copy)
  const { objects } = await restoreDatabase({ copy: at.copy, file: at.file, now: 0 })
  assert.equal(objects, 3)
})
