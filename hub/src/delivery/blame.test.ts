import assert from 'node:assert/strict'
import test from 'node:test'
import { meaningOf, verdictOn } from './blame.ts'

const status = (code: number) => meaningOf({ kind: code < 500 ? 'http_4xx' : 'http_5xx', status: code })

test("failures that concern every request are the endpoint's, and say so at once", () => {
  for (const code of [401, 403, 404, 405, 429, 503])
    assert.deepEqual(status(code), { atOnce: true, mayBlame: false }, String(code))
  for (const kind of ['connection_refused', 'dns_error', 'tls_error', 'unreachable', 'token_error', 'redirect'] as const)
    assert.deepEqual(meaningOf({ kind, status: undefined }), { atOnce: true, mayBlame: false }, kind)
})

test('failures that pass by themselves blame nobody', () => {
  for (const code of [408, 425]) assert.deepEqual(status(code), { atOnce: false, mayBlame: false })
})

test('failures that may be about one batch alone can blame it', () => {
  for (const code of [402, 409, 418, 500, 501, 502, 504]) assert.deepEqual(status(code), { atOnce: false, mayBlame: true })
  for (const kind of ['timeout', 'connection_reset', 'network_error'] as const)
    assert.deepEqual(meaningOf({ kind, status: undefined }), { atOnce: false, mayBlame: true }, kind)
})

test('an endpoint that asks to be left alone can take nothing now', () => {
  assert.equal(meaningOf({ kind: 'http_5xx', status: 500 }, 7_000).atOnce, true)
})

test('a batch is blamed after three failures, and only while others are accepted', () => {
  const of = { othersAccepted: true, alone: false, blocks: true, events: 1 }
  assert.equal(verdictOn({ ...of, failures: 2 }), 'wait')
  assert.equal(verdictOn({ ...of, failures: 3 }), 'blame')
  assert.equal(verdictOn({ ...of, failures: 3, events: 2 }), 'halve')
  assert.equal(verdictOn({ ...of, failures: 99, othersAccepted: false }), 'wait')
})

test('a batch that is all that waits is halved after five failures, and one event is set aside only for those behind it', () => {
  const of = { othersAccepted: false, alone: true, blocks: false }
  assert.equal(verdictOn({ ...of, failures: 4, events: 2 }), 'wait')
  assert.equal(verdictOn({ ...of, failures: 5, events: 2 }), 'halve')
  assert.equal(verdictOn({ ...of, failures: 99, events: 1 }), 'wait')
  assert.equal(verdictOn({ ...of, failures: 4, events: 1, blocks: true }), 'wait')
  assert.equal(verdictOn({ ...of, failures: 5, events: 1, blocks: true }), 'blame')
})
