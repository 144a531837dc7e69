import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { problem } from '@watch-hub/shared/protocol/join'
import { createLog, silentLog } from '@watch-hub/shared/runtime/log'
import { createApp, type ServerParts, startServer } from './server.ts'
import { fakeDetail, fakeView, row } from './testing/fake-view.ts'

const adminToken = 'correct-horse-battery'
const bearer = { authorization: `Bearer ${adminToken}` }
const loopback = { listen: { host: '127.0.0.1', port: 0 }, graceMs: 50 }

const never = new AbortController()
const streams = { stop: never.signal, track: (run: Promise<void>) => run }

function setUp(parts: Partial<ServerParts> = {}) {
  const view = fakeView()
  const admin = { view, adminToken, metrics: async () => 'watch_hub_log_rows 1\n' }
  const app = createApp({ admin, log: silentLog, ...parts }, streams)
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await app.request(path, { headers: bearer, ...init })
    return { status: response.status, body: await response.json(), headers: response.headers }
  }
  return {
    view,
    admin,
    app,
    ask,
    post: (path: string, body?: string) => ask(path, { method: 'POST', ...(body === undefined ? {} : { body }) }),
  }
}

test('probes answer without a token: 200 when well, 503 with the reasons when not', async () => {
  const { view, ask } = setUp()
  const open = { headers: {} }
  assert.deepEqual((await ask('/healthz', open)).body, { ok: true, reasons: [] })
  view.verdict = { ok: false, reasons: ['no good config yet'] }
  const answer = await ask('/readyz', open)
  assert.equal(answer.status, 503)
  assert.deepEqual(answer.body, { ok: false, reasons: ['no good config yet'] })
})

test('metrics are served as Prometheus text', async () => {
  const response = await setUp().app.request('/metrics')
  assert.equal(await response.text(), 'watch_hub_log_rows 1\n')
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
})

test('every path below /api asks for the admin token, also those that do not exist', async () => {
  const { ask } = setUp()
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: `Basic ${adminToken}` },
    { authorization: 'Bearer' },
  ])
    for (const path of ['/api/v1/status', '/api/v1/nothing', '/api']) {
      const answer = await ask(path, { headers })
      assert.equal(answer.status, 401, `${path} ${JSON.stringify(headers)}`)
      assert.equal(problem.decode(answer.body).code, 'unauthorized')
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
  assert.equal((await ask('/api/v1/status', { headers: { authorization: `bearer ${adminToken}` } })).status, 200)
})

test('status, clusters and endpoints are the view, not to be cached', async () => {
  const { view, ask } = setUp()
  const status = await ask('/api/v1/status')
  assert.deepEqual(status.body, view.state)
  assert.equal(status.headers.get('cache-control'), 'no-store')
  assert.equal(status.headers.get('x-content-type-options'), 'nosniff')
  assert.deepEqual((await ask('/api/v1/clusters')).body, view.state.clusters)
  assert.deepEqual((await ask('/api/v1/endpoints')).body, view.state.endpoints)
  assert.deepEqual((await ask('/api/v1/endpoints/dns')).body, { ...view.state.endpoints[0], ...fakeDetail })
  assert.equal((await ask('/api/v1/endpoints/none')).status, 404)
})

test('a token is issued for 30 minutes unless the body says otherwise, with the address for the agent', async () => {
  const { view, post } = setUp()
  const answer = await post('/api/v1/clusters/prod-us-1/token')
  assert.deepEqual(answer.body, {
    cluster: 'prod-us-1',
    token: 'whj_secret',
    expiresAt: view.issued.kind === 'issued' ? view.issued.expiresAt : 0,
    hub: 'https://hub.example.com',
  })
  await post('/api/v1/clusters/prod-us-1/token', '{"ttlMs":60000,"replace":true}')
  assert.deepEqual(view.calls, [
    ['issueToken', 'prod-us-1', { ttlMs: 1_800_000, replace: false }],
    ['issueToken', 'prod-us-1', { ttlMs: 60_000, replace: true }],
  ])
})

