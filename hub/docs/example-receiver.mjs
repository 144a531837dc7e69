#!/usr/bin/env node
/**
 * A receiver of Watch Hub's own payload (`format: watch-hub`) that keeps a table of the objects that exist. An example to begin with.
 *
 *   node example-receiver.mjs [--port 9000] [--table objects.db] [--secret-file FILE]... [--max-object-bytes 1000000]
 *
 * It follows the receiver's rule of receivers.md: what is not newer is ignored, `created` and `updated` both mean put, a patch is applied to
 * what it is based on, a marker sweeps what nobody told. Everything in a request is on disk before it is answered. With secrets (one, or the
 * new and the old one while they are rotated) it takes nothing that none of them has signed: that needs the package `standardwebhooks`.
 *
 * GET /objects answers with the table.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '9000' },
    table: { type: 'string', default: ':memory:' },
    'secret-file': { type: 'string', multiple: true, default: [] },
    'max-object-bytes': { type: 'string', default: '1000000' },
  },
})
const maxObjectBytes = Number(options['max-object-bytes'])
const maxRequestBytes = 64 * 1024 * 1024

// The row of a deleted object stays, so that an older state of it which comes late is known to be old.
const db = new DatabaseSync(options.table)
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS objects (
    cluster TEXT NOT NULL, uid TEXT NOT NULL,   -- the key
    sequence TEXT NOT NULL,                     -- of the newest item; as text it sorts like the number
    watches TEXT NOT NULL, name TEXT NOT NULL,
    object TEXT,                                -- NULL: it was deleted
    PRIMARY KEY (cluster, uid)
  ) STRICT;
  -- Which scans told which object: several may be under way, one for each watch of each cluster. A scan's marker lets its rows go; those of
  -- scans that get none go after 30 days.
  CREATE TABLE IF NOT EXISTS told (
    scan TEXT NOT NULL, cluster TEXT NOT NULL, uid TEXT NOT NULL, at INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (scan, cluster, uid)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS told_at ON told (at)`)
const find = db.prepare('SELECT sequence, object FROM objects WHERE cluster = ? AND uid = ?')
const put = db.prepare('INSERT OR REPLACE INTO objects (cluster, uid, sequence, watches, name, object) VALUES (?, ?, ?, ?, ?, ?)')
const rewatch = db.prepare('UPDATE objects SET watches = ? WHERE cluster = ? AND uid = ?')
const note = db.prepare('INSERT OR IGNORE INTO told (scan, cluster, uid) VALUES (?, ?, ?)')
const forget = db.prepare('DELETE FROM told WHERE scan = ?')
const expire = db.prepare('DELETE FROM told WHERE at < unixepoch() - 30 * 86400')
const sweep = db.prepare(`
  DELETE FROM objects WHERE cluster = ? AND object IS NOT NULL AND sequence <= ?
    AND EXISTS (SELECT 1 FROM json_each(watches) WHERE value = ?)
    AND NOT EXISTS (SELECT 1 FROM told WHERE scan = ? AND told.cluster = objects.cluster AND told.uid = objects.uid)`)
const all = db.prepare(
  'SELECT cluster, name, sequence, watches, object FROM objects WHERE object IS NOT NULL ORDER BY cluster, name',
)

const verifiers = await readVerifiers(options['secret-file'])

async function readVerifiers(files) {
  if (files.length === 0) return []
  const { Webhook } = await import('standardwebhooks')
  return files.map((file) => new Webhook(readFileSync(file, 'utf8').trim()))
}

/** Secrets are rotated by signing with both for a while: one signature that is right is enough. */
function isSigned(body, headers) {
  if (verifiers.length === 0) return true
  return verifiers.some((verifier) => {
    try {
      verifier.verify(body, headers)
      return true
    } catch {
      return false
    }
  })
}

