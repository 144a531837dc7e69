/** What is known of a metric before it has any value. The table of hub/docs/metrics.md is made of it, and a test holds the two together. */

export interface MetricAbout {
  /** As OpenTelemetry names it; `prometheusName` makes the other one. */
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** UCUM, https://ucum.org: `s`, `By`, or in braces what is counted. */
  readonly unit: string
  /** As OpenTelemetry names them. Few values each: never an object, a path or an error's text. */
  readonly labels: readonly string[]
  readonly says: string
  /** When somebody should look, in PromQL. */
  readonly alert?: string
}

const suffixes: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' }

/** As Prometheus' own naming and the collector's translation have it: the unit at the end, `_total` behind what only rises. */
export function prometheusName({ name, kind, unit }: Pick<MetricAbout, 'name' | 'kind' | 'unit'>): string {
  const plain = prometheusLabel(name)
  const suffix = suffixes[unit] ?? ''
  const named = plain.endsWith(suffix) ? plain : `${plain}${suffix}`
  return kind === 'counter' ? `${named}_total` : named
}

export const prometheusLabel = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_')
