import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { TimeoutError } from '@watch-hub/shared/runtime/sleep'
import type { AskToken, Setback, TokenAnswer } from './oauth.ts'
import { DeliveryFailure } from './send.ts'
import { openTokens, withTokens } from './tokens.ts'

const credentials = {
  tokenUrl: new URL('https://idp.example.com/token'),
  clientId: 'hub',
  clientSecret: 's3cret-of-hub',
  scopes: [],
}
const live = new AbortController().signal
const down: Setback = { kind: 'not-charged', why: new DeliveryFailure('resolver_error', 'no resolver') }

/** Tokens `token-1`, `token-2`, …, good for 100 s; a clock to turn and an endpoint to break. */
function tokensOf(answer: (count: number, signal: AbortSignal) => TokenAnswer | Setback | Promise<TokenAnswer> = granted) {
  const state = { now: 0, asked: 0, answer }
  const signals: AbortSignal[] = []
  const asked = Promise.withResolvers<AbortSignal>()
  const ask: AskToken = async (_request, signal) => {
    signals.push(signal)
    asked.resolve(signal)
    return state.answer(++state.asked, signal)
  }
  const tokens = openTokens(credentials, { ask, now: () => state.now })
  const header = async (signal = live) => {
    const got = await tokens.authorize(signal)
    return got.kind === 'ready' ? got.headers.authorization : got.outcome.kind
  }
  return { tokens, state, signals, header, asked: asked.promise }
}

const granted = (count: number): TokenAnswer => ({
  kind: 'answered',
  status: 200,
  body: JSON.stringify({ access_token: `token-${count}`, token_type: 'bearer', expires_in: 100 }),
})

test('a token serves until shortly before its end', async () => {
  const { header, state } = tokensOf()
  assert.equal(await header(), 'Bearer token-1')
  state.now = 79_999
  assert.equal(await header(), 'Bearer token-1')
  state.now = 80_000
  assert.equal(await header(), 'Bearer token-2')
  assert.equal(state.asked, 2)
})

test('all who need a token at once wait for one request', async () => {
  const { header, state } = tokensOf()
  assert.deepEqual(new Set(await Promise.all([header(), header(), header()])), new Set(['Bearer token-1']))
  assert.equal(state.asked, 1)
})

test('a renewal that fails spoils nothing while the old token holds, and is not repeated at every attempt', async () => {
  const { header, state } = tokensOf()
  await header()
  state.answer = () => down
  state.now = 85_000
  assert.deepEqual([await header(), await header()], ['Bearer token-1', 'Bearer token-1'])
  assert.equal(state.asked, 2)
  state.now = 95_000
  assert.equal(await header(), 'Bearer token-1')
  assert.equal(state.asked, 3)
  state.now = 105_000
  assert.equal(await header(), 'not-charged')
  state.answer = granted
  assert.equal(await header(), 'Bearer token-5')
})

test('a rejected token is asked for anew once, however many were sent with it', async () => {
  const { tokens, header, state } = tokensOf()
  const rejected = { authorization: (await header()) ?? '' }
  tokens.refresh(rejected)
  assert.equal(await header(), 'Bearer token-2')
  tokens.refresh(rejected)
  assert.equal(await header(), 'Bearer token-2')
  assert.equal(state.asked, 2)
})

test('an attempt that ends leaves the request to those who still wait for it; the last one ends it', async () => {
  const answer = Promise.withResolvers<TokenAnswer>()
  const { header, signals, asked } = tokensOf(() => answer.promise)
  const [first, second] = [new AbortController(), new AbortController()]
  const [one, two] = [header(first.signal), header(second.signal)]
  await asked
  first.abort(new Error('first ends'))
  await assert.rejects(one, { message: 'first ends' })
  assert.equal(signals[0]?.aborted, false)
  answer.resolve(granted(1))
  assert.equal(await two, 'Bearer token-1')
})

test('a stopped attempt waits until its request has really ended, and the next one asks anew', async () => {
  const ended = Promise.withResolvers<TokenAnswer>()
  const { header, asked, state } = tokensOf(() => ended.promise)
  const stop = new AbortController()
  const waiting = header(stop.signal)
  let over = false
  const settled = assert.rejects(waiting, { message: 'shutdown' }).then(() => {
    over = true
  })
  const signal = await asked
  const aborted = once(signal, 'abort')
  stop.abort(new Error('shutdown'))
  await aborted
  state.answer = granted
  assert.equal(await header(), 'Bearer token-2')
  assert.equal(over, false)
  ended.reject(signal.reason)
  await settled
})

test('a token that does not come in time is the trouble of the token endpoint, not of the batch', async () => {
  const { tokens, asked } = tokensOf(async (_count, signal) => {
    await once(signal, 'abort')
    throw signal.reason
  })
  const late = new AbortController()
  const got = tokens.authorize(late.signal)
  await asked
  late.abort(new TimeoutError(15_000, 'the request to receiver.example'))
  const { kind, ...rest } = await got
  assert.ok(kind === 'failed' && 'outcome' in rest && rest.outcome.kind === 'try-later')
  assert.match(rest.outcome.why.message, /^token_error: https:\/\/idp\.example\.com\/token: no answer in time$/)
})

test('tokens and credentials are masked, as long as an answer may hold them', async () => {
  const { tokens, header, state } = tokensOf()
  await header()
  state.now = 90_000
  await header()
  const basic = Buffer.from('hub:s3cret%2Dof%2Dhub').toString('base64')
  assert.equal(tokens.mask(`token-1 token-2 s3cret-of-hub ${basic}.`), '*** *** *** ***.')
})

test('a target without OAuth2 stays what it is; one with it hides its own secrets and the tokens', async () => {
  const plain = {
    url: new URL('https://dns.example.com/'),
    headers: {},
    mask: (text: string) => text.replaceAll('api-key', '***'),
  }
  const deps = { ask: async () => granted(1), now: () => 0 }
  assert.equal(withTokens(plain, deps), plain)
  const target = withTokens({ ...plain, oauth2: credentials }, deps)
  assert.deepEqual(await target.authorize?.(live), { kind: 'ready', headers: { authorization: 'Bearer token-1' } })
  assert.equal(target.mask('token-1 and api-key.'), '*** and ***.')
})
