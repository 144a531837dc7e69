/** Deliveries leave through the operator's proxy: what it may and may not be asked for, and what comes of its failures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createEgress, type EgressOptions } from '@watch-hub/hub/delivery/egress'
import { openPost } from '@watch-hub/hub/delivery/post'
import { createProxy } from '@watch-hub/hub/delivery/proxy'
import type { Outcome, Outgoing } from '@watch-hub/hub/delivery/send'
import { certificate } from '../support/certificate.ts'
import { startEgressProxy } from '../support/egress-proxy.ts'
import { answer, hangUpAfterReading } from '../support/hostile-receiver/hostilities.ts'
import { startHostileReceiver } from '../support/hostile-receiver/receiver.ts'

const batch: Outgoing = { id: 'b-1', endpoint: 'dns', events: 1, body: Buffer.from('{}'), headers: {} }
const live = new AbortController().signal
const authority = certificate({ commonName: 'private authority' })
const shown = certificate({ issuer: authority, hosts: ['receiver.example', '127.0.0.1'] })

type Resolve = NonNullable<EgressOptions['resolve']>
const unknown: Resolve = (name, _options, callback) =>
  callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), [])
const leadingTo =
  (address: string): Resolve =>
  (_name, _options, callback) =>
    callback(null, [{ address, family: 4 }])

interface Way {
  readonly proxy: string
  readonly noProxy?: readonly string[]
  readonly resolve?: Resolve
  /** @default loopback */
  readonly allow?: readonly string[]
}

function open(url: string, { proxy, noProxy = [], resolve = unknown, allow = ['127.0.0.0/8'] }: Way) {
  const target = { url: new URL(url), headers: {}, mask: (text: string) => text, tls: { ca: authority.cert } }
  const egress = createEgress(allow, { resolve })
  return openPost(target, { timeoutMs: 5_000, egress, now: Date.now, proxy: createProxy({ url: proxy, noProxy }) })
}

async function send(url: string, way: Way): Promise<Outcome> {
  await using post = open(url, way)
  return await post.send(batch, live)
}

const summary = (outcome: Outcome): string => {
  if (outcome.kind === 'accepted' || outcome.kind === 'changed') return outcome.kind
  return `${outcome.kind} ${outcome.kind === 'blocked' ? outcome.why.message : `${outcome.why.kind}: ${outcome.why.message}`}`
}

test('https goes through a tunnel and http as a whole url; names are the business of the proxy', async () => {
  await using proxy = await startEgressProxy({ names: ['receiver.example'] })
  await using secure = await startHostileReceiver({ tls: shown })
  await using plain = await startHostileReceiver()
  assert.equal(summary(await send(`https://receiver.example:${secure.port}/a?b`, { proxy: proxy.url })), 'accepted')
  assert.equal(summary(await send(`http://receiver.example:${plain.port}/a?b`, { proxy: proxy.url })), 'accepted')
  assert.deepEqual(proxy.asked, [`CONNECT receiver.example:${secure.port}`, `POST http://receiver.example:${plain.port}/a?b`])
  assert.deepEqual(
    [secure, plain].map(({ heard }) => [heard[0]?.path, heard[0]?.headers.host, heard[0]?.headers['webhook-id']]),
    [
      ['/a?b', `receiver.example:${secure.port}`, 'b-1'],
      ['/a?b', `receiver.example:${plain.port}`, 'b-1'],
    ],
  )
})

test('a tunnel serves many requests, and one that dies while old costs no attempt', async () => {
  await using proxy = await startEgressProxy({ names: ['receiver.example'] })
  await using receiver = await startHostileReceiver({ tls: shown })
  await using post = open(`https://receiver.example:${receiver.port}/`, { proxy: proxy.url })
  for (let i = 0; i < 20; i++) assert.equal(summary(await post.send(batch, live)), 'accepted')
  assert.ok(proxy.asked.length <= 2, `${proxy.asked.length} tunnels`)
  receiver.meet(hangUpAfterReading)
  assert.deepEqual(await post.send(batch, live), { kind: 'accepted', status: 200, resends: 1 })
})

test('the certificate of the receiver is checked behind the proxy too', async () => {
  await using proxy = await startEgressProxy({ names: ['other.example'] })
  await using receiver = await startHostileReceiver({ tls: shown })
  const outcome = await send(`https://other.example:${receiver.port}/`, { proxy: proxy.url })
  assert.match(summary(outcome), /^try-later tls_error: .*other\.example/)
  assert.equal(receiver.heard.length, 0)
})

