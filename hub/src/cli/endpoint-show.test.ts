import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeStatus, t0 } from '../http/testing/fake-view.ts'
import { endpointText } from './endpoint-show.ts'

const [dns] = fakeStatus.endpoints

test('an endpoint is shown with its trouble, what waits and what was skipped', () => {
  assert.ok(dns)
  assert.deepEqual(endpointText({ ...dns, lastDeliveredAt: t0 - 95_000 }, t0), [
    'Endpoint   dns',
    'URL        https://dns.example.com/hooks',
    'Format     watch-hub',
    'State      retrying for 1m30s: got 503 from the endpoint',
    'Failures   4 in a row, next try in 8s',
    'Backlog    37 events, the oldest for 1m35s',
    'Delivered  1204 events since the hub started, the last 1m35s ago (2026-11-23T11:58:25.000Z)',
    'Skipped    12 versions were skipped: newer ones of the same objects were told instead',
    'Scan       initial of load-balancers in prod-eu-1: 200/412',
  ])
})

test('an endpoint that is well has short lines', () => {
  assert.ok(dns)
  const { reason: _, oldestMs: __, nextAttemptAt: ___, ...rest } = dns
  const lines = endpointText({ ...rest, phase: 'idle', failures: 0, backlog: 0, skipped: 1, delivered: 1, scans: [] }, t0)
  assert.deepEqual(lines.slice(3), [
    'State      idle for 1m30s',
    'Backlog    nothing waits',
    'Delivered  1 event since the hub started',
    'Skipped    1 version was skipped: newer ones of the same objects were told instead',
  ])
  assert.equal(endpointText({ ...rest, skipped: 0 }, t0).at(-2), 'Skipped    no version was skipped')
})