test('a refused token is 409 with the reason', async () => {
  const { view, post } = setUp()
  view.issued = { kind: 'refused', code: 'undeclared', message: 'commit a manifest first' }
  const answer = await post('/api/v1/clusters/nope/token')
  assert.equal(answer.status, 409)
  assert.deepEqual(answer.body, { code: 'undeclared', message: 'commit a manifest first' })
})

test('a bad body or parameter is 400 and says which', async () => {
  const { ask, post, view } = setUp()
  const messages = [
    await post('/api/v1/clusters/c/token', '{"ttlMs":"1h"}'),
    await post('/api/v1/clusters/c/token', '{"ttlMs":10}'),
    await post('/api/v1/clusters/c/token', '{'),
    await ask('/api/v1/events?limit=-1'),
    await ask('/api/v1/events?from=1e3'),
    await ask('/api/v1/events?follow=yes'),
    await ask('/api/v1/events?clutser=a'),
  ].map(({ status, body }) => `${status} ${problem.decode(body).code} ${problem.decode(body).message}`)
  assert.deepEqual(messages, [
    '400 bad-request ttlMs: expected integer, got "1h"',
    '400 bad-request ttlMs: expected 1000–604800000, got 10',
    '400 bad-request message: expected JSON, got "{"',
    '400 bad-request limit: expected a whole number, 0–10000, got "-1"',
    '400 bad-request from: expected a whole number, 0–9007199254740991, got "1e3"',
    '400 bad-request follow: expected true or false, got "yes"',
    '400 bad-request expected only the parameters cluster, watch, endpoint, resource, from, limit, follow, got "clutser"',
  ])
  assert.deepEqual(view.calls, [])
})

test('resync answers with what began; what fits nothing is 409, what does not go together 400', async () => {
  const { view, post } = setUp()
  const path = '/api/v1/endpoints/dns/resync'
  const order = { watch: 'lb', cluster: 'prod-eu-1' }
  assert.deepEqual((await post(path, JSON.stringify(order))).body, { endpoint: 'dns', begun: 2, running: 0, dropped: 0 })
  assert.equal((await post('/api/v1/endpoints/x/resync')).status, 404)
  const both = await post(path, JSON.stringify({ watch: 'lb', dropBacklog: true }))
  assert.deepEqual([both.status, JSON.stringify(both.body).includes('expected no watch and no cluster with it')], [400, true])
  view.resynced = { begun: 0, running: 0, dropped: 0 }
  const none = await post(path, JSON.stringify(order))
  assert.deepEqual(
    [none.status, none.body],
    [
      409,
      {
        code: 'nothing-to-resync',
        message: 'expected a watch that dns hears in a cluster, but it hears nothing of watch lb in cluster prod-eu-1',
      },
    ],
  )
  assert.equal((await post(path, JSON.stringify({ dropBacklog: true }))).status, 200)
  assert.deepEqual(view.calls[0], ['resync', 'dns', order])
})

test('revoke, pause and resume act on known names and are 404 for others', async () => {
  const { view, post } = setUp()
  assert.deepEqual((await post('/api/v1/clusters/prod-eu-1/revoke')).body, { cluster: 'prod-eu-1', revoked: true })
  assert.deepEqual((await post('/api/v1/endpoints/dns/pause', '{"by":"ann"}')).body, { endpoint: 'dns', paused: true })
  assert.deepEqual((await post('/api/v1/endpoints/dns/resume')).body, { endpoint: 'dns', paused: false })
  for (const path of ['clusters/x/revoke', 'endpoints/x/pause', 'endpoints/x/resume']) {
    const answer = await post(`/api/v1/${path}`)
    assert.equal(answer.status, 404)
    assert.match(problem.decode(answer.body).message, /got "x"/)
  }
  assert.deepEqual(view.calls.slice(0, 3), [
    ['revoke', 'prod-eu-1'],
    ['pause', 'dns', { by: 'ann' }],
    ['resume', 'dns'],
  ])
})

test('config/fetch answers with what the source says now', async () => {
  const { view, post } = setUp()
  assert.deepEqual((await post('/api/v1/config/fetch')).body, view.state.config)
})