test('a proxy that wants credentials gets them, and nobody else does', async () => {
  await using proxy = await startEgressProxy({ names: ['receiver.example'], credentials: 'hub:pass' })
  await using secure = await startHostileReceiver({ tls: shown })
  await using plain = await startHostileReceiver()
  const way = { proxy: proxy.url.replace('//', '//hub:pass@') }
  assert.equal(summary(await send(`https://receiver.example:${secure.port}/`, way)), 'accepted')
  assert.equal(summary(await send(`http://receiver.example:${plain.port}/`, way)), 'accepted')
  assert.equal(secure.heard[0]?.headers['proxy-authorization'], undefined)
  for (const url of [`https://receiver.example:${secure.port}/`, `http://receiver.example:${plain.port}/`]) {
    const refused = summary(await send(url, { proxy: proxy.url.replace('//', '//hub:wr0ng@') }))
    assert.match(refused, /^not-charged proxy_error: .* answered 407/)
    assert.doesNotMatch(refused, /wr0ng/)
  }
})

test('a proxy that is down, hangs up or refuses is not charged to the endpoint', async () => {
  await using proxy = await startEgressProxy()
  const url = 'https://127.0.0.1:1/'
  for (const status of [0, 403, 500]) {
    proxy.fail(status)
    assert.match(summary(await send(url, { proxy: proxy.url })), /^not-charged proxy_error: /, String(status))
  }
  await proxy[Symbol.asyncDispose]()
  for (const each of [url, 'http://127.0.0.1:1/'])
    assert.match(
      summary(await send(each, { proxy: proxy.url })),
      /^not-charged proxy_error: proxy_error: the egress proxy 127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED/,
    )
})

test('a receiver that the proxy cannot reach is the trouble of the endpoint', async () => {
  await using proxy = await startEgressProxy()
  const outcome = await send('https://nowhere.example/', { proxy: proxy.url })
  assert.match(summary(outcome), /^try-later unreachable: .* answered 502 when asked for nowhere\.example:443$/)
  const plain = await send('http://nowhere.example/', { proxy: proxy.url })
  assert.match(summary(plain), /^try-later http_5xx: answered 502: says the proxy$/)
})

test('what no-proxy names is reached without it', async () => {
  await using proxy = await startEgressProxy()
  await using receiver = await startHostileReceiver()
  assert.equal(summary(await send(receiver.url, { proxy: proxy.url, noProxy: ['127.0.0.0/8'] })), 'accepted')
  assert.deepEqual(proxy.asked, [])
})

test('a receiver that is closed is not asked of the proxy, as an address and as a name that leads there', async () => {
  await using proxy = await startEgressProxy({ names: ['rebound.example'] })
  const closed = { proxy: proxy.url, resolve: leadingTo('169.254.169.254'), allow: [] }
  for (const scheme of ['http', 'https'])
    for (const host of ['169.254.169.254', '[::ffff:a9fe:a9fe]', '2852039166', 'rebound.example'])
      assert.match(summary(await send(`${scheme}://${host}/latest`, closed)), /^blocked .* is a cloud metadata address/, host)
  assert.deepEqual(proxy.asked, [])
})

test('a name of a proxy that leads to a closed address is not followed; an address that the operator wrote is meant', async () => {
  await using proxy = await startEgressProxy()
  await using receiver = await startHostileReceiver()
  const named = { proxy: proxy.url.replace('127.0.0.1', 'proxy.example'), allow: [], resolve: leadingTo('127.0.0.1') }
  assert.match(summary(await send('http://10.0.0.1/', named)), /^blocked proxy\.example may not be reached: .* loopback/)
  assert.deepEqual(proxy.asked, [])
  const written = { proxy: proxy.url, allow: ['127.0.0.1/32'] }
  assert.equal(summary(await send(receiver.url, written)), 'accepted')
})

test('https is spoken to a proxy whose url says so, and its certificate is checked', async () => {
  const own = certificate({ hosts: ['127.0.0.1'] })
  await using proxy = await startEgressProxy({ tls: own, names: ['receiver.example'] })
  await using secure = await startHostileReceiver({ tls: shown })
  await using plain = await startHostileReceiver()
  const urls = [`https://receiver.example:${secure.port}/`, `http://receiver.example:${plain.port}/`]
  for (const url of urls) {
    const untrusted = await send(url, { proxy: proxy.url })
    assert.match(summary(untrusted), /^not-charged proxy_error: .* cannot be reached: self-signed certificate/)
  }
  const usual = getCACertificates('default')
  setDefaultCACertificates([...usual, own.cert])
  try {
    for (const url of urls) assert.equal(summary(await send(url, { proxy: proxy.url })), 'accepted')
  } finally {
    setDefaultCACertificates(usual)
  }
})

test('an answer of the receiver comes back through the proxy as it is', async () => {
  await using proxy = await startEgressProxy({ names: ['receiver.example'] })
  await using receiver = await startHostileReceiver({ tls: shown })
  receiver.otherwise(answer(413, { body: 'too much' }))
  const outcome = await send(`https://receiver.example:${receiver.port}/`, { proxy: proxy.url })
  assert.equal(summary(outcome), 'oversize http_4xx: answered 413: too much')
})
