import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { status } from '../testing/objects.ts'
import { type Refusal, refusalOf } from './answer.ts'
import { type Trouble, verdictOn } from './verdict.ts'

const services = { group: '', resource: 'services', emptyWatches: 1 }
const widgets = { group: 'example.com', resource: 'widgets', emptyWatches: 1 }
const refused = (code: number, more: Partial<Refusal> = {}): Trouble => ({
  kind: 'refused',
  refusal: { status: code, reason: '', message: 'told by the test', ...more },
})
const errorEvent = (code: number, more: Partial<Refusal> = {}): Trouble => ({
  kind: 'error-event',
  refusal: { status: code, reason: '', message: 'told by the test', ...more },
})
async function* bytes(text: string) {
  yield Buffer.from(text)
}

suite('verdictOn', () => {
  test('a stalled watch goes on at once', () => {
    assert.deepEqual(verdictOn({ kind: 'stalled' }, services), { next: 'on', wait: 'not' })
  })

  test('the third empty watch in a row asks for a list', () => {
    const next = (emptyWatches: number) => verdictOn({ kind: 'empty' }, { ...services, emptyWatches }).next
    assert.deepEqual([1, 2, 3].map(next), ['on', 'on', 'list'])
  })

  test('410 asks for a list, as a status and as an event', () => {
    assert.deepEqual(verdictOn(refused(410), services), { next: 'list', wait: 'back-off' })
    assert.deepEqual(verdictOn(errorEvent(410), services), { next: 'list', wait: 'back-off' })
  })

  test('every other ERROR event and every line that is no event asks for a list', () => {
    for (const code of [0, 401, 403, 404, 429, 500, 504]) {
      const { next, wait } = verdictOn(errorEvent(code), services)
      assert.deepEqual([next, wait], ['list', 'back-off'], String(code))
    }
    assert.partialDeepStrictEqual(verdictOn({ kind: 'nonsense', why: new Error('no JSON') }, services), {
      next: 'list',
      trouble: 'no JSON',
    })
  })

  test('429, 5xx and broken connections go on where they were, not before the server wants it', () => {
    assert.deepEqual(verdictOn(refused(429, { retryAfterMs: 5_000 }), services), {
      next: 'on',
      wait: 'back-off',
      trouble: 'API server answered 429: told by the test',
      atLeastMs: 5_000,
    })
    for (const code of [500, 502, 503, 504])
      assert.partialDeepStrictEqual(verdictOn(refused(code), services), { next: 'on', wait: 'back-off' })
    const broken: Trouble = { kind: 'broken', why: new Error('no answer', { cause: new Error('ECONNREFUSED') }) }
    assert.deepEqual(verdictOn(broken, services), { next: 'on', wait: 'back-off', trouble: 'no answer: ECONNREFUSED' })
  })

  test('a version from the future asks for a list', () => {
    assert.partialDeepStrictEqual(verdictOn(refused(504, { reason: 'ResourceVersionTooLarge' }), services), {
      next: 'list',
      wait: 'back-off',
    })
  })

  test('what people can fix is tried again after a long time', () => {
    assert.deepEqual(verdictOn(refused(403), services), {
      next: 'on',
      wait: 'long',
      trouble: 'forbidden: needs list,watch on services',
    })
    assert.partialDeepStrictEqual(verdictOn(refused(401), services), { next: 'on', wait: 'long' })
    assert.partialDeepStrictEqual(verdictOn(refused(400), services), {
      next: 'list',
      wait: 'long',
      trouble: 'API server answered 400: told by the test',
    })
  })

  test('404 asks what is served', () => {
    assert.deepEqual(verdictOn(refused(404), widgets), {
      next: 'discover',
      wait: 'back-off',
      trouble: 'no such resource widgets.example.com',
    })
  })
})

suite('refusalOf', () => {
  const refusal = (text: unknown, headers = {}) =>
    refusalOf({ status: 429, headers, body: bytes(typeof text === 'string' ? text : JSON.stringify(text)) })

  test('takes the words of the Status and the longer notice of Retry-After', async () => {
    assert.deepEqual(await refusal(status(429, 'TooManyRequests', { retryAfterSeconds: 1 }), { 'retry-after': '7' }), {
      status: 429,
      reason: 'TooManyRequests',
      message: 'TooManyRequests (told by the test)',
      retryAfterMs: 7_000,
    })
    assert.equal((await refusal(status(429, 'TooManyRequests', { retryAfterSeconds: 3 }))).retryAfterMs, 3_000)
  })

  test('takes what a proxy says, and nothing for an endless pause', async () => {
    assert.deepEqual(await refusal('<html>slow down</html>', { 'retry-after': '99999999' }), {
      status: 429,
      reason: '',
      message: '<html>slow down</html>',
      retryAfterMs: 600_000,
    })
    assert.equal((await refusal('', { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' })).retryAfterMs, undefined)
  })

  test('knows a version from the future by its cause', async () => {
    const said = status(504, 'Timeout', {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    })
    assert.equal((await refusal(said)).reason, 'ResourceVersionTooLarge')
  })
})