test('an unknown route is a JSON problem', async () => {
  const answer = await setUp().ask('/favicon.ico')
  assert.equal(answer.status, 404)
  assert.deepEqual(answer.body, { code: 'not-found', message: 'nothing answers GET /favicon.ico' })
})

test('a failure inside is logged and answered without its details', async () => {
  const lines: string[] = []
  const { app, view } = setUp({ log: createLog((line) => lines.push(line)) })
  view.status = async () => {
    throw new Error('SQLITE_CORRUPT in /data/hub.db')
  }
  const response = await app.request('/api/v1/status', { headers: bearer })
  assert.equal(response.status, 500)
  assert.deepEqual(await response.json(), { code: 'internal', message: 'the hub could not do this: its log says why' })
  assert.match(lines.join(''), /SQLITE_CORRUPT/)
})

test('events are lines of JSON with the body as it came', async () => {
  const { view, app } = setUp()
  view.rows = async function* () {
    yield row(1)
    yield row(2, { body: '{"big":12345678901234567890}' })
  }
  const response = await app.request('/api/v1/events?cluster=a&watch=w&endpoint=e&resource=deployments.apps&from=1&limit=5', {
    headers: bearer,
  })
  const lines = (await response.text()).trimEnd().split('\n')
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
  assert.equal(JSON.parse(lines[0] ?? '').object.metadata.name, 'shop')
  assert.ok(lines[1]?.endsWith('"object":{"big":12345678901234567890}}'))
  assert.deepEqual(view.calls[0]?.[1], {
    cluster: 'a',
    watch: 'w',
    endpoint: 'e',
    resource: 'deployments.apps',
    from: 1,
    limit: 5,
    follow: false,
  })
})

test('an event stream that breaks says so in its last line', async () => {
  const { view, app } = setUp()
  view.rows = async function* () {
    yield row(1)
    throw new Error('secret detail')
  }
  const lines = (await (await app.request('/api/v1/events', { headers: bearer })).text()).trimEnd().split('\n')
  assert.equal(JSON.parse(lines[1] ?? '').code, 'internal')
  assert.doesNotMatch(lines[1] ?? '', /secret/)
})

const live = async (parts: ServerParts) => startServer(parts, loopback)

test('a slow reader holds back the stream, and leaving ends it', async () => {
  const { view, admin } = setUp()
  let taken = 0
  const ended = Promise.withResolvers<void>()
  view.rows = async function* (_filter, signal) {
    try {
      while (!signal.aborted) {
        taken++
        yield row(taken, { body: JSON.stringify('x'.repeat(100_000)) })
      }
    } finally {
      ended.resolve()
    }
  }
  await using server = await live({ admin, log: silentLog })
  const leave = new AbortController()
  const response = await fetch(`${server.url}/api/v1/events?follow=true`, { headers: bearer, signal: leave.signal })
  assert.equal(response.status, 200)
  let before = -1
  for (let settled = 0; settled < 20; settled = before === taken ? settled + 1 : 0) {
    before = taken
    await new Promise(setImmediate)
  }
  const stalled = taken
  assert.ok(stalled < 1_000, `expected the writer to wait for its reader, got ${stalled} rows`)
  leave.abort()
  await ended.promise
})

test('disposing ends streams that follow, idle connections and half-open sockets', async () => {
  const { view, admin } = setUp()
  view.rows = async function* (_filter, signal) {
    yield row(1)
    await once(signal, 'abort')
  }
  const server = await live({ admin, log: silentLog })
  await (await fetch(`${server.url}/healthz`)).text() // leaves a kept-alive connection
  const stuck = connect(server.port, '127.0.0.1')
  await once(stuck, 'connect')
  stuck.write('GET /healthz HTTP/1.1\r\n') // never ends its headers
  const response = await fetch(`${server.url}/api/v1/events?follow=true`, { headers: bearer })
  const text = response.text()
  const closed = once(stuck, 'close')
  stuck.on('error', () => {}).resume()
  await server[Symbol.asyncDispose]()
  assert.match(await text, /"sequence":1/)
  await closed
  await assert.rejects(fetch(`${server.url}/healthz`))
})

