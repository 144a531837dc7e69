import assert from 'node:assert/strict'
import test from 'node:test'
import { createTokenClient, type Setback, type TokenAnswer, type TokenRequest } from './oauth.ts'
import { DeliveryFailure } from './send.ts'

const credentials = {
  tokenUrl: new URL('https://idp.example.com/token?tenant=t-s3cret'),
  clientId: 'hub',
  clientSecret: 'p&ss wörd:1',
  scopes: ['events.write', 'events.read'],
}
const live = new AbortController().signal

type Answering = (request: TokenRequest) => TokenAnswer | Setback

const answered = (status: number, body: unknown, more: { afterMs?: number } = {}): TokenAnswer => ({
  kind: 'answered',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...more,
})
const granted = (more: object = {}) => answered(200, { access_token: 't0ken-1', token_type: 'Bearer', expires_in: 300, ...more })

/** A client whose requests are kept. */
function clientOf(answering: Answering, scopes: readonly string[] = credentials.scopes) {
  const requests: TokenRequest[] = []
  const client = createTokenClient({ ...credentials, scopes }, async (request) => {
    requests.push(request)
    return answering(request)
  })
  return { client, requests, token: () => client.token(live) }
}

async function refusal(answering: Answering) {
  const { token } = clientOf(answering)
  const got = await token()
  assert.ok(got.kind === 'try-later', got.kind)
  return { ...got, message: got.why.message }
}

test('a token is asked for with the credentials in the header and the scopes in the form', async () => {
  const { token, requests } = clientOf(() => granted())
  assert.deepEqual(await token(), { kind: 'token', value: 't0ken-1', lifetimeMs: 300_000 })
  const [request] = requests
  assert.equal(request?.url.href, credentials.tokenUrl.href)
  assert.equal(request?.body, 'scope=events.write+events.read&grant_type=client_credentials')
  assert.match(request?.headers['content-type'] ?? '', /^application\/x-www-form-urlencoded/)
  const [, encoded = ''] = (request?.headers.authorization ?? '').split('Basic ')
  assert.equal(Buffer.from(encoded, 'base64').toString(), 'hub:p%26ss+w%C3%B6rd%3A1')
})

test('without scopes none is asked for', async () => {
  const { token, requests } = clientOf(() => granted(), [])
  await token()
  assert.equal(requests[0]?.body, 'grant_type=client_credentials')
})

test('a server that wants the credentials in the body gets them there, at once the next time', async () => {
  const { token, requests } = clientOf(({ headers }) =>
    headers.authorization === undefined ? granted() : answered(401, { error: 'invalid_client' }),
  )
  assert.equal((await token()).kind, 'token')
  assert.equal((await token()).kind, 'token')
  assert.deepEqual(
    requests.map(({ headers }) => headers.authorization === undefined),
    [false, true, true],
  )
  const form = new URLSearchParams(requests[1]?.body)
  assert.deepEqual([form.get('client_id'), form.get('client_secret')], ['hub', credentials.clientSecret])
})

test('a lifetime that is not said is an hour, and none is longer than a day', async () => {
  const lifetime = async (expires_in: unknown) => {
    const got = await clientOf(() => granted({ expires_in })).token()
    return got.kind === 'token' ? got.lifetimeMs : got.kind
  }
  assert.equal(await lifetime(undefined), 3_600_000)
  assert.equal(await lifetime('60'), 60_000)
  assert.equal(await lifetime(1e300), 86_400_000)
  assert.equal(await lifetime(-1), 'try-later')
  assert.equal(await lifetime('soon'), 'try-later')
})

test('what is refused is a token_error that names the token endpoint and its words, and no secret', async () => {
  const { why, message, afterMs } = await refusal(() =>
    answered(400, { error: 'invalid_scope', error_description: `no\n\u0007such scope for ${credentials.clientSecret}` }),
  )
  assert.equal(why.kind, 'token_error')
  assert.equal(message, 'token_error: https://idp.example.com/token: answered 400: invalid_scope: no such scope for ***')
  assert.equal(afterMs, undefined)
})

test('a secret that is said back at the end of what is shown is not shown in part', async () => {
  for (let before = 250; before < 300; before++) {
    const { message } = await refusal(() => answered(500, `${'x'.repeat(before)}${credentials.clientSecret}`))
    assert.doesNotMatch(message, /p&s/, String(before))
  }
})

test('an unknown client is told after both ways of saying who we are', async () => {
  const { token, requests } = clientOf(() => answered(401, { error: 'invalid_client' }))
  const got = await token()
  assert.equal(
    got.kind === 'try-later' && got.why.message,
    'token_error: https://idp.example.com/token: answered 401: invalid_client',
  )
  assert.equal(requests.length, 2)
})

test('an endpoint that asks to be left alone is', async () => {
  const { message, afterMs } = await refusal(() => answered(503, '<h1>busy</h1>', { afterMs: 7_000 }))
  assert.equal(message, 'token_error: https://idp.example.com/token: answered 503: <h1>busy</h1>')
  assert.equal(afterMs, 7_000)
})

test('a redirect is not followed, and said', async () => {
  for (const status of [302, 304, 307]) {
    const { message } = await refusal(() => answered(status, ''))
    assert.match(message, new RegExp(`answered ${status}, a redirect, which is never followed$`))
  }
})

test('what comes with a 2xx is no token response is not shown: it may hold a token', async () => {
  const bodies = [
    '',
    't0ken-1',
    '[]',
    '{"access_token":"t0ken-1"',
    { access_token: 't0ken-1' },
    { access_token: 't0ken-1', token_type: 'mac' },
    { access_token: 't0ken-1', token_type: 'dpop' },
    { access_token: 't0ken\n1', token_type: 'bearer' },
    { access_token: 't0ken-1', token_type: 'bearer', expires_in: [] },
  ]
  for (const body of bodies) {
    const { why, message } = await refusal(() => answered(200, body))
    assert.equal(why.kind, 'token_error')
    assert.doesNotMatch(`${message}${String(why.cause)}`, /t0ken/, JSON.stringify(body))
  }
  assert.match((await refusal(() => answered(204, ''))).message, /answered 204 with something that is no token response$/)
})

test('a token endpoint that is not reached is its own trouble; a resolver, a proxy and a closed address are ours', async () => {
  const refused = new DeliveryFailure('connection_refused', 'connection_refused: connect ECONNREFUSED 10.0.0.1:443')
  const { why, message } = await refusal(() => ({ kind: 'try-later', why: refused }))
  assert.equal(message, `token_error: https://idp.example.com/token: ${refused.message}`)
  assert.equal(why.cause, refused)
  for (const kind of ['not-charged', 'blocked'] as const) {
    const setback = { kind, why: refused }
    assert.deepEqual(await clientOf(() => setback).token(), setback)
  }
})

test('an aborted request throws the reason of its signal and nothing else', async () => {
  const stop = new AbortController()
  const client = createTokenClient(credentials, async () => {
    stop.abort(new Error('enough'))
    throw stop.signal.reason
  })
  await assert.rejects(client.token(stop.signal), { message: 'enough' })
})
