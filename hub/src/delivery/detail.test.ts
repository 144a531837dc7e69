import assert from 'node:assert/strict'
import test from 'node:test'
import { detailOf, holdsOf, type ParkedObject, shownErrors, shownParked } from './detail.ts'
import type { EndpointStatus } from './status.ts'
import { endpointConfig } from './testing/rows.ts'

const status: EndpointStatus = {
  ...{ name: 'dns', url: 'https://dns.example.com/hooks', format: 'watch-hub', phase: 'delivering', since: 1, backlog: 100 },
  ...{ skipped: 0, delivered: 5, failures: 0, inFlight: 1, frozen: 0, holds: [], scans: [] },
  breaker: { state: 'closed', since: 1 },
  parked: { objects: 0, bytes: 0 },
  deadLetters: { count: 0, bytes: 0, limit: 1_000 },
}
const recent = { eventsPerSecond: 40, attempts: 9, failed: 0 }
const courier = { concurrency: 4, recent, parkedObjects: [] }
const drainOf = (parts: Partial<EndpointStatus>, pace = recent) =>
  detailOf({ ...status, ...parts }, { ...courier, recent: pace }, []).drainMs

test('the backlog is gone at the pace of the last minute; where nothing waits, moves or may go, nobody can say', () => {
  assert.equal(drainOf({}), 2_500)
  assert.equal(drainOf({ backlog: 0 }), undefined)
  assert.equal(drainOf({}, { ...recent, eventsPerSecond: 0 }), undefined)
  for (const state of ['open', 'half-open'] as const) assert.equal(drainOf({ breaker: { state, since: 1 } }), undefined, state)
  assert.equal(drainOf({ holds: [{ cause: 'operator', since: 1, by: 'ann' }] }), undefined)
})

test('of parked objects and of failed attempts only the first are told', () => {
  const parked: ParkedObject = {
    ...{ cluster: 'prod', resource: 'services', namespace: 'web', name: 'shop', since: 1, attempts: 2 },
    ...{ nextAttemptAt: 3, reason: 'answered 422', events: 1 },
  }
  const failed = { batch: 'b', at: 1, durationMs: 2, events: 1, bytes: 3, outcome: 'timeout', resends: 0 }
  const detail = detailOf(status, { ...courier, parkedObjects: Array(150).fill(parked) }, Array(9).fill(failed))
  assert.deepEqual([detail.parkedObjects.length, detail.lastErrors.length], [shownParked, shownErrors])
})

test('a hold in Git says where it is written; another one may be there besides', () => {
  const pause = { since: 5, by: 'ann', reason: 'new certificates', until: 9 }
  assert.deepEqual(holdsOf(endpointConfig(), undefined, 1), [])
  assert.deepEqual(holdsOf(endpointConfig({ paused: true }), pause, 1), [
    { cause: 'git', since: 1, by: 'endpoints/dns.yaml:1' },
    { cause: 'operator', ...pause },
  ])
  assert.deepEqual(holdsOf(endpointConfig(), { since: 5, by: 'hub', cause: 'gone' }, 1), [{ cause: 'gone', since: 5, by: 'hub' }])
})
