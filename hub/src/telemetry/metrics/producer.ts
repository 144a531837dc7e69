/**
 * Makes metrics of states, anew at each reading, for every reader alike. The SDK's own observable instruments cannot serve: cumulative, they keep
 * the series of a cluster or an endpoint that is gone for good, with its last value (seen with SDK 3.1.0), and an alert on it would never end.
 */
import { type HrTime, ValueType } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType, type MetricData, type MetricProducer } from '@opentelemetry/sdk-metrics'
import type { Figures, State } from './figures.ts'
import { states } from './states.ts'

type Resource = Awaited<ReturnType<MetricProducer['collect']>>['resourceMetrics']['resource']

interface Produced {
  readonly resource: Resource
  readonly scope: { readonly name: string; readonly version: string }
  /** Nothing = nothing can be read yet, or any more. */
  readonly read: () => Promise<Figures> | undefined
}

/** A reading that fails is an error of its collection; everything else is collected all the same. */
export function statesProducer({ resource, scope, read }: Produced): MetricProducer {
  const startTime = hrTime(Date.now())
  return {
    collect: async () => {
      try {
        const figures = await read()
        const during = { startTime, endTime: hrTime(Date.now()) }
        const metrics = figures === undefined ? [] : states.map((state) => dataOf(state, figures, during))
        return { resourceMetrics: { resource, scopeMetrics: metrics.length === 0 ? [] : [{ scope, metrics }] }, errors: [] }
      } catch (error) {
        return { resourceMetrics: { resource, scopeMetrics: [] }, errors: [error] }
      }
    },
  }
}

interface During {
  readonly startTime: HrTime
  readonly endTime: HrTime
}

function dataOf(state: State, figures: Figures, during: During): MetricData {
  const { name, says, unit } = state
  const descriptor = { name, description: says, unit, valueType: ValueType.DOUBLE }
  const base = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
  if (state.kind === 'histogram') {
    const { bounds, counts, sum } = state.distribution(figures)
    const count = counts.reduce((total, each) => total + each, 0)
    const value = { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count }
    return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints: [{ ...during, attributes: {}, value }] }
  }
  const dataPoints = state.points(figures).map(([value, attributes = {}]) => ({ ...during, attributes, value }))
  return state.kind === 'counter'
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...base, dataPointType: DataPointType.GAUGE, dataPoints }
}

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000]
