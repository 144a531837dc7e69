import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, silentLog } from '@watch-hub/shared/runtime/log'
import { logRow } from '../../delivery/testing/rows.ts'
import { figures } from '../testing/figures.ts'
import { createMetrics, type Metrics } from './metrics.ts'

const identity = { version: '1.2.3', instance: 'hub-1' }

/** Sample lines only, in their order, without buckets. */
const samples = (text: string) => text.split('\n').filter((line) => /^[^#]/.test(line) && !line.includes('_bucket'))

function tell({ meters }: Metrics): void {
  const row = logRow({ sequence: 1, name: 'shop' })
  meters.appended([row, { ...row, observedAt: 5_000, changedAt: 4_000 }])
  meters.delivery.attempt({ endpoint: 'dns', outcome: 'accepted', events: 10, bytes: 1, ms: 40, resends: 1 })
  meters.delivery.rateLimited({ endpoint: 'dns', ms: 1_500 })
  meters.delivery.request({ host: 'dns.example.com', port: 443, status: 503, error: '503', ms: 20 })
  meters.delivery.told({ endpoint: 'dns', observedMs: 500, changedMs: 1_250 })
  meters.fleet.frame({ cluster: 'east', ms: 30 })
  meters.exported('failed')
}

test('metrics have their names, labels and units', async () => {
  await using metrics = createMetrics({ log: silentLog }, identity)
  metrics.observe(async () => figures)
  tell(metrics)
  const text = await metrics.collect()
  assert.deepEqual(samples(text), [
    'watch_hub_entries_total{cluster="prod-eu-1",resource="services"} 2',
    'watch_hub_metric_exports_total{outcome="failed"} 1',
    'watch_hub_watch_lag_seconds_count{cluster="prod-eu-1",resource="services"} 1',
    'watch_hub_watch_lag_seconds_sum{cluster="prod-eu-1",resource="services"} 1',
    'watch_hub_frame_seconds_count{cluster="east"} 1',
    'watch_hub_frame_seconds_sum{cluster="east"} 0.03',
    'watch_hub_deliveries_total{endpoint="dns",outcome="accepted"} 10',
    'watch_hub_attempts_total{endpoint="dns",outcome="accepted"} 1',
    'watch_hub_resends_total{endpoint="dns"} 1',
    'watch_hub_rate_limited_total{endpoint="dns"} 1',
    'watch_hub_rate_limited_seconds_total{endpoint="dns"} 1.5',
    'watch_hub_attempt_duration_seconds_count{endpoint="dns",outcome="accepted"} 1',
    'watch_hub_attempt_duration_seconds_sum{endpoint="dns",outcome="accepted"} 0.04',
    'http_client_request_duration_seconds_count{http_request_method="POST",server_address="dns.example.com",server_port="443",http_response_status_code="503",error_type="503"} 1',
    'http_client_request_duration_seconds_sum{http_request_method="POST",server_address="dns.example.com",server_port="443",http_response_status_code="503",error_type="503"} 0.02',
    'watch_hub_delivery_latency_seconds_count{endpoint="dns",since="observed"} 1',
    'watch_hub_delivery_latency_seconds_sum{endpoint="dns",since="observed"} 0.5',
    'watch_hub_delivery_latency_seconds_count{endpoint="dns",since="api-server"} 1',
    'watch_hub_delivery_latency_seconds_sum{endpoint="dns",since="api-server"} 1.25',
    'watch_hub_backlog_events{endpoint="dns"} 7',
    'watch_hub_backlog_events{endpoint="audit"} 0',
    'watch_hub_oldest_undelivered_seconds{endpoint="dns"} 1.5',
    'watch_hub_oldest_undelivered_seconds{endpoint="audit"} 0',
    'watch_hub_frozen_batches{endpoint="dns"} 3',
    'watch_hub_frozen_batches{endpoint="audit"} 0',
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
    'watch_hub_skipped_versions{endpoint="dns"} 4',
    'watch_hub_skipped_versions{endpoint="audit"} 0',
    'watch_hub_connected_agents 1',
    'watch_hub_cluster_connected{cluster="east"} 1',
    'watch_hub_cluster_connected{cluster="west"} 0',
    'watch_hub_plan_applied{cluster="east"} 0',
    'watch_hub_streams{cluster="east",state="starting"} 0',
    'watch_hub_streams{cluster="east",state="syncing"} 0',
    'watch_hub_streams{cluster="east",state="live"} 1',
    'watch_hub_streams{cluster="east",state="failed"} 1',
    'watch_hub_streams{cluster="east",state="paused"} 0',
    'watch_hub_frames_waiting{cluster="east"} 2',
    'watch_hub_inventory_objects{cluster="east",resource="deployments.apps"} 3',
    'watch_hub_corrections{cluster="east",resource="pods",cause="list"} 4',
    'watch_hub_corrections{cluster="east",resource="pods",cause="audit"} 2',
    'watch_hub_checksum_mismatches{cluster="east",resource="pods"} 1',
    'watch_hub_agent_heartbeat_age_seconds{cluster="east"} 4',
    'watch_hub_agent_objects{cluster="east"} 9',
    'watch_hub_agent_outbox_entries{cluster="east"} 4',
    'watch_hub_agent_outbox_bytes{cluster="east"} 1200',
    'watch_hub_agent_outbox_waiting{cluster="east"} 1',
    'watch_hub_agent_outbox_resets_total{cluster="east"} 1',
    'watch_hub_agent_frames_in_flight{cluster="east"} 2',
    'watch_hub_agent_lists_total{cluster="east"} 5',
    'watch_hub_agent_watches_total{cluster="east"} 6',
    'watch_hub_agent_reloads_total{cluster="east"} 1',
    'watch_hub_agent_match_errors_total{cluster="east"} 2',
    'watch_hub_agent_reconnects_total{cluster="east"} 3',
    'watch_hub_agent_memory_bytes{cluster="east"} 60000000',
    'watch_hub_agent_cpu_seconds_total{cluster="east"} 2.5',
    'watch_hub_agent_uptime_seconds{cluster="east"} 90',
    'watch_hub_store_commit_seconds{quantile="0.5"} 0.0015',
    'watch_hub_store_commit_seconds{quantile="0.99"} 0.009',
    'watch_hub_store_commit_duration_seconds_count 6',
    'watch_hub_store_commit_duration_seconds_sum 0.04',
    'watch_hub_store_calls_waiting 5',
    'watch_hub_log_reads_total{from="memory"} 40',
    'watch_hub_log_reads_total{from="disk"} 2',
    'watch_hub_log_rows 12',
    'watch_hub_log_bytes 3400',
    'watch_hub_log_limit_bytes 4096',
    'watch_hub_disk_free_bytes 512',
    'watch_hub_store_accepting 0',
    'watch_hub_dead_letter_limit_bytes 4000',
    'watch_hub_build_info{version="0.1.0"} 1',
    'watch_hub_config_rejected 1',
    'watch_hub_config_failing 1',
    'watch_hub_config_read_timestamp_seconds 1700000000',
    'watch_hub_spans_total{outcome="exported"} 40',
    'watch_hub_spans_total{outcome="failed"} 2',
    'watch_hub_spans_total{outcome="dropped"} 1',
    'watch_hub_spans_queued 3',
    'process_memory_usage_bytes 84000000',
    'nodejs_eventloop_delay_p99_seconds 0.003',
  ])
  assert.match(text, /^# TYPE watch_hub_entries_total counter$/m)
  assert.match(text, /^# TYPE watch_hub_agent_lists_total counter$/m)
  assert.match(text, /^# TYPE watch_hub_backlog_events gauge$/m)
  assert.match(text, /^# TYPE watch_hub_store_commit_duration_seconds histogram$/m)
  assert.match(text, /^watch_hub_attempt_duration_seconds_bucket\{endpoint="dns",outcome="accepted",le="0.025"\} 0$/m)
  assert.match(text, /^watch_hub_attempt_duration_seconds_bucket\{endpoint="dns",outcome="accepted",le="0.05"\} 1$/m)
  assert.match(text, /^watch_hub_store_commit_duration_seconds_bucket\{le="0.01"\} 5$/m)
  assert.match(text, /^watch_hub_store_commit_duration_seconds_bucket\{le="\+Inf"\} 6$/m)
  assert.doesNotMatch(text, /^# UNIT|ofAnAgentToCome/m)
})

test('a cluster or an endpoint that is gone leaves no series behind, nor does what an agent said that is away', async () => {
  await using metrics = createMetrics({ log: silentLog }, identity)
  let now = figures
  metrics.observe(async () => now)
  assert.match(await metrics.collect(), /watch_hub_agent_lists_total\{cluster="east"\}/)
  now = { ...figures, clusters: figures.clusters.slice(0, 1).map((each) => ({ ...each, connected: false })), endpoints: [] }
  const text = await metrics.collect()
  assert.doesNotMatch(text, /cluster="west"|endpoint="dns"/)
  assert.doesNotMatch(text, /^watch_hub_(agent|streams|plan_applied|frames)[^ ]*cluster="east"/m)
  assert.match(text, /watch_hub_cluster_connected\{cluster="east"\} 0/)
})

test('a deletion and what a list found have no watch lag, and a clock that is behind makes none of less than nothing', async () => {
  await using metrics = createMetrics({ log: silentLog }, identity)
  const row = { ...logRow({ sequence: 1, name: 'shop' }), observedAt: 5_000, changedAt: 4_000 }
  metrics.meters.appended([
    { ...row, change: 'gone' },
    { ...row, cause: 'list' },
    { ...row, changedAt: 9_000 },
  ])
  const text = await metrics.collect()
  assert.match(text, /^watch_hub_watch_lag_seconds_count\{.*\} 1$/m)
  assert.match(text, /^watch_hub_watch_lag_seconds_sum\{.*\} 0$/m)
})

test('a state that cannot be read costs neither the counters nor the answer, and is logged', async () => {
  const lines: string[] = []
  await using metrics = createMetrics({ log: createLog((line) => lines.push(line)) }, identity)
  const observing = metrics.observe(async () => {
    throw new Error('the store is closed')
  })
  tell(metrics)
  assert.match(await metrics.collect(), /watch_hub_entries_total\{cluster="prod-eu-1",resource="services"\} 2/)
  assert.match(lines.join(''), /the store is closed/)
  observing[Symbol.dispose]()
  await metrics.collect()
  assert.equal(lines.length, 1, 'what nobody observes any more is not read')
})

test('more than 2,000 series of one state are kept apart', async () => {
  await using metrics = createMetrics({ log: silentLog }, identity)
  const inventory = Array.from({ length: 3_000 }, (_, i) => ({ cluster: `c${i}`, resource: 'pods', objects: i }))
  metrics.observe(async () => ({ ...figures, store: { ...figures.store, inventory } }))
  const text = await metrics.collect()
  assert.match(text, /watch_hub_inventory_objects\{cluster="c2999",resource="pods"\} 2999/)
  assert.doesNotMatch(text, /overflow/)
})
