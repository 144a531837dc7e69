import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import test from 'node:test'
import { createEgress, type Egress, type Resolve } from './egress.ts'
import { openPost } from './post.ts'
import { DeliveryFailure, type Outcome, type Outgoing } from './send.ts'
import type { Target } from './target.ts'
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

const targetOf = (url: string, more: Partial<Target> = {}): Target => ({
  url: new URL(url),
  headers: { 'content-type': 'application/json', 'x-tenant': 'a' },
  mask: (text) => text,
  ...more,
})
const settings = { timeoutMs: 5_000, egress: loopback, now: () => 1_700_000_000_999 }

test('an attempt is signed with its own time; what the format says of the content comes before the target', async () => {
  await using receiver = await startReceiver()
  const sign = (id: string, seconds: number, body: Uint8Array) => `v1,${id}/${seconds}/${Buffer.from(body).toString()}`
  await using opened = openPost(targetOf(receiver.url, { sign }), settings)
  await opened.send({ ...batch, body: Buffer.from('[]'), headers: { 'content-type': 'application/cloudevents+json' } }, live)
  const headers = receiver.received[0]?.headers
  assert.equal(headers?.['webhook-timestamp'], '1700000000')
  assert.equal(headers?.['webhook-signature'], 'v1,b-1/1700000000/[]')
  assert.equal(headers?.['content-type'], 'application/cloudevents+json')
  assert.equal(headers?.['x-tenant'], 'a')
})

function authorizing() {
  const rejected: unknown[] = []
  let tokens = 0
  const headers = () => ({ authorization: `Bearer ${tokens}` })
  const refresh: NonNullable<Target['refresh']> = (headers) => {
    rejected.push(headers)
    tokens++
  }
  return { rejected, authorize: async () => ({ kind: 'ready' as const, headers: headers() }), refresh }
}

test('a 401 is answered with a new token once', async () => {
  await using receiver = await startReceiver()
  const { rejected, ...auth } = authorizing()
  await using opened = openPost(targetOf(receiver.url, auth), settings)
  receiver.answer(401)
  assert.deepEqual(await opened.send(batch, live), { kind: 'accepted', status: 200 })
  receiver.answer(401, 401)
  assert.equal((await failure(opened.send(batch, live))).why.status, 401)
  assert.deepEqual(rejected, [{ authorization: 'Bearer 0' }, { authorization: 'Bearer 1' }])
  assert.deepEqual(
    receiver.received.map(({ headers }) => headers.authorization),
    ['Bearer 0', 'Bearer 1', 'Bearer 1', 'Bearer 2'],
  )
})

test('without a token nothing is sent, and the attempt came to what asking for one came to', async () => {
  await using receiver = await startReceiver()
  const outcome = { kind: 'try-later', why: new DeliveryFailure('token_error', 'no token') } as const
  await using opened = openPost(targetOf(receiver.url, { authorize: async () => ({ kind: 'failed', outcome }) }), settings)
  assert.equal(await opened.send(batch, live), outcome)
  assert.equal(receiver.received.length, 0)
})

test('a token is asked for at the tokenUrl, under the same guard, within the same deadline', async () => {
  await using receiver = await startReceiver()
  await using issuer = await startReceiver()
  const token = JSON.stringify({ access_token: 'fresh', token_type: 'Bearer', expires_in: 3_600 })
  issuer.otherwise((response) => response.writeHead(200, { 'content-type': 'application/json' }).end(token))
  const oauth2 = (tokenUrl: string) => ({ tokenUrl: new URL(tokenUrl), clientId: 'hub', clientSecret: 's', scopes: ['write'] })
  await using opened = openPost(targetOf(receiver.url, { oauth2: oauth2(`${issuer.url}/token?tenant=1`) }), settings)
  assert.equal((await opened.send(batch, live)).kind, 'accepted')
  assert.equal((await opened.send(batch, live)).kind, 'accepted')
  assert.deepEqual(
    issuer.received.map(({ path, body }) => [path, new URLSearchParams(body).get('scope')]),
    [['/token?tenant=1', 'write']],
  )
  assert.equal(receiver.received[1]?.headers.authorization, 'Bearer fresh')

  await using guarded = openPost(targetOf(receiver.url, { oauth2: oauth2(issuer.url.replace('127.0.0.1', '127.0.0.2')) }), {
    ...settings,
    egress: createEgress(['127.0.0.1/32']),
  })
  assert.equal((await guarded.send(batch, live)).kind, 'blocked')

  issuer.otherwise(() => {})
  await using slow = openPost(targetOf(receiver.url, { oauth2: oauth2(issuer.url) }), { ...settings, timeoutMs: 50 })
  assert.equal((await failure(slow.send(batch, live))).why.kind, 'token_error')
  assert.equal(receiver.received.length, 2)
})

const lookingUp = (resolve: Resolve) => ({ ...settings, timeoutMs: 50, egress: createEgress([], { resolve }) })

test('a resolver that does not answer is not charged; time that ran out before there was a connection says so', async () => {
  const unanswered = Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' })
  await using opened = openPost(
    targetOf('http://a.example/'),
    lookingUp((_name, _options, callback) => callback(unanswered, [])),
  )
  const outcome = await opened.send(batch, live)
  assert.ok(outcome.kind === 'not-charged')
  assert.equal(outcome.why.kind, 'resolver_error')

  await using stuck = openPost(
    targetOf('http://a.example/'),
    lookingUp(() => {}),
  )
  const { why } = await failure(stuck.send(batch, live))
  assert.equal(why.kind, 'unreachable')
  assert.match(
    why.message,
    /^unreachable: (no connection to http:\/\/a\.example: .* took longer than 50 ms|Connect Timeout Error)/,
  )
})

test('disposing waits for the attempts under way', async () => {
  await using receiver = await startReceiver()
  const opened = openPost(targetOf(receiver.url), settings)
  let answer = () => {}
  receiver.otherwise((response) => {
    answer = () => response.end()
  })
  const sent = opened.send(batch, live)
  await receiver.requests(1)
  const disposed = opened[Symbol.asyncDispose]()
  answer()
  assert.equal((await sent).kind, 'accepted')
  await disposed
})
