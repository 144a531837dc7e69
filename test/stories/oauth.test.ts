/** OAuth2 client credentials over real sockets and TLS: tokens come the way that deliveries go, and nothing that they need is shown or sent elsewhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEgress, type Resolve } from '@watch-hub/hub/delivery/egress'
import { openPost, type PostSettings } from '@watch-hub/hub/delivery/post'
import { createProxy } from '@watch-hub/hub/delivery/proxy'
import type { Outcome, Outgoing } from '@watch-hub/hub/delivery/send'
import type { Target } from '@watch-hub/hub/delivery/target'
import { certificate } from '../support/certificate.ts'
import {
  answer,
  askingToWait,
  echo,
  hugeAnswer,
  redirect,
  resetInBody,
  silence,
} from '../support/hostile-receiver/hostilities.ts'
import { type HostileReceiver, type Hostility, startHostileReceiver } from '../support/hostile-receiver/receiver.ts'

const batch: Outgoing = { id: 'b-1', endpoint: 'dns', events: 2, body: Buffer.from('{"items":[]}'), headers: {} }
const live = new AbortController().signal
const clientSecret = 'c4nary-of-the-client'
const authority = certificate({ commonName: 'private authority', hosts: [] })
const tls = certificate({ issuer: authority })
const settings: PostSettings = { timeoutMs: 5_000, egress: createEgress(['127.0.0.1/32']), now: Date.now }

const targetOf = (url: string, tokenUrl: string): Target => ({
  url: new URL(url),
  headers: {},
  mask: (text) => text,
  tls: { ca: authority.cert },
  oauth2: { tokenUrl: new URL(tokenUrl), clientId: 'hub', clientSecret, scopes: [] },
})

const granted = (token: string): Hostility =>
  answer(200, { body: JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 300 }) })

/** An issuer that gives `t0ken-1`, then `t0ken-2`, or does what it is told; and a receiver. Both have certificates of the private authority. */
async function stage(issuing: readonly Hostility[] = [granted('t0ken-1'), granted('t0ken-2')], more: Partial<PostSettings> = {}) {
  await using scope = new AsyncDisposableStack()
  const receiver = scope.use(await startHostileReceiver({ tls }))
  const issuer = scope.use(await startHostileReceiver({ tls }))
  issuer.meet(...issuing)
  const post = scope.use(openPost(targetOf(receiver.url, issuer.url), { ...settings, ...more }))
  const owned = scope.move()
  return { receiver, issuer, send: () => post.send(batch, live), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const carried = ({ heard }: HostileReceiver) => heard.map(({ headers }) => headers.authorization)

function said(outcome: Outcome): string {
  assert.ok('why' in outcome, outcome.kind)
  return `${outcome.kind} ${outcome.why.message}`
}

test('one token serves many deliveries, and both sides are trusted by the private authority of the endpoint', async () => {
  await using s = await stage()
  assert.deepEqual([(await s.send()).kind, (await s.send()).kind], ['accepted', 'accepted'])
  assert.deepEqual(carried(s.receiver), ['Bearer t0ken-1', 'Bearer t0ken-1'])
  assert.equal(s.issuer.heard.length, 1)
  const [asked] = s.issuer.heard
  assert.equal(asked?.body, 'grant_type=client_credentials')
})

test('a token that the receiver rejects is renewed once and the delivery repeated once, within the attempt', async () => {
  await using s = await stage()
  s.receiver.meet(answer(401))
  assert.deepEqual(await s.send(), { kind: 'accepted', status: 200 })
  assert.deepEqual(carried(s.receiver), ['Bearer t0ken-1', 'Bearer t0ken-2'])
  assert.equal(s.receiver.heard[0]?.id, s.receiver.heard[1]?.id)
})

test('a receiver that rejects every token is left to the schedule of its endpoint', async () => {
  await using s = await stage()
  s.receiver.otherwise(answer(401))
  assert.match(said(await s.send()), /^try-later answered 401/)
  assert.equal(s.receiver.heard.length, 2)
  assert.equal(s.issuer.heard.length, 2)
})

test('an issuer that gives no token is the trouble of the endpoint, and nothing is delivered', async () => {
  const cases: readonly (readonly [Hostility, RegExp])[] = [
    [answer(400, { body: '{"error":"invalid_grant"}' }), /answered 400: invalid_grant$/],
    [answer(500, { body: `you are ${clientSecret}!` }), /answered 500: you are \*\*\*!$/],
    [echo(403), /answered 403: .*"authorization":"Basic \*\*\*"/],
    [askingToWait(429, '7'), /answered 429$/],
    [redirect(307, 'https://127.0.0.1:9/elsewhere'), /answered 307, a redirect, which is never followed$/],
    [hugeAnswer(200, 10, '{"access_token":"t0ken-9'), /answered 200 with something that is no token response$/],
    [resetInBody(200, '{"access_token":"t0ken-9"'), /connection_reset/],
  ]
  for (const [hostility, words] of cases) {
    await using s = await stage([hostility])
    const outcome = await s.send()
    assert.match(said(outcome), /^try-later token_error: https:\/\/127\.0\.0\.1:\d+\/hook: /)
    assert.match(said(outcome), words)
    assert.doesNotMatch(said(outcome), /t0ken|c4nary/)
    assert.equal(s.receiver.heard.length, 0)
  }
})

test('an issuer that asks to be left alone is', async () => {
  await using s = await stage([askingToWait(503, '7')])
  const outcome = await s.send()
  assert.equal(outcome.kind === 'try-later' && outcome.afterMs, 7_000)
})

test('an issuer that never answers ends with the attempt, and is not the fault of the batch', async () => {
  await using s = await stage([silence], { timeoutMs: 100 })
  assert.match(said(await s.send()), /^try-later token_error: .*: no answer in time$/)
})

test('an issuer that nobody vouches for gets no secret', async () => {
  await using receiver = await startHostileReceiver({ tls })
  await using issuer = await startHostileReceiver({ tls: certificate() })
  await using post = openPost(targetOf(receiver.url, issuer.url), settings)
  assert.match(said(await post.send(batch, live)), /^try-later token_error: .*: tls_error/)
  assert.equal(issuer.heard.length + receiver.heard.length, 0)
})

test('an issuer at a closed address is not reached, in any spelling and by any name', async () => {
  await using receiver = await startHostileReceiver({ tls })
  await using issuer = await startHostileReceiver()
  const egress = createEgress(['127.0.0.1/32'], {
    deny: ['127.0.0.9/32'],
    resolve: (_name, _options, callback) => callback(null, [{ address: '169.254.169.254', family: 4 }]),
  })
  for (const host of ['127.0.0.9', '2130706441', '0x7f.9', '[::ffff:127.0.0.9]', '169.254.169.254', 'metadata.example']) {
    await using post = openPost(targetOf(receiver.url, `http://${host}:${issuer.port}/token`), { ...settings, egress })
    assert.match(said(await post.send(batch, live)), /^blocked .* may not be reached: /, host)
  }
  assert.equal(issuer.heard.length + receiver.heard.length, 0)
})

test('a resolver of ours that does not answer is not charged to the endpoint', async () => {
  const resolve: Resolve = (_name, _options, callback) =>
    callback(Object.assign(new Error('getaddrinfo EAI_AGAIN issuer.example'), { code: 'EAI_AGAIN' }), [])
  await using receiver = await startHostileReceiver({ tls })
  const egress = createEgress(['127.0.0.1/32'], { resolve })
  await using post = openPost(targetOf(receiver.url, 'https://issuer.example/token'), { ...settings, egress })
  assert.match(said(await post.send(batch, live)), /^not-charged resolver_error/)
})

test('tokens are asked for through the egress proxy; one that is not there is not charged to the endpoint', async () => {
  await using issuer = await startHostileReceiver()
  await using receiver = await startHostileReceiver()
  const proxyTo = (url: string) => createProxy({ url, noProxy: [`127.0.0.1:${receiver.port}`] })
  await using proxy = await startHostileReceiver()
  proxy.meet(granted('t0ken-1'))
  {
    await using post = openPost(targetOf(receiver.url, issuer.url), { ...settings, proxy: proxyTo(new URL(proxy.url).origin) })
    assert.equal((await post.send(batch, live)).kind, 'accepted')
  }
  assert.deepEqual([proxy.heard[0]?.path, issuer.heard.length], [issuer.url, 0])
  assert.deepEqual(carried(receiver), ['Bearer t0ken-1'])
  await proxy[Symbol.asyncDispose]()
  await using post = openPost(targetOf(receiver.url, issuer.url), { ...settings, proxy: proxyTo(new URL(proxy.url).origin) })
  assert.match(said(await post.send(batch, live)), /^not-charged proxy_error/)
})

test('a token that the receiver says back is shown nowhere', async () => {
  await using s = await stage()
  s.receiver.otherwise(echo(400))
  const outcome = await s.send()
  assert.ok(outcome.kind === 'refused')
  assert.match(outcome.why.answer ?? '', /Bearer \*\*\*/)
  assert.doesNotMatch(`${outcome.why.message}${outcome.why.answer}`, /t0ken|c4nary/)
})

test('many attempts at once ask for one token, and renew it once', async () => {
  await using s = await stage()
  s.receiver.meet(answer(401), answer(401), answer(401))
  const outcomes = await Promise.all([s.send(), s.send(), s.send()])
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['accepted']))
  assert.equal(s.issuer.heard.length, 2)
})
