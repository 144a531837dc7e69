/** What hub/docs/metrics.md says, held against the table in code. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { prometheusName } from '@watch-hub/hub/telemetry/metrics/about'
import { metricTable, rowOf } from '@watch-hub/hub/telemetry/metrics/table'

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')

test('the page has every metric of the code, in its order, with kind, unit, labels, meaning and when to look', () => {
  const rows = read('hub/docs/metrics.md')
    .split('\n')
    .filter((line) => /^\| `/.test(line))
  assert.deepEqual(rows, metricTable.map(rowOf))
})

test('no two metrics have one name, and each says what it is in few words', () => {
  assert.equal(new Set(metricTable.map(prometheusName)).size, metricTable.length)
  for (const { name, says, labels } of metricTable) {
    assert.match(says, /^\p{Lu}|^\d/u, name)
    assert.ok(says.length < 200 && !says.endsWith('.') && labels.length <= 5, name)
  }
})

test('the unit of a metric stands in its name where Prometheus wants it', () => {
  for (const metric of metricTable) {
    const name = prometheusName(metric)
    if (metric.unit === 's') assert.match(name, /_seconds(_total)?$/)
    if (metric.unit === 'By') assert.match(name, /_bytes(_total)?$/)
    assert.equal(name.endsWith('_total'), metric.kind === 'counter', name)
  }
})

test('the README leads to the page, and names no metric that is not on it', () => {
  const readme = read('README.md')
  assert.match(readme, /\(hub\/docs\/metrics\.md\)/)
  const known = new Set(metricTable.map(prometheusName))
  const named = [...readme.matchAll(/\bwatch_hub_\w+\b(?!\*)/g)].map(([name]) => name)
  assert.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  )
})
