/** What operators order of one endpoint, as command lines against a real server with a made-up hub behind it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeAttempt, fakeSample, t0 } from '../http/testing/fake-view.ts'
import { attemptTable } from './endpoint-attempts.ts'
import { sampleText } from './endpoint-sample.ts'
import { world } from './testing/world.ts'

test('pause takes how long and why, and says how it ends', async () => {
  await using w = await world()
  const { lines } = await w.run(['endpoint', 'pause', 'dns', '--for', '2h', '--reason', 'new certificates'])
  assert.deepEqual(lines.out, [
    "paused: what happens now waits for dns. 'watch-hub endpoint resume dns' sends it, and by itself in 2h.",
  ])
  assert.deepEqual(w.view.calls[0], ['pause', 'dns', { by: 'ann', reason: 'new certificates', forMs: 7_200_000 }])
  for (const order of ['pause', 'resume'])
    assert.deepEqual(JSON.parse((await w.run(['endpoint', order, 'dns', '-o', 'json'])).lines.out.join('')), {
      endpoint: 'dns',
      paused: order === 'pause',
    })
  const resynced = JSON.parse((await w.run(['endpoint', 'resync', 'dns', '-o', 'json'])).lines.out.join(''))
  assert.deepEqual(resynced, { endpoint: 'dns', begun: 2, running: 0, dropped: 0 })
  const short = await w.run(['endpoint', 'pause', 'dns', '--for', '10ms'])
  assert.deepEqual(
    [short.lines.err[0], w.view.calls.filter(([call]) => call === 'pause').length],
    ['error: --for: expected 1s or more, got "10ms"', 2],
  )
})

test('test shows what was sent and what came of it; the exit code says whether it was taken', async () => {
  await using w = await world()
  const taken = await w.run(['endpoint', 'test', 'dns'])
  assert.deepEqual(taken.lines.out, [
    'Request  812 B in the format watch-hub to https://dns.example.com/hooks, webhook-id 2f9d8a4e-7f3e-4c4c-8f60-5f1b0a7f1c11',
    'Answer   200, after 42ms',
    'Meaning  accepted',
    '',
    'thanks',
  ])
  assert.equal(taken.code, undefined)
  assert.deepEqual(JSON.parse((await w.run(['endpoint', 'test', 'dns', '-o', 'json'])).lines.out.join('')), fakeSample)
  w.view.sample = { ...fakeSample, outcome: 'refused', failure: 'http_4xx', status: 422, reason: 'answered 422: no such zone' }
  const refused = await w.run(['endpoint', 'test', 'dns'])
  assert.equal(refused.code, 1)
  assert.ok(refused.lines.out.includes('Reason   answered 422: no such zone'), refused.lines.out.join('\n'))
  assert.equal((await w.run(['endpoint', 'test', 'none'])).code, 1)
})

test('a sample that the endpoint named as a failure, or that was not sent, is not accepted', () => {
  const named = sampleText({ ...fakeSample, failures: [{ message: 'no such zone', retry: false }] })
  assert.ok(named.includes('Meaning  NOT ACCEPTED: it named the event as one that it cannot take'))
  assert.ok(named.includes('Named    no such zone (not to be tried again)'))
  const { status: _, answer: __, ...rest } = fakeSample
  const blocked = sampleText({ ...rest, outcome: 'blocked', reason: '127.0.0.1 is a loopback address', ms: 0, bytes: 0 })
  assert.deepEqual(blocked, [
    'Request  none to https://dns.example.com/hooks',
    'Answer   none, after 0ms',
    'Meaning  BLOCKED: the hub does not send there',
    'Reason   127.0.0.1 is a loopback address',
  ])
})

test('attempts are a table for people and JSON for scripts; flags narrow them', async () => {
  await using w = await world()
  assert.match((await w.run(['endpoint', 'attempts', 'dns'])).lines.out[0] ?? '', /^WHEN +OUTCOME +STATUS +EVENTS +SIZE +TOOK/)
  const { lines } = await w.run(['endpoint', 'attempts', 'dns', '--failed', '--batch', 'b-1', '--limit', '3', '-o', 'json'])
  assert.deepEqual(JSON.parse(lines.out.join('')), [fakeAttempt])
  assert.deepEqual(w.view.calls, [
    ['attempts', 'dns', { failed: false, limit: 20 }],
    ['attempts', 'dns', { failed: true, batch: 'b-1', limit: 3 }],
  ])
  const { error: _, status: __, ...accepted } = { ...fakeAttempt, outcome: 'accepted', resends: 0 }
  assert.deepEqual(attemptTable([fakeAttempt, accepted], t0), [
    'WHEN    OUTCOME   STATUS  EVENTS  SIZE    TOOK   RESENT  BATCH  ERROR',
    '9s ago  http_5xx  503     10      20 KiB  153ms  1       b-1    answered 503: busy',
    '9s ago  accepted  -       10      20 KiB  153ms  -       b-1',
  ])
  assert.deepEqual(attemptTable([], t0), ['No attempts.'])
})
