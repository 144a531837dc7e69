/**
 * Metrics, in the text form of Prometheus. Counters and times are told as they happen (`instruments`); what is a state
 * (backlog, connections, sizes) is read when somebody asks (`observe`). Sole importer of the OpenTelemetry SDK.
 */
import type { Attributes, Meter, ObservableGauge } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, InstrumentType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { release } from '@watch-hub/shared/protocol/version'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { EndpointHealth } from '../delivery/detail.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus } from '../fleet/status.ts'
import type { ComparisonFigures, StoreStats } from '../store/store.ts'

export interface AttemptFigure {
  readonly endpoint: string
  /** `accepted`, `try-later`, …: few and fixed, never a message. */
  readonly outcome: string
  /** Events in the request. */
  readonly events: number
  readonly ms: number
  /** How often it was repeated at once, because its kept connection had died. */
  readonly resends: number
}

export interface Instruments {
  /** Entries that became durable. `resource` = `deployments.apps` */
  entries(cluster: string, resource: string, count: number): void
  attempt(figure: AttemptFigure): void
  /** A request waited `ms` for the pace that its endpoint allows. */
  rateLimited(of: { readonly endpoint: string; readonly ms: number }): void
}

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
}

export interface Metrics extends AsyncDisposable {
  /** For instruments of other parts; names begin with `watch_hub_`. */
  readonly meter: Meter
  readonly instruments: Instruments
  /** From now on, `read` is called for every `collect`. */
  observe(read: () => Promise<Figures>): void
  collect(): Promise<string>
}

const secondsBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/** Series of one instrument; more of them are folded into one that says so. Enough for 500 clusters with 40 kinds each. */
const maxSeries = 20_000

/**
 * Read on demand. States are "delta": a cumulative reader keeps the series of a cluster or an endpoint that is gone for good,
 * with its last value (seen with SDK 3.1.0), and an alert on it would never end.
 */
class OnDemandReader extends MetricReader {
  constructor() {
    super({
      aggregationTemporalitySelector: (type) =>
        type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
      cardinalitySelector: () => maxSeries,
    })
  }
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export function createMetrics({ log }: { readonly log: Log }): Metrics {
  const reader = new OnDemandReader()
  const provider = new MeterProvider({ readers: [reader] })
  const meter = provider.getMeter('watch-hub')
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  return {
    meter,
    instruments: createInstruments(meter),
    observe: (read) => observeFigures(meter, read),
    collect: async () => {
      const { resourceMetrics, errors } = await reader.collect()
      for (const error of errors) log.warn('a metric could not be read', { error })
      return `${serializer.serialize(resourceMetrics)}\n`
    },
    [Symbol.asyncDispose]: () => provider.shutdown(),
  }
}

function createInstruments(meter: Meter): Instruments {
  const counter = (name: string, description: string) => meter.createCounter(name, { description })
  const entries = counter('watch_hub_entries', 'Entries of agents that became durable')
  const deliveries = counter('watch_hub_deliveries', 'Events sent, by what the endpoint made of their request')
  const attempts = counter('watch_hub_attempts', 'Requests sent to endpoints')
  const resends = counter('watch_hub_resends', 'Requests repeated at once because their kept connection had died')
  const limited = counter('watch_hub_rate_limited', 'Requests that waited for the pace that their endpoint allows')
  const limitedTime = counter(
    'watch_hub_rate_limited_seconds',
    'How long requests waited for the pace that their endpoint allows',
  )
  const duration = meter.createHistogram('watch_hub_attempt_duration_seconds', {
    description: 'Time of one request to an endpoint, answer included',
    advice: { explicitBucketBoundaries: secondsBounds },
  })
  return {
    entries: (cluster, resource, count) => entries.add(count, { cluster, resource }),
    attempt: ({ endpoint, outcome, events, ms, resends: repeated }) => {
      deliveries.add(events, { endpoint, outcome })
      attempts.add(1, { endpoint, outcome })
      duration.record(ms / 1_000, { endpoint, outcome })
      if (repeated > 0) resends.add(repeated, { endpoint })
    },
    rateLimited: ({ endpoint, ms }) => {
      limited.add(1, { endpoint })
      limitedTime.add(ms / 1_000, { endpoint })
    },
  }
}

type Point = readonly [value: number, attributes?: Attributes]

const breakerStates = ['closed', 'open', 'half-open'] as const

/** Every state: its name, what it says, and its values in one reading. */
const states: readonly (readonly [name: string, description: string, points: (figures: Figures) => readonly Point[]])[] = [
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

function observeFigures(meter: Meter, read: () => Promise<Figures>): void {
  const gauges: readonly (readonly [ObservableGauge, (figures: Figures) => readonly Point[]])[] = states.map(
    ([name, description, points]) => [meter.createObservableGauge(name, { description }), points],
  )
  meter.addBatchObservableCallback(
    async (result) => {
      const figures = await read()
      for (const [gauge, points] of gauges)
        for (const [value, attributes] of points(figures)) result.observe(gauge, value, attributes)
    },
    gauges.map(([gauge]) => gauge),
  )
}
