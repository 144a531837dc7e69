/** Tells the instruments what happens: what the parts of the hub call their meters, over the OpenTelemetry API. */
import type { Meter } from '@opentelemetry/api'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { DeliveryMeter } from '../../delivery/meter.ts'
import type { FleetMeter } from '../../fleet/meter.ts'
import type { LogRow } from '../../store/store.ts'
import type { MetricAbout } from './about.ts'
import { counters, type HistogramAbout, histograms } from './instruments.ts'

export interface Meters {
  readonly delivery: DeliveryMeter
  readonly fleet: FleetMeter
  /** Rows that became durable. */
  appended(rows: readonly LogRow[]): void
  /** Metrics were sent, or could not be. */
  exported(outcome: 'accepted' | 'failed'): void
}

export function createMeters(meter: Meter): Meters {
  const make = makers(meter)
  const entries = make.counter(counters.entries)
  const exports = make.counter(counters.exports)
  const lag = make.histogram(histograms.lag)
  const frame = make.histogram(histograms.frame)
  return {
    delivery: deliveryMeter(make),
    fleet: { frame: ({ cluster, ms }) => frame.record(ms / 1_000, { cluster }) },
    appended: (rows) => {
      for (const { cluster, object, cause, change, changedAt, observedAt } of rows) {
        const of = { cluster, resource: resourceName(object) }
        entries.add(1, of)
        if (cause === 'live' && change !== 'gone' && changedAt !== undefined) lag.record(seconds(observedAt - changedAt), of)
      }
    },
    exported: (outcome) => exports.add(1, { outcome }),
  }
}

const makers = (meter: Meter) => ({
  counter: ({ name, says, unit }: MetricAbout) => meter.createCounter(name, { description: says, unit }),
  histogram: ({ name, says, unit, bounds }: HistogramAbout) =>
    meter.createHistogram(name, { description: says, unit, advice: { explicitBucketBoundaries: [...bounds] } }),
})

/** Two clocks may disagree: what would have been before it began took no time. */
const seconds = (ms: number): number => Math.max(0, ms) / 1_000

function deliveryMeter({ counter, histogram }: ReturnType<typeof makers>): DeliveryMeter {
  const deliveries = counter(counters.deliveries)
  const attempts = counter(counters.attempts)
  const resends = counter(counters.resends)
  const limited = counter(counters.limited)
  const limitedTime = counter(counters.limitedTime)
  const attempt = histogram(histograms.attempt)
  const request = histogram(histograms.request)
  const latency = histogram(histograms.latency)
  return {
    attempt: ({ endpoint, outcome, events, ms, resends: repeated }) => {
      deliveries.add(events, { endpoint, outcome })
      attempts.add(1, { endpoint, outcome })
      attempt.record(ms / 1_000, { endpoint, outcome })
      if (repeated > 0) resends.add(repeated, { endpoint })
    },
    request: ({ host, port, status, error, ms }) =>
      request.record(ms / 1_000, {
        'http.request.method': 'POST',
        'server.address': host,
        'server.port': port,
        ...(status !== undefined && { 'http.response.status_code': status }),
        ...(error !== undefined && { 'error.type': error }),
      }),
    rateLimited: ({ endpoint, ms }) => {
      limited.add(1, { endpoint })
      limitedTime.add(ms / 1_000, { endpoint })
    },
    told: ({ endpoint, observedMs, changedMs }) => {
      latency.record(seconds(observedMs), { endpoint, since: 'observed' })
      if (changedMs !== undefined) latency.record(seconds(changedMs), { endpoint, since: 'api-server' })
    },
    delivered: () => {},
    compacted: () => {},
  }
}
