import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointStatus } from '../delivery/status.ts'
import { fakeStatus } from '../http/testing/fake-view.ts'
import type { AttemptRecord, DeadLetterHead } from '../store/store.ts'
import type { EndpointStory, HeldBatch } from '../store/story.ts'
import { placeOf, type Standing } from './whereabouts.ts'

const story = (over: Partial<EndpointStory> = {}): EndpointStory => ({
  ...{ endpoint: 'dns', cursor: 9, attemptsSince: 100, told: [], toldBefore: 0, held: [], letters: [] },
  ...over,
})
const [dns] = fakeStatus.endpoints
const status = (over: Partial<EndpointStatus> = {}): EndpointStatus => {
  if (dns === undefined) throw new Error('expected an endpoint')
  const { reason: _, nextAttemptAt: __, ...rest } = dns
  return { ...rest, phase: 'delivering', breaker: { state: 'closed', since: 1 }, holds: [], ...over }
}
const placed = (of: Partial<EndpointStory>, over: Partial<Standing> = {}) =>
  placeOf({
    ...{ story: story(of), status: status(), inside: true, observedAt: 1_000, changedAt: 0, storedAt: 1_010 },
    sending: new Map(),
    idOf: (sequence) => `#${sequence}`,
    ...over,
  })

const attempt = (over: Partial<AttemptRecord> = {}): AttemptRecord => ({
  ...{ batch: 'x', at: 2_000, durationMs: 9, events: 1, bytes: 100, outcome: 'accepted', status: 200, resends: 0 },
  ...over,
})
const told = (attempts: readonly AttemptRecord[], over: { readonly scan?: string; readonly attemptsBefore?: number } = {}) => ({
  ...{ batch: 'x', attempts, attemptsBefore: 0 },
  ...over,
})
const held = (over: Partial<HeldBatch> = {}): HeldBatch => ({
  ...{ id: 'x', createdAt: 1_500, events: 2, before: 0, attempts: 0 },
  member: { sequence: 7, type: 'created', watches: ['lb'] },
  ...over,
})
const letter: DeadLetterHead = {
  ...{ id: 'l-1', endpoint: 'dns', cluster: 'prod', sequence: 7, type: 'created', cause: 'http_4xx', reason: 'it said 422' },
  ...{ attempts: 12, firstAttemptAt: 1_500, diedAt: 5_000 },
  object: {
    group: '',
    version: 'v1',
    kind: 'Service',
    resource: 'services',
    namespace: 'web',
    name: 'shop',
    uid: 'u',
    resourceVersion: '1',
  },
}

test('what was accepted is delivered: at which attempt, and how long after it was observed and written', () => {
  const failed = attempt({ at: 1_100, outcome: 'http_5xx', status: 503 })
  assert.deepEqual(placed({ told: [told([failed, attempt()])] }), {
    ...{ state: 'delivered', text: 'delivered at attempt 2', since: 2_009 },
    ...{ afterObservedMs: 1_009, afterChangedMs: 2_009 },
  })
  assert.equal(placed({ told: [told([attempt()], { attemptsBefore: 7 })] }).text, 'delivered at attempt 8')
})

test('what its request was accepted without is not delivered', () => {
  const error = 'accepted, but 1 of 2 events not: 00000000000000000007: no such zone'
  const partly = told([attempt({ error, untaken: [7] })])
  assert.equal(placed({ told: [told([attempt({ error })])] }).state, 'delivered', 'what its note says is for people')
  assert.equal(placed({ told: [partly] }).state, 'unknown')
  assert.equal(placed({ told: [partly], instead: 12 }).state, 'passed-over')
  assert.equal(placed({ told: [partly, told([attempt()])] }).text, 'delivered at attempt 2')
})

test('what a scan told took no time since it was observed', () => {
  const place = placed({ told: [told([attempt()], { scan: 's' })] })
  assert.deepEqual(place, { state: 'delivered', text: 'delivered at the first attempt, by a scan or a replay', since: 2_009 })
})

