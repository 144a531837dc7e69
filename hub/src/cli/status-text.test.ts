import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus } from '../fleet/status.ts'
import { fakeStatus, t0 } from '../http/testing/fake-view.ts'
import { age, bytes, table, took } from './output.ts'
import { clusterState, configText, correctionLines, endpointTable, statusText, streamState } from './status-text.ts'

test('status reads from the hub to the endpoints', () => {
  assert.deepEqual(statusText(fakeStatus, t0), [
    'Hub     http://127.0.0.1:8080, release 0.1.0, up 2h5m',
    'Config  https://git.example.com/watch-config.git, branch main',
    '        live 4f2a9c1d00 for 1h, read 12s ago',
    '        REJECTED 9ab12cd000 3m ago, the live commit stays:',
    '          watches/lb.yaml:12:5 spec.when: expected CEL, got "obj ect"',
    '',
    'CLUSTER    STATE       FOR  OBJECTS  STREAM               WATCHES         STREAM STATE',
    'prod-eu-1  connected   1m   412      services             load-balancers  live',
    '                                     pods                 pods            syncing 1200/5000',
    '                                     widgets.example.com  widgets         failed: no such resource widgets.example.com (tries again)',
    'prod-us-1  not joined  -    0',
    '',
    'ENDPOINT  STATE     FOR    BACKLOG  OLDEST  DELIVERED  DETAIL',
    'dns       retrying  1m30s  37       1m35s   1204       got 503 from the endpoint, 4 failures in a row, breaker open, next try in 8s',
    '                                                       1 object parked, 2 dead letters',
    '                                                       initial of load-balancers in prod-eu-1: 200/412',
  ])
})

test('what no watch told is said in one sentence per kind', () => {
  const [connected] = fakeStatus.clusters
  assert.ok(connected)
  const found = (count: number, byAudit: number) => [{ resource: 'services', count, byAudit, at: t0 - 65_000 }]
  const text = (corrections: ClusterStatus['corrections']) => correctionLines([{ ...connected, corrections }], t0)
  assert.deepEqual(text([]), [])
  assert.deepEqual(text(found(1, 1)), ['prod-eu-1: 1 change of services found by comparing, all by audits, the last 1m5s ago'])
  assert.deepEqual(text(found(3, 0)), ['prod-eu-1: 3 changes of services found by comparing, the last 1m5s ago'])
  assert.deepEqual(text(found(3, 1)), ['prod-eu-1: 3 changes of services found by comparing, 1 by audits, the last 1m5s ago'])
})

test('the store has a line where it is not well', () => {
  const stopped = { ...fakeStatus.store, state: { kind: 'stopped', reason: '1Gi of disk free: make some' } } as const
  assert.deepEqual(
    statusText({ ...fakeStatus, store: stopped }, t0).filter((line) => line.startsWith('Store')),
    ['Store   STOPPED: 1Gi of disk free: make some'],
  )
})

test('status says what to do where nothing is declared', () => {
  const text = statusText({ ...fakeStatus, clusters: [], endpoints: [] }, t0).join('\n')
  assert.match(text, /No clusters: commit a manifest with kind: Cluster/)
  assert.match(text, /No endpoints: commit a manifest with kind: Endpoint/)
})

test('a source that cannot be read says since when, why and when it is tried again', () => {
  const failing = { since: t0 - 300_000, reason: 'the remote does not answer', nextTryAt: t0 + 12_000 }
  assert.deepEqual(configText({ source: '/srv/config', failing }, t0), [
    'Config  /srv/config',
    '        nothing live, not read yet',
    '        CANNOT BE READ for 5m: the remote does not answer; next try in 12s',
  ])
})

test('of very many problems the first ones are shown and the rest counted', () => {
  const problems = Array.from({ length: 23 }, (_, i) => ({ file: 'a.yaml', line: i + 1, column: 1, path: '', message: 'bad' }))
  const lines = configText({ source: 's', rejected: { commit: 'c', at: t0, problems } }, t0)
  assert.equal(lines.at(-1), '          … and 3 more')
  assert.equal(lines.filter((line) => line.includes('a.yaml')).length, 20)
})

