/**
 * Metrics over OTLP, pushed at an interval. Where to, and with what headers, certificates and compression, the exporter reads from
 * OTEL_EXPORTER_OTLP_* by itself. A collector that is away costs nothing but its export: it is counted, and said when it begins and when it ends.
 */
import { ExportResultCode } from '@opentelemetry/core'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import {
  type MetricProducer,
  type MetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import type { OtelSettings } from '../otel-env.ts'

export interface OtlpDeps {
  readonly states: MetricProducer
  readonly log: Log
  readonly onExport: (outcome: 'accepted' | 'failed') => void
}

type Intervals = Pick<OtelSettings, 'metricIntervalMs' | 'metricTimeoutMs'>

export function otlpReader(
  { states, ...deps }: OtlpDeps,
  { metricIntervalMs, metricTimeoutMs, maxSeries }: Intervals & { readonly maxSeries: number },
): MetricReader {
  return new PeriodicExportingMetricReader({
    exporter: watched(new OTLPMetricExporter(), deps),
    exportIntervalMillis: metricIntervalMs,
    exportTimeoutMillis: Math.min(metricTimeoutMs, metricIntervalMs), // the reader takes no other one
    metricProducers: [states],
    cardinalityLimits: { default: maxSeries },
  })
}

/** Looks at what comes of each export. To the reader all of them went well: it would say the same failure each time. */
function watched(exporter: OTLPMetricExporter, { log, onExport }: Omit<OtlpDeps, 'states'>): PushMetricExporter {
  let failures = 0
  const note = (error: Error | undefined) => {
    onExport(error === undefined ? 'accepted' : 'failed')
    if (error === undefined && failures > 0) log.info('metrics are sent again', { failures })
    failures = error === undefined ? 0 : failures + 1
    if (failures === 1) log.warn('metrics cannot be sent; further failures are only counted', { reason: describeError(error) })
  }
  return {
    export: (metrics, done) =>
      exporter.export(metrics, ({ code, error }) => {
        note(code === ExportResultCode.SUCCESS ? undefined : (error ?? new Error('expected the collector to take the metrics')))
        done({ code: ExportResultCode.SUCCESS })
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    selectAggregation: (type) => exporter.selectAggregation(type),
    selectAggregationTemporality: (type) => exporter.selectAggregationTemporality(type),
  }
}
