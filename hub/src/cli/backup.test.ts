/** `backup` and `restore` as command lines, against a real server and a real store. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { startServer } from '../http/server.ts'
import { type FakeView, fakeView } from '../http/testing/fake-view.ts'
import { openBackups } from '../store/backup/backups.ts'
import { inspectCopy } from '../store/backup/inspect.ts'
import { openStore } from '../store/sqlite.ts'
import { activation, seen, startAgent, watch } from '../store/testing/world.ts'
import { type RecordingIo, runHere } from './testing/recording-io.ts'

const adminToken = 'the-admin-token'

interface World extends AsyncDisposable {
  readonly dir: string
  readonly view: FakeView
  readonly url: string
  run(...argv: readonly string[]): Promise<RecordingIo>
}

/** A hub's server, whose backups come from a store with three objects in `data/`. */
async function world(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-cli-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'data', 'hub.db')
  const store = stack.use(await openStore({ file }))
  await store.activate(activation({ lb: watch() }))
  await (await startAgent(store)).send([seen('a'), seen('b'), seen('c')])
  const backups = stack.use(await openBackups({ file, minFreeDisk: { bytes: 0 } }))
  const view = { ...fakeView(), backup: backups.make }
  const admin = { view, adminToken, metrics: async () => '' }
  const server = stack.use(await startServer({ admin, log: silentLog }, { listen: { host: '127.0.0.1', port: 0 }, graceMs: 50 }))
  const owned = stack.move()
  const env = { WATCH_HUB_URL: server.url, WATCH_HUB_TOKEN: adminToken }
  return {
    dir,
    view,
    url: server.url,
    run: (...argv) => runHere(argv, { env, cwd: dir }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

test('backup writes one whole file, readable by its owner alone, and says what is in it', async () => {
  await using w = await world()
  const { lines, code } = await w.run('backup', 'copy.db')
  assert.deepEqual([code, lines.err], [undefined, []])
  assert.match(lines.out.join(), /copy\.db: \d+\.\d MB, 3 objects, newest change 20\d\d-.*Z \(sequence \d{16}\)$/)
  assert.equal((await stat(join(w.dir, 'copy.db'))).mode & 0o777, 0o600)
  assert.equal((await inspectCopy(join(w.dir, 'copy.db'))).objects, 3)
  assert.deepEqual((await readdir(w.dir)).sort(), ['copy.db', 'data'])
})

test('a file that is there is replaced only by --force', async () => {
  await using w = await world()
  await writeFile(join(w.dir, 'copy.db'), 'precious')
  const { lines, code } = await w.run('backup', 'copy.db')
  assert.equal(code, 2)
  assert.match(lines.err[0] ?? '', /copy\.db is there already: name another file, or give --force/)
  assert.equal(await readFile(join(w.dir, 'copy.db'), 'utf8'), 'precious')
  assert.equal((await w.run('backup', 'copy.db', '--force')).code, undefined)
  assert.equal((await inspectCopy(join(w.dir, 'copy.db'))).objects, 3)
})

test('an answer that is cut short, or is no database, leaves no file, and one that was there as it was', async () => {
  await using w = await world()
  await writeFile(join(w.dir, 'copy.db'), 'precious')
  const answer = async (bytes: number, chunks: AsyncIterable<Uint8Array>) => {
    w.view.backup = async () => ({ kind: 'made', bytes, chunks, [Symbol.asyncDispose]: async () => {} })
    const { lines, code } = await w.run('backup', 'copy.db', '--force')
    assert.equal(code, 1)
    assert.equal(await readFile(join(w.dir, 'copy.db'), 'utf8'), 'precious')
    assert.deepEqual((await readdir(w.dir)).sort(), ['copy.db', 'data'])
    return lines.err.join('\n')
  }
  const piece = new Uint8Array(50_000)
  async function* broken() {
    yield piece
    throw new Error('the disk is broken')
  }
  async function* nonsense() {
    yield piece
  }
  assert.match(await answer(100_000, broken()), /the hub at http:.* does not answer: it closed the connection/)
  assert.match(await answer(50_000, nonsense()), /the backup from http:.*: expected a whole database of Watch Hub/)
})

test('restore is refused while the hub answers, and while it has its database', async () => {
  await using w = await world()
  await w.run('backup', 'copy.db')
  const opened = await w.run('restore', 'copy.db', '--data', 'data')
  assert.equal(opened.code, 1)
  assert.match(opened.lines.err.join(), /expected a database that no program has open, but one has/)
  await writeFile(join(w.dir, 'data', 'hub.json'), JSON.stringify({ url: w.url }))
  const answers = await w.run('restore', 'copy.db', '--data', 'data')
  assert.equal(answers.code, 1)
  assert.match(
    answers.lines.err.join(),
    /expected a hub that is stopped, but the one of .*data answers at http:.*: stop it first/,
  )
  assert.deepEqual((await readdir(join(w.dir, 'data'))).sort(), ['hub.db', 'hub.db-shm', 'hub.db-wal', 'hub.json'])
})

test('restore puts the backup in place, keeps what was there, and says both', async () => {
  await using w = await world()
  await w.run('backup', 'copy.db')
  await mkdir(join(w.dir, 'other'))
  await writeFile(join(w.dir, 'other', 'hub.db'), 'damaged')
  await writeFile(join(w.dir, 'other', 'hub.json'), JSON.stringify({ url: 'http://127.0.0.1:1' })) // a hub that was killed
  const { lines, code } = await w.run('restore', 'copy.db', '--data', 'other')
  assert.equal(code, undefined, lines.err.join())
  assert.match(lines.out[0] ?? '', /restored .*other: .*, 3 objects, newest change/)
  assert.match(lines.out[1] ?? '', /the database of before is kept as .*hub\.db\.before-restore-20/)
  assert.equal((await inspectCopy(join(w.dir, 'other', 'hub.db'))).objects, 3)
})
