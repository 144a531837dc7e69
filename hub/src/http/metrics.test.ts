import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, silentLog } from '@watch-hub/shared/runtime/log'
import type { Figures } from './metric-states.ts'
import { createMetrics } from './metrics.ts'

const figures: Figures = {
  endpoints: [
    {
      ...{ name: 'dns', backlog: 7, oldestMs: 1_500, skipped: 4, inFlight: 2 },
      breaker: { state: 'open', since: 5, reason: 'answered 503: secret-looking' },
      parked: { objects: 3, bytes: 900 },
      deadLetters: { count: 2, bytes: 800, limit: 4_000 },
      holds: [{ cause: 'operator', since: 5, by: 'ann' }],
    },
    {
      ...{ name: 'audit', backlog: 0, skipped: 0, inFlight: 0, holds: [] },
      breaker: { state: 'closed', since: 5 },
      parked: { objects: 0, bytes: 0 },
      deadLetters: { count: 0, bytes: 0, limit: 4_000 },
    },
  ],
  clusters: [
    { name: 'east', connected: true },
    { name: 'west', connected: false },
  ],
  store: {
    state: { kind: 'stopped', reason: 'the disk is full' },
    logRows: 12,
    logBytes: 3_400,
    logLimit: 4_096,
    deadLetterLimit: 4_000,
    freeBytes: 512,
    commitMs: { last: 2, p50: 1.5, p99: 9 },
    comparisons: [
      { cluster: 'east', stream: 's1', resource: 'pods', corrections: 5, auditCorrections: 2, mismatches: 1 },
      { cluster: 'east', stream: 's2', resource: 'pods', corrections: 1, auditCorrections: 0, mismatches: 0 },
    ],
    inventory: [{ cluster: 'east', resource: 'deployments.apps', objects: 3 }],
  },
  configRejected: true,
  spans: { exported: 40, failed: 2, dropped: 1, queued: 3 },
}

/** Sample lines only, in their order. */
const samples = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

