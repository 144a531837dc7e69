/** The metrics that are states: read when somebody asks, as the status is. */
import { release } from '@watch-hub/shared/protocol/version'
import type { EndpointHealth } from '../delivery/detail.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus } from '../fleet/status.ts'
import type { ComparisonFigures, StoreStats } from '../store/store.ts'
import type { SpanFigures } from '../telemetry/export.ts'

/** States, read at the moment of asking. */
export interface Figures {
  readonly endpoints: readonly Pick<EndpointStatus, 'name' | 'backlog' | 'oldestMs' | 'skipped' | keyof EndpointHealth>[]
  readonly clusters: readonly Pick<ClusterStatus, 'name' | 'connected'>[]
  readonly store: Pick<
    StoreStats,
    'state' | 'logRows' | 'logBytes' | 'logLimit' | 'deadLetterLimit' | 'freeBytes' | 'commitMs' | 'inventory' | 'comparisons'
  >
  /** Whether the newest commit seen is not the live one. */
  readonly configRejected: boolean
  readonly spans: SpanFigures
}

/** One value of a state, with its labels. */
export type Point = readonly [value: number, attributes?: Readonly<Record<string, string>>]

const breakerStates = ['closed', 'open', 'half-open'] as const

/** Every state: its name, what it says, and its values in one reading. */
export const states: readonly (readonly [name: string, description: string, points: (figures: Figures) => readonly Point[]])[] = [
  ['watch_hub_build_info', 'Release of this hub', () => [[1, { version: release }]]],
  [
    'watch_hub_backlog_events',
    'Events that wait for an endpoint',
    ({ endpoints }) => endpoints.map(({ name, backlog }) => [backlog, { endpoint: name }]),
  ],
  [
    'watch_hub_oldest_undelivered_seconds',
    'How long the oldest waiting event has waited; 0 when none waits',
    ({ endpoints }) => endpoints.map(({ name, oldestMs = 0 }) => [oldestMs / 1_000, { endpoint: name }]),
  ],
  [
    'watch_hub_requests_in_flight',
    'Requests to an endpoint that are under way',
    ({ endpoints }) => endpoints.map(({ name, inFlight }) => [inFlight, { endpoint: name }]),
  ],
  [
    'watch_hub_breaker',
    '1 for the state that the breaker of an endpoint is in, 0 for the others; open = nothing is sent',
    ({ endpoints }) =>
      endpoints.flatMap(({ name, breaker }) =>
        breakerStates.map((state): Point => [breaker.state === state ? 1 : 0, { endpoint: name, state }]),
      ),
  ],
  [
    'watch_hub_held',
    '1 while an endpoint is held back: in git, by an operator, since it answered that it is gone, by its guard',
    ({ endpoints }) => endpoints.flatMap(({ name, holds }) => holds.map(({ cause }): Point => [1, { endpoint: name, cause }])),
  ],
  [
    'watch_hub_parked_objects',
    'Objects that an endpoint keeps failing on while it accepts others',
    ({ endpoints }) => endpoints.map(({ name, parked }) => [parked.objects, { endpoint: name }]),
  ],
  [
    'watch_hub_parked_bytes',
    'Bytes of the events of parked objects',
    ({ endpoints }) => endpoints.map(({ name, parked }) => [parked.bytes, { endpoint: name }]),
  ],
  [
    'watch_hub_dead_letters',
    'Events that were given up for an endpoint and are kept',
    ({ endpoints }) => endpoints.map(({ name, deadLetters }) => [deadLetters.count, { endpoint: name }]),
  ],
  [
    'watch_hub_dead_letter_bytes',
    'Bytes of the dead letters of an endpoint',
    ({ endpoints }) => endpoints.map(({ name, deadLetters }) => [deadLetters.bytes, { endpoint: name }]),
  ],
  [
    'watch_hub_dead_letter_limit_bytes',
    'Bytes of the dead letters of one endpoint above which no more are made: its parked objects are tried on instead',
    ({ store }) => [[store.deadLetterLimit]],
  ],
  [
    'watch_hub_connected_agents',
    'Agents that are connected',
    ({ clusters }) => [[clusters.filter(({ connected }) => connected).length]],
  ],
  [
    'watch_hub_cluster_connected',
    '1 when the agent of the cluster is connected, else 0',
    ({ clusters }) => clusters.map(({ name, connected }) => [connected ? 1 : 0, { cluster: name }]),
  ],
  [
    'watch_hub_store_commit_seconds',
    'Time of the last commits to disk',
    ({ store: { commitMs } }) => [
      [commitMs.p50 / 1_000, { quantile: '0.5' }],
      [commitMs.p99 / 1_000, { quantile: '0.99' }],
    ],
  ],
  ['watch_hub_log_rows', 'Rows of the log', ({ store }) => [[store.logRows]]],
  ['watch_hub_log_bytes', 'Bytes of the log', ({ store }) => [[store.logBytes]]],
  ['watch_hub_log_limit_bytes', 'Bytes of the log above which it is compacted', ({ store }) => [[store.logLimit]]],
  [
    'watch_hub_disk_free_bytes',
    "Free on the store's disk, with what is free within its file",
    ({ store: { freeBytes } }) => (freeBytes === undefined ? [] : [[freeBytes]]),
  ],
  [
    'watch_hub_store_accepting',
    '0 while agents wait because too little disk is free, else 1',
    ({ store }) => [[store.state.kind === 'stopped' ? 0 : 1]],
  ],
  [
    'watch_hub_skipped_versions',
    'Versions that an endpoint was not told, because newer ones were or nothing had to be; rises over restarts too',
    ({ endpoints }) => endpoints.map(({ name, skipped }) => [skipped, { endpoint: name }]),
  ],
  [
    'watch_hub_inventory_objects',
    'Objects that the hub knows',
    ({ store }) => store.inventory.map(({ cluster, resource, objects }) => [objects, { cluster, resource }]),
  ],
  [
    'watch_hub_corrections',
    'Changes that a comparison found and no watch had told',
    ({ store }) =>
      byKind(store.comparisons).flatMap(([labels, of]) => [
        [sum(of, ({ corrections, auditCorrections }) => corrections - auditCorrections), { ...labels, cause: 'list' }],
        [sum(of, ({ auditCorrections }) => auditCorrections), { ...labels, cause: 'audit' }],
      ]),
  ],
  [
    'watch_hub_checksum_mismatches',
    'How often the index of an agent and the inventory were not the same',
    ({ store }) => byKind(store.comparisons).map(([labels, of]) => [sum(of, ({ mismatches }) => mismatches), labels]),
  ],
  [
    'watch_hub_spans',
    'Spans of traces, by what became of them: exported, failed (the collector did not take them), dropped (the queue was full)',
    ({ spans: { exported, failed, dropped } }) => [
      [exported, { outcome: 'exported' }],
      [failed, { outcome: 'failed' }],
      [dropped, { outcome: 'dropped' }],
    ],
  ],
  ['watch_hub_spans_queued', 'Spans that wait for the collector', ({ spans }) => [[spans.queued]]],
  [
    'watch_hub_config_rejected',
    '1 when the newest commit was refused, else 0',
    ({ configRejected }) => [[configRejected ? 1 : 0]],
  ],
]

type ByKind = readonly (readonly [
  labels: { readonly cluster: string; readonly resource: string },
  of: readonly ComparisonFigures[],
])[]

/** Streams of one kind of one cluster are one series. */
const byKind = (comparisons: readonly ComparisonFigures[]): ByKind =>
  [...Map.groupBy(comparisons, ({ cluster, resource }) => JSON.stringify([cluster, resource])).values()].flatMap((of) =>
    of.slice(0, 1).map(({ cluster, resource }) => [{ cluster, resource }, of] as const),
  )

const sum = <T>(of: readonly T[], value: (each: T) => number): number => of.reduce((total, each) => total + value(each), 0)
