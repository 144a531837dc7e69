/**
 * Metrics, in the text form of Prometheus. Counters and times are told as they happen (`instruments`); what is a state
 * (backlog, connections, sizes: metric-states.ts) is read when somebody asks (`observe`). Sole importer of the OpenTelemetry SDK.
 */
import type { Meter, ObservableGauge } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, InstrumentType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import type { Log } from '@watch-hub/shared/runtime/log'
import { type Figures, type Point, states } from './metric-states.ts'

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