test('a dead letter says how to tell it again, unless it was delivered since', () => {
  assert.deepEqual(placed({ letters: [letter], told: [told([attempt()])] }), {
    state: 'dead-letter',
    text: "given up after 12 attempts: it said 422 ('watch-hub dead-letters replay l-1' tells it again)",
    since: 5_000,
  })
  assert.equal(placed({ letters: [letter], told: [told([attempt({ at: 6_000 })])] }).state, 'delivered')
})

for (const [what, over, text, times] of [
  [
    'an operator holds the endpoint',
    { holds: [{ cause: 'operator', since: 5, by: 'ann', reason: 'moving', until: 99 }] },
    'paused by ann: moving',
    { since: 5, next: 99 },
  ],
  [
    'Git holds it',
    { holds: [{ cause: 'git', since: 5, by: 'endpoints/dns.yaml:7' }] },
    'paused in Git by endpoints/dns.yaml:7',
    { since: 5 },
  ],
  [
    'nobody is there any more',
    { holds: [{ cause: 'gone', since: 5, by: 'hub', reason: 'it said 410 Gone' }] },
    "held until 'watch-hub endpoint resume' or another url, because nobody is there any more, by hub: it said 410 Gone",
    { since: 5 },
  ],
  ['it is blocked', { phase: 'blocked', reason: 'no secret', since: 6 }, 'blocked: no secret', { since: 6 }],
  [
    'its breaker is open',
    { breaker: { state: 'open', since: 7, reason: 'it answered 503', nextProbeAt: 88 } },
    'nothing is sent while its breaker is open: it answered 503',
    { since: 7, next: 88 },
  ],
  [
    'it is retrying',
    { phase: 'retrying', reason: 'it answered 503', since: 8, nextAttemptAt: 77 },
    'retrying: it answered 503',
    { since: 8, next: 77 },
  ],
  ['others go first', {}, 'what comes first is being sent', {}],
  ['it is just read', { phase: 'idle' }, 'it goes out when its batch is full or has waited long enough', {}],
] as const)
  test(`what waits in the log says why: ${what}`, () => {
    const place = placed({ before: 2 }, { status: status(over) })
    assert.deepEqual(place, { state: 'log', text: `waits in the log, 2 events before it: ${text}`, ...times })
  })

test('what waits for an endpoint that is not configured any more says so', () => {
  assert.match(placed({ before: 0 }, { status: undefined }).text, /^waits in the log: the endpoint is not configured any more/)
})

test('a batch says what comes before it, that it is in flight, or that its turn comes', () => {
  const place = (over: Partial<HeldBatch>, standing: Partial<Standing> = {}) => placed({ held: [held(over)] }, standing)
  assert.deepEqual(place({}, { sending: new Map([['x', 1_700]]) }), {
    ...{ state: 'batch', text: 'in flight in batch x of 2 events', since: 1_700 },
  })
  assert.equal(
    place({ before: 1, attempts: 3 }, { sending: new Map([['y', 1_700]]) }).text,
    'waits in batch x of 2 events after 3 attempts, 1 event before it: its turn comes',
  )
  const member = { ...held().member, reason: 'resync' } as const
  assert.equal(place({ member }).text, 'waits in batch x of 2 events (told by: resync): its turn comes')
})

test('a parked event says what is in front of it, and when the next try is', () => {
  const parking = { object: 'o', attempts: 3, firstAttemptAt: 40, nextAttemptAt: 60, reason: 'it said 422' }
  assert.deepEqual(placed({ held: [held({ parking })] }), {
    ...{ state: 'parked', text: 'parked after 3 attempts: it said 422', since: 40, next: 60 },
  })
  assert.equal(
    placed({ held: [held({ parking, before: 2 })] }).text,
    'parked behind 2 requests of its object, the first of them after 3 attempts: it said 422',
  )
})

test('what was not told is passed over, kept away, or nobody knows', () => {
  assert.deepEqual(placed({ instead: 12 }), {
    ...{ state: 'passed-over', instead: '#12', text: 'passed over: event #12 tells a newer state of the object instead' },
  })
  assert.equal(placed({}, { inside: false }).state, 'outside')
  assert.match(placed({}).text, /came and went/)
  assert.equal(placed({}, { storedAt: 99 }).state, 'unknown')
  assert.equal(placed({ told: [told([attempt({ outcome: 'timeout' })])] }).state, 'unknown')
})
