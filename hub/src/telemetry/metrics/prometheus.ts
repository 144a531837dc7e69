/** Metrics for Prometheus, read on demand: names as it knows them, and its text. */
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, type MetricProducer, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { prometheusName } from './about.ts'
import { metricTable } from './table.ts'

class OnDemandReader extends MetricReader {
  constructor(states: MetricProducer, maxSeries: number) {
    super({
      metricProducers: [states],
      aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE,
      cardinalitySelector: () => maxSeries,
    })
  }
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export interface PrometheusText {
  readonly reader: MetricReader
  /** `onError`: what could not be read is missing in the text. */
  collect(onError: (error: unknown) => void): Promise<string>
}

export function prometheusText(states: MetricProducer, maxSeries: number): PrometheusText {
  const reader = new OnDemandReader(states, maxSeries)
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  return {
    reader,
    collect: async (onError) => {
      const { resourceMetrics, errors } = await reader.collect()
      errors.forEach(onError)
      return `${serializer.serialize(named(resourceMetrics))}\n`
    },
  }
}

const names: ReadonlyMap<string, string> = new Map(metricTable.map((metric) => [metric.name, prometheusName(metric)]))

/** The unit is in the name; as a line of its own, text of this version does not know it. */
const named = ({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics => ({
  resource,
  scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({
    scope,
    metrics: metrics.map((metric) => {
      const { descriptor } = metric
      return { ...metric, descriptor: { ...descriptor, name: names.get(descriptor.name) ?? descriptor.name, unit: '' } }
    }),
  })),
})
