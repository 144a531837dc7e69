import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createStore } from '../front.ts'
import { openLocal } from '../link/local.ts'
import { cluster, routes, scanAll, services, told, watch } from '../testing/world.ts'
import { openDatabase } from './database.ts'
import { migrate } from './schema.ts'

async function folder(): Promise<AsyncDisposable & { readonly file: string }> {
  const path = await mkdtemp(join(tmpdir(), 'watch-hub-schema-'))
  return { file: join(path, 'hub.db'), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

const lb = watch({ endpoints: ['cmdb', 'dns'] })
const member = (sequence: number) => JSON.stringify([{ sequence, type: 'created', watches: ['lb'] }])

/** A database of schema 2: two objects, delivered to both endpoints, but for two batches of dns and one of a scan of cmdb. */
function writeSchema2(file: string, payload: string): void {
  using db = openDatabase(file)
  migrate(db, 2)
  db.command('INSERT INTO plans (cluster, plan, routes, activated) VALUES (?, ?, ?, 1)')(
    cluster,
    'p1',
    JSON.stringify(routes({ lb })),
  )
  db.exec(`INSERT INTO streams (id, cluster, stream, grp, resource, kind, objects, checksum)
    VALUES (1, '${cluster}', '${services().id}', '', 'services', 'Service', 2, NULL);
    INSERT INTO stream_watches VALUES (1, 'lb', 'd1');
    UPDATE totals SET head = 20, log_rows = 2, log_bytes = 4;
    INSERT INTO bodies VALUES (10, '{}'), (20, '{}')`)
  const log = db.command(`INSERT INTO log VALUES (?, ?, 1, 1, 'v1', 'team-web', ?, ?, '1', 1, 1, 'live', 'added', '["lb"]')`)
  const inventory = db.command(`INSERT INTO inventory VALUES (1, ?, 'v1', 'team-web', ?, '1', 'h1', '["lb"]', 1, ?)`)
  for (const [name, sequence] of [
    ['a', 10],
    ['b', 20],
  ] as const) {
    log(sequence, '[["cmdb","created","","lb"],["dns","created","","lb"]]', name, `uid-${name}`)
    inventory(`uid-${name}`, name, sequence)
  }
  const batch = db.command(`INSERT INTO batches (endpoint, id, created_at, members, frame, payload, oldest, newest)
    VALUES (?, ?, 5, ?, '{}', ?, ?, ?)`)
  batch('dns', 'one', member(10), null, 10, 10)
  batch('cmdb', 'scanned', member(10), payload, null, null)
  batch('dns', 'two', member(20), null, 20, 20)
  for (const endpoint of ['cmdb', 'dns']) {
    db.exec(`INSERT INTO endpoints (name, cursor) VALUES ('${endpoint}', 20);
      INSERT INTO subscriptions VALUES ('${cluster}', '${endpoint}', 'lb', 1, 1)`)
  }
  db.exec("INSERT INTO pauses VALUES ('dns', 7, 'ops')")
}

test('a database of schema 2 goes on: batches of the log as they are, frozen scans as new ones, holds with their maker', async () => {
  await using at = await folder()
  writeSchema2(at.file, '["of an older form"]')
  await using store = createStore(openLocal({ file: at.file }))
  const { batches, cursor, scans } = await store.endpoint('dns')
  assert.deepEqual(
    batches.map(({ id, createdAt, members }) => [id, createdAt, members]),
    [
      ['one', 5, JSON.parse(member(10))],
      ['two', 5, JSON.parse(member(20))],
    ],
  )
  assert.deepEqual([cursor, scans], [20, []])
  assert.partialDeepStrictEqual(await store.endpoint('cmdb'), {
    batches: [],
    scans: [{ watch: 'lb', reason: 'resync', total: 2 }],
  })
  assert.deepEqual(told(await scanAll(store, 'cmdb')), ['a cmdb updated resync lb', 'b cmdb updated resync lb'])
  assert.deepEqual(await store.paused(), new Map([['dns', { since: 7, by: 'ops' }]]))
})

test('frozen scans of an older form begin anew once, and are not lost when the hub ends before that', async () => {
  await using at = await folder()
  writeSchema2(at.file, '["of an older form"]')
  {
    using db = openDatabase(at.file)
    migrate(db)
  }
  const scansAtOpening = async () => {
    await using store = createStore(openLocal({ file: at.file }))
    return (await store.endpoint('cmdb')).scans.map(({ id }) => id)
  }
  const first = await scansAtOpening()
  assert.equal(first.length, 1)
  assert.deepEqual(await scansAtOpening(), first)
})
