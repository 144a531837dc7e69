/** Every metric of the hub, and the rows of hub/docs/metrics.md. */
import { type MetricAbout, prometheusLabel, prometheusName } from './about.ts'
import { instrumentTable } from './instruments.ts'
import { states } from './states.ts'

export const metricTable: readonly MetricAbout[] = [...instrumentTable, ...states]

/** As the page has it. Units in braces say what is counted. */
export function rowOf(metric: MetricAbout): string {
  const { name, kind, unit, labels, says, alert } = metric
  const named = name.includes('.') ? `\`${prometheusName(metric)}\`, over OTLP \`${name}\`` : `\`${prometheusName(metric)}\``
  const cells = [named, kind, unit, labels.map(prometheusLabel).join(', '), says, alert === undefined ? '' : `\`${alert}\``]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll('|  |', '| |')
}
