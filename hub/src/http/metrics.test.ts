import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, silentLog } from '@watch-hub/shared/runtime/log'
import { createMetrics, type Figures } from './metrics.ts'

const figures: Figures = {
  endpoints: [
    { name: 'dns', backlog: 7, oldestMs: 1_500, skipped: 4 },
    { name: 'audit', backlog: 0, skipped: 0 },
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
    freeBytes: 512,
    commitMs: { last: 2, p50: 1.5, p99: 9 },
    comparisons: [
      { cluster: 'east', stream: 's1', resource: 'pods', corrections: 5, auditCorrections: 2, mismatches: 1 },
      { cluster: 'east', stream: 's2', resource: 'pods', corrections: 1, auditCorrections: 0, mismatches: 0 },
    ],
    inventory: [{ cluster: 'east', resource: 'deployments.apps', objects: 3 }],
  },
  configRejected: true,
}

/** Sample lines only, in their order. */
const samples = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

test('metrics have the documented names, labels and units', async () => {
  await using metrics = createMetrics({ log: silentLog })
  metrics.observe(async () => figures)
  metrics.instruments.entries('east', 'services', 5)
  metrics.instruments.entries('east', 'services', 2)
  metrics.instruments.attempt({ endpoint: 'dns', outcome: 'accepted', events: 10, ms: 40 })
  const text = await metrics.collect()
  assert.deepEqual(
    samples(text).filter((line) => !line.includes('_bucket')),
    [
      'watch_hub_entries_total{cluster="east",resource="services"} 7',
      'watch_hub_deliveries_total{endpoint="dns",outcome="accepted"} 10',
      'watch_hub_attempts_total{endpoint="dns",outcome="accepted"} 1',
      'watch_hub_attempt_duration_seconds_count{endpoint="dns",outcome="accepted"} 1',
      'watch_hub_attempt_duration_seconds_sum{endpoint="dns",outcome="accepted"} 0.04',
      'watch_hub_build_info{version="0.1.0"} 1',
      'watch_hub_backlog_events{endpoint="dns"} 7',
      'watch_hub_backlog_events{endpoint="audit"} 0',
      'watch_hub_oldest_undelivered_seconds{endpoint="dns"} 1.5',
      'watch_hub_oldest_undelivered_seconds{endpoint="audit"} 0',
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
