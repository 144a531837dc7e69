import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointDetail } from '../delivery/detail.ts'
import { fakeDetail, fakeStatus, t0 } from '../http/testing/fake-view.ts'
import { endpointText } from './endpoint-show.ts'

function detail(parts: Partial<EndpointDetail> = {}): EndpointDetail {
  const [dns] = fakeStatus.endpoints
  assert.ok(dns)
  return { ...dns, ...fakeDetail, ...parts }
}

test('an endpoint is shown with its trouble, its pace, what waits, what is parked and its last errors', () => {
  assert.deepEqual(endpointText(detail({ lastDeliveredAt: t0 - 95_000 }), t0), [
    'Endpoint      dns',
    'URL           https://dns.example.com/hooks',
    'Format        watch-hub',
    'State         retrying for 1m30s: got 503 from the endpoint',
    'Failures      4 in a row, next try in 8s',
    'Breaker       OPEN: nothing is sent, for 12s: 5 failures in a row; the next try in 8s',
    'Backlog       37 events, the oldest for 1m35s; at the pace of the last minute it is gone in 3s',
    'Pace          13 events/s over the last minute, 30 requests, 4 failed; half took up to 21ms, 99 % up to 153ms',
    'In flight     0 of 4 requests',
    'Delivered     1204 events since the hub started, the last 1m35s ago (2026-11-23T11:58:25.000Z)',
    'Skipped       12 versions were skipped: newer ones of the same objects were told instead',
    'Parked        1 object, 12.4 KiB wait',
    "Dead letters  2, 3.1 KiB of 256 MiB; 'watch-hub dead-letters list --endpoint dns' shows them",
    'Scan          initial of load-balancers in prod-eu-1: 200/412',
    '',
    'CLUSTER    RESOURCE  PARKED OBJECT  FOR  ATTEMPTS  NEXT TRY  EVENTS  REASON',
    'prod-eu-1  services  web/shop       10m  4         35s       2       answered 422: no such zone',
    '',
    'LAST ERRORS  OUTCOME   EVENTS  TOOK   ERROR',
    '9s ago       http_5xx  10      153ms  answered 503: busy',
  ])
})

test('an endpoint that is well has short lines', () => {
  const { reason: _, oldestMs: __, nextAttemptAt: ___, drainMs: ____, ...rest } = detail()
  const well: EndpointDetail = {
    ...rest,
    ...{ phase: 'idle', failures: 0, backlog: 0, skipped: 1, delivered: 1, scans: [], parkedObjects: [], lastErrors: [] },
    breaker: { state: 'closed', since: t0 },
    recent: { eventsPerSecond: 0, attempts: 0, failed: 0 },
    parked: { objects: 0, bytes: 0 },
    deadLetters: { count: 0, bytes: 0, limit: 1024 },
    concurrency: 1,
  }
  assert.deepEqual(endpointText(well, t0).slice(3), [
    'State         idle for 1m30s',
    'Breaker       closed: requests go',
    'Backlog       nothing waits',
    'Pace          no request ended within the last minute',
    'In flight     0 of 1 request',
    'Delivered     1 event since the hub started',
    'Skipped       1 version was skipped: newer ones of the same objects were told instead',
    'Parked        no object',
    'Dead letters  none',
  ])
})

test('each hold says whose it is, since when and until when', () => {
  const held = (hold: EndpointDetail['holds'][number]) =>
    endpointText(detail({ phase: 'paused', holds: [hold] }), t0).find((line) => line.startsWith('Held'))
  const since = t0 - 300_000
  assert.equal(
    held({ cause: 'operator', by: 'ann', since, until: t0 + 6_900_000, reason: 'new certificates' }),
    'Held          by ann for 5m, 1h55m left: new certificates',
  )
  assert.equal(held({ cause: 'git', by: 'endpoints/dns.yaml:7', since }), 'Held          in Git, at endpoints/dns.yaml:7 for 5m')
  assert.match(held({ cause: 'gone', by: 'hub', since }) ?? '', /nobody is there any more/)
  assert.match(held({ cause: 'guard', by: 'hub', since, reason: '412 deletions' }) ?? '', /too many deletions.*: 412 deletions/)
})

test('parked objects beyond those shown are counted; dead letters near their bound are shouted', () => {
  const lines = endpointText(
    detail({ parked: { objects: 120, bytes: 5 }, deadLetters: { count: 9, bytes: 900, limit: 1_000 } }),
    t0,
  )
  assert.ok(lines.includes('… and 119 more'))
  assert.match(lines.find((line) => line.startsWith('Dead letters')) ?? '', /900 B of 1000 B: ALMOST FULL/)
})