/** Takes one item. Throws a Failure for what it cannot take: the hub keeps that one back and goes on with the others. */
function take(item) {
  if (item.reason === 'test') return console.log('a sample has come')
  if (item.type === 'synced') return close(item)
  const key = [item.cluster.uid, item.resource.uid]
  const stored = find.get(...key)
  const scan = scanOf(item)
  if (scan !== undefined) note.run(scan, ...key) // also of what is ignored, or cannot be taken: it exists
  if (stored !== undefined && item.sequence <= stored.sequence) {
    if (item.sequence === stored.sequence) rewatch.run(JSON.stringify(item.watches), ...key)
    return
  }
  const object = item.type === 'deleted' ? null : JSON.stringify(contentOf(item, stored))
  if (object !== null && Buffer.byteLength(object) > maxObjectBytes)
    throw new Failure(`expected an object of at most ${maxObjectBytes} bytes`, { retry: false })
  const { namespace, name } = item.resource
  put.run(...key, item.sequence, JSON.stringify(item.watches), namespace === '' ? name : `${namespace}/${name}`, object)
}

/** Items of a scan have ids that begin with its own. So have those of a replay, but it is about single objects, and no marker ends it. */
function scanOf({ id, reason }) {
  return id.includes('-') && reason !== 'replay' ? id.slice(0, id.lastIndexOf('-')) : undefined
}

class Failure extends Error {
  constructor(message, { retry }) {
    super(message)
    this.retry = retry
  }
}

/** With `delta: true` an item may say only what changed. It is told whole when it is tried again. */
function contentOf(item, stored) {
  if (item.patch === undefined) return item.object
  if (stored?.sequence !== item.base || stored.object === null)
    throw new Failure(`expected to hold ${item.base}`, { retry: true })
  return patched(JSON.parse(stored.object), item.patch)
}

/** RFC 7396. */
function patched(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch
  const from = target !== null && typeof target === 'object' && !Array.isArray(target) ? target : {}
  const result = new Map(Object.entries(from))
  for (const [name, value] of Object.entries(patch))
    if (value === null) result.delete(name)
    else result.set(name, patched(result.get(name), value))
  return Object.fromEntries(result)
}

/** A scan is over: what it did not tell, and nothing told since it began, is there no more. */
function close({ cluster, watches: [watch], scan, since }) {
  const { changes } = sweep.run(cluster.uid, since, watch, scan)
  forget.run(scan)
  console.log(`watch ${watch} of ${cluster.name} is complete; ${changes} objects were swept`)
}

/** All or nothing, except for what fails on its own. Answers with the failures. */
function takeAll(items) {
  const failures = []
  db.exec('BEGIN IMMEDIATE')
  try {
    expire.run()
    for (const item of items)
      try {
        take(item)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        failures.push({ id: item.id, message: error.message, retry: error.retry })
      }
    db.exec('COMMIT')
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
  return failures
}

/** All of it, also what is too much: a sender that is cut off in the middle does not hear why. */
async function read(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= maxRequestBytes) chunks.push(chunk)
  }
  return bytes <= maxRequestBytes ? Buffer.concat(chunks).toString('utf8') : undefined
}

/** → [status, JSON to say]. What is thrown becomes a 500: then the hub tries again, and blames no event. */
async function answerTo(request) {
  if (request.method === 'GET')
    return request.url === '/objects' ? [200, all.all().map((row) => ({ ...row, object: JSON.parse(row.object) }))] : [404]
  const body = await read(request)
  if (body === undefined) return [413]
  if (!isSigned(body, request.headers)) return [401, { message: 'expected a signature by a secret that this receiver knows' }]
  const { version, items } = JSON.parse(body)
  if (version !== '1') throw new Error(`expected a payload of version 1, got ${version}`)
  const failures = takeAll(items)
  for (const { id, message } of failures) console.log(`not taken: ${id}: ${message}`)
  return failures.length === 0 ? [204] : [200, { failures }]
}

const server = createServer(async (request, response) => {
  let answer
  try {
    answer = await answerTo(request)
  } catch (error) {
    console.error(error)
    answer = [500]
  }
  const [status, said] = answer
  response.writeHead(status, said === undefined ? {} : { 'content-type': 'application/json' })
  response.end(said === undefined ? undefined : JSON.stringify(said))
})

server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    server.close(() => db.close())
    server.closeIdleConnections()
  })
