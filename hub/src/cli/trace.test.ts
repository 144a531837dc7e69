import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeTrace, t0 } from '../http/testing/fake-view.ts'
import { world } from './testing/world.ts'
import { traceText } from './trace-text.ts'

test('a trace is a timeline: each line with its time and how long after the first it was', () => {
  assert.deepEqual(traceText(fakeTrace, t0 + 20_000), [
    'event 00001795450401978123  deployments.apps web/shop  modified  prod-eu-1  2026-11-23',
    '  trace 0af7651916cd43dd8448eb211c80319c  commit f14b9d78b4',
    '  12:00:00.000           last written at the API server, as far as its object tells',
    '  12:00:00.412  +412ms   observed by the agent',
    '  12:00:00.430  +430ms   sent',
    '  12:00:00.429  +429ms   received by the hub',
    '  12:00:00.437  +437ms   stored',
    '  cmdb  updated  watches deployments',
    '    waits in the log, 2 events before it: paused by ann, since 11:59:51.000; next in 40s',
    '  dns  created (in-scope)  watches load-balancers',
    '    1 earlier request told it',
    '    batch 3f2a',
    '      2 earlier attempts',
    '      12:00:01.440  +1.4s    attempt 3: 503 in 12ms, 1 resend  http_5xx: answered 503',
    '      12:00:02.440  +2.4s    attempt 4: timeout in 15s  no answer within 15 s',
    '      12:00:05.700  +5.7s    attempt 5: 200 in 9ms',
    '    batch 77aa of scan s-1',
    '    delivered at attempt 5 at 12:00:05.709, 5.3s after it was observed, 5.7s after its last write',
    'note: there may be older events',
  ])
})

test('what a comparison found is counted from when it was found, not from when it was written long ago', () => {
  const [event] = fakeTrace.events
  if (event === undefined) throw new Error('expected an event')
  const lines = traceText({ events: [{ ...event, changedAt: t0 - 86_400_000, cause: 'list', endpoints: [] }], notes: [] }, t0)
  assert.deepEqual(lines.slice(0, 4), [
    'event 00001795450401978123  deployments.apps web/shop  modified (found by comparing)  prod-eu-1  2026-11-23',
    '  trace 0af7651916cd43dd8448eb211c80319c  commit f14b9d78b4',
    '  2026-11-22T12:00:00.000Z  -1d      last written at the API server, as far as its object tells',
    '  12:00:00.412           observed by the agent',
  ])
})

test('a request is told with its attempts and its events', () => {
  const attempt = { batch: 'x', at: t0, durationMs: 9, events: 3, bytes: 9, outcome: 'accepted', status: 204, resends: 0 }
  const [event] = fakeTrace.events
  const about = event?.object === undefined ? {} : { cluster: 'prod-eu-1', object: event.object }
  const batch = { batch: 'x', endpoint: 'dns', held: false, attempts: [attempt], attemptsBefore: 0, count: 3 }
  const events = [{ id: '0001', ...about }, { id: '0002' }]
  assert.deepEqual(traceText({ events: [], batch: { ...batch, events }, notes: [] }, t0), [
    'batch x  dns  3 events  accepted  2026-11-23',
    '  12:00:00.000           attempt 1: 204 in 9ms',
    '  event 0001  deployments.apps web/shop  prod-eu-1',
    '  event 0002',
    '  … and 1 more event',
  ])
})

test('an event is asked for by its id, an object by its kind and name; what does not go together is told', async () => {
  await using on = await world()
  on.view.traced = { kind: 'found', trace: fakeTrace }
  const asked = await on.run(['trace', 'svc', 'shop', '-n', 'web', '--cluster', 'c', '--limit', '3', '-o', 'json'])
  assert.deepEqual([asked.code ?? 0, JSON.parse(asked.lines.out.join('\n'))], [0, fakeTrace])
  assert.equal((await on.run(['trace', 's-1-00001795450401978123', '--endpoint', 'dns'])).code, undefined)
  assert.deepEqual(on.view.calls, [
    ['traceObject', { cluster: 'c', resource: 'svc', namespace: 'web', name: 'shop', limit: 3 }, undefined],
    ['trace', 's-1-00001795450401978123', 'dns'],
  ])
  on.view.traced = { kind: 'unknown', message: 'expected an event that is known' }
  for (const [args, code, said] of [
    [['7'], 1, /expected an event that is known/],
    [['7', '--cluster', 'c'], 2, /--cluster: expected an object as KIND\/NAME with it/],
    [['svc/shop'], 2, /--cluster: it is required with an object/],
    [['svc/shop', 'x', '--cluster', 'c'], 2, /expected one object/],
    [['7', '--limit', '0'], 2, /--limit: expected a whole number, 1–50/],
    [[], 2, /missing required argument/],
  ] as const) {
    const answer = await on.run(['trace', ...args])
    const { err } = answer.lines
    assert.equal(answer.code, code, err.join())
    assert.match(err.join(), said)
  }
})