test('the state of a cluster names the first thing that is in the way', () => {
  const [connected] = fakeStatus.clusters
  assert.ok(connected)
  const states: readonly (readonly [Partial<ClusterStatus>, string])[] = [
    [{}, 'connected'],
    [{ desiredHash: 'b', activeHash: 'a' }, 'taking plan'],
    [{ paused: true }, 'paused'],
    [{ connected: false }, 'disconnected'],
    [{ connected: false, left: true }, 'left'],
    [{ joined: false, connected: false }, 'not joined'],
    [{ declared: false, connected: false }, 'not declared'],
    [{ revoked: true, connected: false }, 'revoked'],
  ]
  for (const [change, state] of states) assert.equal(clusterState({ ...connected, ...change }), state)
})

test('a plan that does not run is shown with its reason, before the streams', () => {
  const [connected] = fakeStatus.clusters
  assert.ok(connected)
  const text = statusText({ ...fakeStatus, clusters: [{ ...connected, error: 'needs agent ≥ 0.2' }] }, t0)
  assert.match(text[7] ?? '', /prod-eu-1 .* plan does not run: needs agent ≥ 0.2$/)
})

test('streams show progress as far as it is known', () => {
  assert.equal(streamState({ state: 'syncing', done: 7 }), 'syncing 7')
  assert.equal(streamState({ state: 'starting' }), 'starting')
  assert.equal(
    streamState({ state: 'failed', reason: 'forbidden: needs list,watch on services' }),
    'failed: forbidden: needs list,watch on services',
  )
})

test('an endpoint that is held says by whom and until when; dead letters near their bound are shouted', () => {
  const [dns] = fakeStatus.endpoints
  assert.ok(dns)
  const hold = { cause: 'operator', by: 'ann', since: t0 - 300_000, until: t0 + 6_900_000, reason: 'new certificates' } as const
  const { nextAttemptAt: _, ...rest } = { ...dns, failures: 0, scans: [], parked: { objects: 0, bytes: 0 } }
  const held: EndpointStatus = {
    ...rest,
    phase: 'paused',
    reason: 'paused by ann',
    holds: [hold],
    breaker: { state: 'closed', since: t0 },
    deadLetters: { count: 9, bytes: 815, limit: 1_000 },
  }
  const details = endpointTable([held], t0).map((line) => line.slice(53))
  assert.deepEqual(details, [
    'DETAIL',
    'held by ann for 5m, 1h55m left: new certificates',
    '9 dead letters, 81 % OF THE ROOM FOR THEM',
  ])
})

test('bytes and durations are told in the unit that fits', () => {
  assert.deepEqual([0, 1, 1_023, 1_024, 12_700, 102_400, 268_435_456, 1.5 * 1024 ** 4].map(bytes), [
    '0 B',
    '1 B',
    '1023 B',
    '1 KiB',
    '12.4 KiB',
    '100 KiB',
    '256 MiB',
    '1.5 TiB',
  ])
  assert.deepEqual([0.2, 153.4, 1_000, 1_540, 12_000, 125_000].map(took), ['0ms', '153ms', '1s', '1.5s', '12s', '2m5s'])
})

test('age shows the two largest units', () => {
  assert.deepEqual([-5, 999, 1_000, 61_000, 3_600_000, 7_500_000, 90_061_000].map(age), [
    '0s',
    '0s',
    '1s',
    '1m1s',
    '1h',
    '2h5m',
    '1d1h',
  ])
})

test('a cell is one line, whatever it holds', () => {
  assert.deepEqual(
    table([
      ['A', 'B'],
      ['x\n\ty', 'z'],
    ]),
    ['A    B', 'x y  z'],
  )
})