test('metrics have the documented names, labels and units', async () => {
  await using metrics = createMetrics({ log: silentLog })
  metrics.observe(async () => figures)
  metrics.instruments.entries('east', 'services', 5)
  metrics.instruments.entries('east', 'services', 2)
  metrics.instruments.attempt({ endpoint: 'dns', outcome: 'accepted', events: 10, ms: 40, resends: 1 })
  metrics.instruments.rateLimited({ endpoint: 'dns', ms: 1_500 })
  const text = await metrics.collect()
  assert.deepEqual(
    samples(text).filter((line) => !line.includes('_bucket')),
    [
      'watch_hub_entries_total{cluster="east",resource="services"} 7',
      'watch_hub_deliveries_total{endpoint="dns",outcome="accepted"} 10',
      'watch_hub_attempts_total{endpoint="dns",outcome="accepted"} 1',
      'watch_hub_resends_total{endpoint="dns"} 1',
      'watch_hub_rate_limited_total{endpoint="dns"} 1',
      'watch_hub_rate_limited_seconds_total{endpoint="dns"} 1.5',
      'watch_hub_attempt_duration_seconds_count{endpoint="dns",outcome="accepted"} 1',
      'watch_hub_attempt_duration_seconds_sum{endpoint="dns",outcome="accepted"} 0.04',
      'watch_hub_build_info{version="0.1.0"} 1',
      'watch_hub_backlog_events{endpoint="dns"} 7',
      'watch_hub_backlog_events{endpoint="audit"} 0',
      'watch_hub_oldest_undelivered_seconds{endpoint="dns"} 1.5',
      'watch_hub_oldest_undelivered_seconds{endpoint="audit"} 0',
      'watch_hub_requests_in_flight{endpoint="dns"} 2',
      'watch_hub_requests_in_flight{endpoint="audit"} 0',
      'watch_hub_breaker{endpoint="dns",state="closed"} 0',
      'watch_hub_breaker{endpoint="dns",state="open"} 1',
      'watch_hub_breaker{endpoint="dns",state="half-open"} 0',
      'watch_hub_breaker{endpoint="audit",state="closed"} 1',
      'watch_hub_breaker{endpoint="audit",state="open"} 0',
      'watch_hub_breaker{endpoint="audit",state="half-open"} 0',
      'watch_hub_held{endpoint="dns",cause="operator"} 1',
      'watch_hub_parked_objects{endpoint="dns"} 3',
      'watch_hub_parked_objects{endpoint="audit"} 0',
      'watch_hub_parked_bytes{endpoint="dns"} 900',
      'watch_hub_parked_bytes{endpoint="audit"} 0',
      'watch_hub_dead_letters{endpoint="dns"} 2',
      'watch_hub_dead_letters{endpoint="audit"} 0',
      'watch_hub_dead_letter_bytes{endpoint="dns"} 800',
      'watch_hub_dead_letter_bytes{endpoint="audit"} 0',
      'watch_hub_dead_letter_limit_bytes 4000',
      'watch_hub_connected_agents 1',
      'watch_hub_cluster_connected{cluster="east"} 1',
      'watch_hub_cluster_connected{cluster="west"} 0',
      'watch_hub_store_commit_seconds{quantile="0.5"} 0.0015',
      'watch_hub_store_commit_seconds{quantile="0.99"} 0.009',
      'watch_hub_log_rows 12',
      'watch_hub_log_bytes 3400',
      'watch_hub_log_limit_bytes 4096',
      'watch_hub_disk_free_bytes 512',
      'watch_hub_store_accepting 0',
      'watch_hub_skipped_versions{endpoint="dns"} 4',
      'watch_hub_skipped_versions{endpoint="audit"} 0',
      'watch_hub_inventory_objects{cluster="east",resource="deployments.apps"} 3',
      'watch_hub_corrections{cluster="east",resource="pods",cause="list"} 4',
      'watch_hub_corrections{cluster="east",resource="pods",cause="audit"} 2',
      'watch_hub_checksum_mismatches{cluster="east",resource="pods"} 1',
      'watch_hub_spans{outcome="exported"} 40',
      'watch_hub_spans{outcome="failed"} 2',
      'watch_hub_spans{outcome="dropped"} 1',
      'watch_hub_spans_queued 3',
      'watch_hub_config_rejected 1',
    ],
  )
  assert.match(text, /^# TYPE watch_hub_entries_total counter$/m)
  assert.match(text, /^# TYPE watch_hub_backlog_events gauge$/m)
  assert.match(text, /^watch_hub_attempt_duration_seconds_bucket\{endpoint="dns",outcome="accepted",le="0.025"\} 0$/m)
  assert.match(text, /^watch_hub_attempt_duration_seconds_bucket\{endpoint="dns",outcome="accepted",le="0.05"\} 1$/m)
})

test('a cluster or an endpoint that is gone leaves no series behind', async () => {
  await using metrics = createMetrics({ log: silentLog })
  let now = figures
  metrics.observe(async () => now)
  await metrics.collect()
  now = { ...figures, clusters: figures.clusters.slice(0, 1), endpoints: [] }
  const text = await metrics.collect()
  assert.doesNotMatch(text, /cluster="west"/)
  assert.doesNotMatch(text, /endpoint="dns"/)
})

test('a state that cannot be read costs neither the counters nor the answer, and is logged', async () => {
  const lines: string[] = []
  await using metrics = createMetrics({ log: createLog((line) => lines.push(line)) })
  metrics.observe(async () => {
    throw new Error('the store is closed')
  })
  metrics.instruments.entries('east', 'services', 1)
  assert.match(await metrics.collect(), /watch_hub_entries_total\{cluster="east",resource="services"\} 1/)
  assert.match(lines.join(''), /the store is closed/)
})

test('more than 2,000 series of one state are kept apart', async () => {
  await using metrics = createMetrics({ log: silentLog })
  const inventory = Array.from({ length: 3_000 }, (_, i) => ({ cluster: `c${i}`, resource: 'pods', objects: i }))
  metrics.observe(async () => ({ ...figures, store: { ...figures.store, inventory } }))
  const text = await metrics.collect()
  assert.match(text, /watch_hub_inventory_objects\{cluster="c2999",resource="pods"\} 2999/)
  assert.doesNotMatch(text, /overflow/)
})
