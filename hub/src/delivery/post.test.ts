import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import test from 'node:test'
import { createEgress, type Egress } from './egress.ts'
import { openPost } from './post.ts'
import type { Outcome, Outgoing } from './send.ts'
import { type Answer, startReceiver } from './testing/receiver.ts'

const batch: Outgoing = { id: 'b-1', endpoint: 'dns', events: 2, body: Buffer.from('{"a":"ü"}'), headers: {} }
const live = new AbortController().signal
const loopback = createEgress(['127.0.0.0/8', '::1/128'])

interface Options {
  readonly timeoutMs?: number
  readonly egress?: Egress
  readonly signal?: AbortSignal
}

async function post(url: string, { timeoutMs = 5_000, egress = loopback, signal = live }: Options = {}): Promise<Outcome> {
  const target = {
    url: new URL(url),
    headers: { 'content-type': 'application/json', authorization: 'Bearer t0ken' },
    mask: (text: string) => text.replaceAll('t0ken', '***'),
  }
  await using opened = openPost(target, { timeoutMs, egress, now: () => Date.UTC(2026, 10, 23) })
  return await opened.send(batch, signal)
}

async function answered(answer: Answer, options: Options = {}): Promise<Outcome> {
  await using receiver = await startReceiver()
  receiver.otherwise(answer)
  return await post(receiver.url, options)
}

async function failure(outcome: Promise<Outcome>) {
  const result = await outcome
  assert.ok(result.kind === 'try-later', result.kind)
  return result
}

test('a batch is posted with its id, its headers and exactly its bytes', async () => {
  await using receiver = await startReceiver()
  assert.deepEqual(await post(`${receiver.url}/hooks?a=1`), { kind: 'accepted', status: 200 })
  const [request] = receiver.received
  assert.equal(request?.path, '/hooks?a=1')
  assert.equal(request?.body, '{"a":"ü"}')
  assert.equal(request?.headers['webhook-id'], 'b-1')
  assert.equal(request?.headers['content-type'], 'application/json')
  assert.equal(request?.headers['content-length'], '10')
  assert.equal(request?.headers.authorization, 'Bearer t0ken')
})

test('every 2xx is accepted', async () => {
  for (const status of [200, 201, 202, 204]) assert.deepEqual(await answered(status), { kind: 'accepted', status })
})

test('other answers are told with their beginning, without secrets and control characters, and kept as they are', async () => {
  const outcome = await answered((response) => response.writeHead(422).end('no:\n\u0007 t0ken is bad'))
  assert.ok(outcome.kind === 'refused', outcome.kind)
  const { kind, status, message, answer } = outcome.why
  assert.deepEqual([kind, status, message], ['http_4xx', 422, 'answered 422: no: *** is bad'])
  assert.equal(answer, 'no:\n\u0007 *** is bad')
  assert.equal((await failure(answered(503))).why.kind, 'http_5xx')
})

test('a redirect is a failure and is not followed', async () => {
  await using receiver = await startReceiver()
  receiver.otherwise((response) => response.writeHead(307, { location: '/other?key=t0ken' }).end())
  const { why } = await failure(post(receiver.url))
  assert.equal(why.kind, 'redirect')
  assert.match(why.message, /^answered 307, a redirect to http:\/\/127\.0\.0\.1:\d+\/other, which is never followed/)
  assert.equal(receiver.received.length, 1)
})

test('Retry-After is passed on', async () => {
  const { afterMs } = await failure(answered((response) => response.writeHead(429, { 'retry-after': '7' }).end()))
  assert.equal(afterMs, 7_000)
})

test('an endless answer is read up to its bound and no further', async () => {
  const endless: Answer = (response) => {
    response.writeHead(500)
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(8_192)));
    }
    response.on('drain', more)
    more()
  }
  const { why } = await failure(answered(endless))
  assert.equal(why.message, `answered 500: ${'x'.repeat(300)}…`)
})

test('the deadline covers an answer whose body never ends', async () => {
  const { why } = await failure(answered((response) => response.writeHead(200).write('a'), { timeoutMs: 50 }))
  assert.equal(why.kind, 'timeout')
})

test('the deadline covers a receiver that never answers', async () => {
  const { why } = await failure(answered(() => {}, { timeoutMs: 50 }))
  assert.equal(why.kind, 'timeout')
  assert.match(why.message, /^timeout: the request to 127\.0\.0\.1:\d+ took longer than 50 ms/)
})

test('a refused connection, a reset, a name without address and a broken handshake have names', async () => {
  await using gone = await startReceiver()
  await gone[Symbol.asyncDispose]()
  assert.equal((await failure(post(gone.url))).why.kind, 'connection_refused')
  assert.equal((await failure(answered((_response, request) => request.socket.destroy()))).why.kind, 'connection_reset')
  const unknown = createEgress([], {
    resolve: (name, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), []),
  })
  assert.equal((await failure(post('http://nowhere.example/', { egress: unknown }))).why.kind, 'dns_error')
  await using plain = await startReceiver()
  assert.equal((await failure(post(plain.url.replace('http:', 'https:')))).why.kind, 'tls_error')
})

test('an address that is not open is blocked before any connection, as a literal and as a name', async () => {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const egress = createEgress([], {
    resolve: (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
  })
  for (const host of ['127.0.0.1', '2130706433', '[::ffff:127.0.0.1]', 'rebound.example']) {
    const outcome = await post(`http://${host}:${address.port}/`, { egress })
    assert.ok(outcome.kind === 'blocked', `${host}: ${outcome.kind}`)
    assert.match(outcome.why.message, /is a loopback address; an operator opens it with --allow-egress/, host)
  }
  assert.equal(connections, 0)
  await new Promise((resolve) => server.close(resolve))
})

test('an abort ends the attempt with its reason', async () => {
  const stop = new AbortController()
  const reason = new Error('stopped')
  await assert.rejects(
    answered(() => stop.abort(reason), { signal: stop.signal }),
    reason,
  )
})
