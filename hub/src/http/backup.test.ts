import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { Backup } from '../store/backup/backups.ts'
import type { HttpServer } from './listen.ts'
import { startServer } from './server.ts'
import { fakeView } from './testing/fake-view.ts'

const adminToken = 'correct-horse-battery'
const headers = { authorization: `Bearer ${adminToken}` }

interface World extends AsyncDisposable {
  readonly server: HttpServer
  /** How often a copy was let go. */
  readonly dropped: () => number
  ask(init?: RequestInit): Promise<Response>
}

async function world(bytes: number, chunks: () => AsyncIterable<Uint8Array>): Promise<World> {
  const view = fakeView()
  let dropped = 0
  view.made = { kind: 'made', bytes, chunks: chunks(), [Symbol.asyncDispose]: async () => void dropped++ }
  const admin = { view, adminToken, metrics: async () => '' }
  const server = await startServer({ admin, log: silentLog }, { listen: { host: '127.0.0.1', port: 0 }, graceMs: 50 })
  return {
    server,
    dropped: () => dropped,
    ask: (init = {}) => fetch(`${server.url}/api/v1/backup`, { method: 'POST', headers, ...init }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const piece = new Uint8Array(100_000).fill(7)
const gone = async (w: World): Promise<void> => {
  while (w.dropped() === 0) await new Promise(setImmediate)
}

test('a backup is sent whole, its length told first, and let go then', async () => {
  await using w = await world(300_000, async function* () {
    yield* [piece, piece, piece]
  })
  const response = await w.ask()
  assert.equal(response.headers.get('content-length'), '300000')
  assert.equal(response.headers.get('content-type'), 'application/vnd.sqlite3')
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), new Uint8Array(300_000).fill(7))
  await gone(w)
})

test('a backup that cannot be read on ends before its told length', async () => {
  await using w = await world(300_000, async function* () {
    yield piece
    throw new Error('the disk is broken')
  })
  const response = await w.ask()
  await assert.rejects(response.arrayBuffer())
  await gone(w)
})

test('a reader that goes away lets the copy go', async () => {
  await using w = await world(1e12, async function* () {
    for (;;) yield piece
  })
  const leave = new AbortController()
  await w.ask({ signal: leave.signal })
  leave.abort()
  await gone(w)
})

test('a hub that stops ends a backup before its told length, and waits until the copy is let go', async () => {
  await using w = await world(1e12, async function* () {
    for (;;) yield piece
  })
  const response = await w.ask()
  await w.server[Symbol.asyncDispose]()
  assert.equal(w.dropped(), 1)
  await assert.rejects(response.arrayBuffer())
})

test('refusals say why: 409 while one is under way, 507 without room; nobody gets one without the token', async () => {
  const view = fakeView()
  const admin = { view, adminToken, metrics: async () => '' }
  await using server = await startServer({ admin, log: silentLog }, { listen: { host: '127.0.0.1', port: 0 } })
  const answer = async (made: Backup, init: RequestInit = { headers }) => {
    view.made = made
    const response = await fetch(`${server.url}/api/v1/backup`, { method: 'POST', ...init })
    return [response.status, await response.json()]
  }
  const running = { kind: 'refused', code: 'backup-running', message: 'one is under way' } as const
  assert.deepEqual(await answer(running), [409, { code: 'backup-running', message: 'one is under way' }])
  const full = { kind: 'refused', code: 'no-room', message: 'expected 9 MB' } as const
  assert.deepEqual(await answer(full), [507, { code: 'no-room', message: 'expected 9 MB' }])
  const [status] = await answer(running, {})
  assert.equal(status, 401)
})
