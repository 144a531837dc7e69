/** Reads `/metrics` of a hub again and again, as Prometheus does, and remembers which series ever moved. */

import { prometheusName } from '@watch-hub/hub/telemetry/metrics/about'
import { metricTable } from '@watch-hub/hub/telemetry/metrics/table'
import { sleep } from '@watch-hub/shared/runtime/sleep'

type Labels = Readonly<Record<string, string>>

export interface Sample {
  /** Of the metric; of a histogram without `_bucket`, `_count`, `_sum`. */
  readonly metric: string
  readonly labels: Labels
  /** Of a histogram, how often something was counted. */
  readonly value: number
}

export interface MetricWatch {
  /** Names of metrics of which a series had two values, or came into being with another one than 0. */
  readonly moved: ReadonlySet<string>
  /** Every series that was ever there. */
  readonly seen: ReadonlyMap<string, Sample>
  /** Reads until a series with these labels, and maybe others, is as wanted. */
  until(metric: string, labels: Labels, wanted: (value: number) => boolean, ms?: number): Promise<void>
  /** Reads once; a hub that does not answer is passed over. */
  read(): Promise<readonly Sample[]>
}

const histograms = new Set(metricTable.filter(({ kind }) => kind === 'histogram').map(prometheusName))

export function watchMetrics(url: () => string): MetricWatch {
  const moved = new Set<string>()
  const seen = new Map<string, Sample>()
  const read = async (): Promise<readonly Sample[]> => {
    const text = await fetch(`${url()}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    )
    const samples = samplesOf(text)
    for (const sample of samples) {
      const key = JSON.stringify([sample.metric, sample.labels])
      if (sample.value !== (seen.get(key)?.value ?? 0)) moved.add(sample.metric)
      seen.set(key, sample)
    }
    return samples
  }
  return {
    moved,
    seen,
    read,
    until: async (metric, labels, wanted, ms = 30_000) => {
      let last: readonly Sample[] = []
      for (const end = performance.now() + ms; performance.now() < end; await sleep(50)) {
        last = await read()
        if (last.some((sample) => sample.metric === metric && has(sample.labels, labels) && wanted(sample.value))) return
      }
      const had = last.filter((sample) => sample.metric === metric)
      throw new Error(`${metric} ${JSON.stringify(labels)}: not as wanted within ${ms} ms, but ${JSON.stringify(had)}`)
    },
  }
}

/** Buckets and sums say nothing that counts do not. */
const samplesOf = (text: string): readonly Sample[] =>
  text.split('\n').flatMap((line) => {
    const { name = '', labels = '', value } = /^(?<name>\w+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/.exec(line)?.groups ?? {}
    const counted = /^(?<metric>\w+)_(?<part>bucket|count|sum)$/.exec(name)?.groups
    const isHistogram = counted?.metric !== undefined && histograms.has(counted.metric)
    if (value === undefined || (isHistogram && counted.part !== 'count')) return []
    return [{ metric: isHistogram ? name.slice(0, -'_count'.length) : name, labels: labelsOf(labels), value: Number(value) }]
  })

const labelsOf = (text: string): Labels =>
  Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [name, value]))

const has = (labels: Labels, wanted: Labels): boolean => Object.entries(wanted).every(([name, value]) => labels[name] === value)
