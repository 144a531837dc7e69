/**
 * Metrics of the hub: what happens is told to `meters`, what is a state is read by `observe`d figures. Both are there for Prometheus whenever it
 * asks, and pushed over OTLP where the environment says so.
 */
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { OtelSettings } from '../otel-env.ts'
import { type HubIdentity, hubResource } from '../resource.ts'
import type { Figures } from './figures.ts'
import { createMeters, type Meters } from './meters.ts'
import { otlpReader } from './otlp.ts'
import { statesProducer } from './producer.ts'
import { prometheusText } from './prometheus.ts'

export interface Metrics extends AsyncDisposable {
  readonly meters: Meters
  /** From now on until it is disposed, `read` is called for every reading. */
  observe(read: () => Promise<Figures>): Disposable
  /** For Prometheus. */
  collect(): Promise<string>
}

export interface MetricsSettings extends HubIdentity {
  /** Absent = nothing is pushed. */
  readonly otel?: Pick<OtelSettings, 'metrics' | 'metricIntervalMs' | 'metricTimeoutMs'>
}

/** Series of one instrument; more of them are folded into one that says so. Enough for 500 clusters with 40 kinds each. */
const maxSeries = 20_000
/** What a last export gets to end; a collector that is away must not hold up the hub's end. */
const flushMs = 3_000

export function createMetrics({ log }: { readonly log: Log }, { otel, ...identity }: MetricsSettings): Metrics {
  let read: (() => Promise<Figures>) | undefined
  const resource = hubResource(identity)
  const scope = { name: 'watch-hub', version: identity.version }
  const states = statesProducer({ resource, scope, read: () => read?.() })
  const prometheus = prometheusText(states, maxSeries)
  const onExport = (outcome: 'accepted' | 'failed') => meters.exported(outcome)
  const pushed = otel?.metrics === 'otlp' ? [otlpReader({ states, log, onExport }, { ...otel, maxSeries })] : []
  const provider = new MeterProvider({ resource, readers: [prometheus.reader, ...pushed] })
  const meters = createMeters(provider.getMeter(scope.name, scope.version))
  return {
    meters,
    observe: (next) => {
      read = next
      return {
        [Symbol.dispose]: () => {
          if (read === next) read = undefined
        },
      }
    },
    collect: () => prometheus.collect((error) => log.warn('a metric could not be read', { error })),
    [Symbol.asyncDispose]: async () => {
      await provider
        .shutdown({ timeoutMillis: flushMs })
        .catch((error: unknown) => log.warn('the last metrics were not sent', { error }))
    },
  }
}
