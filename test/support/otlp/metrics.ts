/** Metrics of OTLP (metrics.proto), as plain objects: gauges, sums and histograms with fixed bounds. */
import { type Attributes, attributesOf, numberOf, type Origin, thingsOf } from './common.ts'
import { bitsOf, doubleOf, type Fields, fixed64sOf, messagesOf, readMessage, textOf } from './protobuf.ts'

interface OtlpPoint {
  readonly attributes: Attributes
  /** ns since 1970; 0 where it was not said. */
  readonly startNs: bigint
  readonly timeNs: bigint
  /** Of a gauge or a sum. */
  readonly value?: number
  /** Of a histogram. `counts` has one more than `bounds`. */
  readonly histogram?: {
    readonly count: number
    readonly sum: number
    readonly bounds: readonly number[]
    readonly counts: readonly number[]
  }
}

export interface OtlpMetric extends Origin {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly type: 'gauge' | 'sum' | 'histogram'
  /** Of sums and histograms. */
  readonly temporality: (typeof temporalities)[number]
  /** Of sums. */
  readonly monotonic: boolean
  readonly points: readonly OtlpPoint[]
}

const temporalities = ['unspecified', 'delta', 'cumulative'] as const
const types = [
  [5, 'gauge'],
  [7, 'sum'],
  [9, 'histogram'],
] as const

/** Of an ExportMetricsServiceRequest. */
export const metricsOf = (request: Uint8Array): readonly OtlpMetric[] =>
  thingsOf(readMessage(request), (metric, origin) =>
    types.flatMap(([field, type]) => messagesOf(metric, field).map((data) => metricOf(metric, { data, type, origin }))),
  )

interface Typed {
  readonly data: Fields
  readonly type: OtlpMetric['type']
  readonly origin: Origin
}

const metricOf = (metric: Fields, { data, type, origin }: Typed): OtlpMetric => ({
  ...origin,
  name: textOf(metric, 1),
  description: textOf(metric, 2),
  unit: textOf(metric, 3),
  type,
  temporality: temporalities[Number(bitsOf(data, 2))] ?? 'unspecified',
  monotonic: type === 'sum' && bitsOf(data, 3) !== 0n,
  points: messagesOf(data, 1).map(type === 'histogram' ? histogramPointOf : numberPointOf),
})

const numberPointOf = (point: Fields): OtlpPoint => ({
  ...{ attributes: attributesOf(point, 7), startNs: bitsOf(point, 2), timeNs: bitsOf(point, 3) },
  value: point.has(4) ? doubleOf(bitsOf(point, 4)) : Number(numberOf(BigInt.asIntN(64, bitsOf(point, 6)))),
})

const histogramPointOf = (point: Fields): OtlpPoint => ({
  ...{ attributes: attributesOf(point, 9), startNs: bitsOf(point, 2), timeNs: bitsOf(point, 3) },
  histogram: {
    count: Number(bitsOf(point, 4)),
    sum: doubleOf(bitsOf(point, 5)),
    bounds: fixed64sOf(point, 7).map(doubleOf),
    counts: fixed64sOf(point, 6).map(Number),
  },
})