test('a body that is too large is refused, announced or not', async () => {
  const { admin } = setUp()
  await using server = await live({ admin, log: silentLog })
  const big = 'x'.repeat(70_000)
  const chunked = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode(big))
      controller.close()
    },
  })
  for (const body of [big, chunked]) {
    const response = await fetch(`${server.url}/api/v1/clusters/a/token`, {
      method: 'POST',
      headers: bearer,
      body,
      duplex: 'half',
    })
    assert.equal(response.status, 413)
    assert.equal(problem.decode(await response.json()).code, 'too-large')
  }
  const small = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode('{"ttlMs":5000}'))
      controller.close()
    },
  })
  const response = await fetch(`${server.url}/api/v1/clusters/a/token`, {
    method: 'POST',
    headers: bearer,
    body: small,
    duplex: 'half',
  })
  assert.equal(response.status, 200)
})

test('malformed requests get 400 and nothing breaks', async () => {
  const { admin } = setUp()
  await using server = await live({ admin, log: silentLog })
  for (const text of [
    'GET /healthz HTTP/1.1\r\nHost: a b@c\r\n\r\n',
    'NONSENSE\r\n\r\n',
    'GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const socket = connect(server.port, '127.0.0.1')
    socket.end(text)
    const [chunk] = await once(socket, 'data')
    assert.match(String(chunk), /^HTTP\/1\.1 400 /)
    socket.destroy()
  }
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
})

test('agents: join is decoded, answered and refused in the words of the fleet', async () => {
  const request = { cluster: 'c', token: 't', publicKey: 'k', clusterUid: 'u', signature: 's' }
  const seen: unknown[] = []
  const agents = {
    join: async (asked: typeof request) => {
      seen.push(asked)
      return asked.token === 't'
        ? { status: 200 as const, answer: { cluster: 'c', hub: 'hub-1' } }
        : { status: 401 as const, problem: { code: 'bad-token', message: 'expected a token of this hub' } }
    },
    upgrade: () => {},
  }
  await using server = await live({ agents, log: silentLog })
  const join = async (body: unknown) => {
    const response = await fetch(`${server.url}/agent/v1/join`, { method: 'POST', body: JSON.stringify(body) })
    return { status: response.status, body: await response.json() }
  }
  assert.deepEqual(await join(request), { status: 200, body: { cluster: 'c', hub: 'hub-1' } })
  assert.equal((await join({ ...request, token: 'other' })).status, 401)
  assert.match(problem.decode((await join({ ...request, publicKey: 5 })).body).message, /publicKey: expected string/)
  assert.deepEqual(seen, [request, { ...request, token: 'other' }])
  assert.equal((await fetch(`${server.url}/api/v1/status`, { headers: bearer })).status, 404, 'no operators on this port')
})

test('upgrades reach the agents, and one that throws costs only its socket', async () => {
  const paths: (string | undefined)[] = []
  const agents = {
    join: async () => ({ status: 403 as const, problem: { code: 'x', message: 'x' } }),
    upgrade: (request: IncomingMessage, socket: Duplex) => {
      paths.push(request.url)
      if (request.url === '/bad') throw new Error('broken')
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    },
  }
  await using server = await live({ agents, log: silentLog })
  const knock = async (path: string) => {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {}).resume()
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
    await once(socket, 'close')
  }
  await knock('/bad')
  const half = connect(server.port, '127.0.0.1') // keeps its half open: disposing must not wait for it
  half.on('error', () => {})
  half.write('GET /agent/v1/link HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await once(half, 'data')
  after(() => half.destroy())
  assert.deepEqual(paths, ['/bad', '/agent/v1/link'])
})

test('a port that is taken is said with what to do', async () => {
  const { admin } = setUp()
  await using server = await live({ admin, log: silentLog })
  await assert.rejects(
    startServer({ admin, log: silentLog }, { listen: { host: '127.0.0.1', port: server.port } }),
    new RegExp(`cannot listen on 127.0.0.1:${server.port}: another process listens there`),
  )
})
