/** deploy/observability, held against the metrics of the code and the manifests of the hub. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseYaml } from '@watch-hub/hub/config/yaml'
import { prometheusLabel, prometheusName } from '@watch-hub/hub/telemetry/metrics/about'
import { metricTable } from '@watch-hub/hub/telemetry/metrics/table'
import { array, boolean, decodeJson, integer, literal, object, optional, record, string } from '@watch-hub/shared/protocol/decode'

const read = (file: string) => readFileSync(new URL(`../deploy/${file}`, import.meta.url), 'utf8')

function yaml(file: string): unknown {
  const { documents, problems } = parseYaml(read(file))
  assert.deepEqual(problems, [], file)
  assert.equal(documents.length, 1, file)
  return documents[0]?.value
}

const rules = object({
  kind: literal('PrometheusRule'),
  spec: object({
    groups: array(
      object({
        name: string,
        rules: array(
          object({
            alert: string,
            expr: string,
            for: string,
            labels: object({ severity: literal('critical', 'warning', 'info') }),
            annotations: object({ summary: string, description: string, runbook_url: string }),
          }),
        ),
      }),
    ),
  }),
})
const alerts = rules.decode(yaml('observability/prometheus-rules.yaml')).spec.groups.flatMap((group) => group.rules)

const dashboard = object({
  templating: object({ list: array(object({ name: string, definition: optional(string) })) }),
  panels: array(
    object({
      id: integer,
      title: string,
      targets: optional(array(object({ expr: string, datasource: object({ uid: string }) }))),
      gridPos: object({ x: integer, y: integer, w: integer, h: integer }),
    }),
  ),
})
const board = decodeJson(dashboard, read('observability/grafana-dashboard.json'))
const panelQueries = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

/** Metrics by the names that their series have. */
const bySeries = new Map(
  metricTable.flatMap((metric) => {
    const name = prometheusName(metric)
    const series = metric.kind === 'histogram' ? ['_bucket', '_count', '_sum'].map((part) => `${name}${part}`) : [name]
    return series.map((each) => [each, metric] as const)
  }),
)
const named = /\b(?:watch_hub|http_client|process|nodejs)_\w+/g

/** What a query asks for that the hub does not tell. */
function strangers(expr: string): readonly string[] {
  const names = [...expr.matchAll(named)].map(([name]) => name).filter((name) => !bySeries.has(name))
  const labels = [...expr.matchAll(/(\w+)\{(?<matchers>[^}]*)\}/g)].flatMap(([, name = '', matchers = '']) => {
    const known = [...(bySeries.get(name)?.labels.map(prometheusLabel) ?? []), 'instance']
    return [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)]
      .map(([, label = '']) => label)
      .filter((label) => !known.includes(label))
  })
  return [...names, ...labels]
}

test('alerts and panels ask for nothing but metrics of the table, by labels that these have', () => {
  const queries = [...alerts.map(({ expr }) => expr), ...panelQueries, ...metricTable.flatMap(({ alert = [] }) => alert)]
  assert.ok(queries.length > 60)
  assert.deepEqual(
    queries.flatMap((expr) => strangers(expr).map((what) => `${what} in ${expr}`)),
    [],
  )
})

test('every alert has a name of its own, says what to do, and leads to its section', () => {
  const page = read('observability/README.md')
  assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length)
  for (const { alert, annotations } of alerts) {
    assert.ok(annotations.description.length > 60 && annotations.summary.length > 10, alert)
    assert.ok(annotations.runbook_url.endsWith(`deploy/observability/README.md#${alert.toLowerCase()}`), alert)
    assert.match(page, new RegExp(`^### ${alert}$`, 'm'))
  }
})

test('what has to wake somebody is among the alerts', () => {
  const all = alerts.map(({ expr }) => expr).join('\n')
  for (const metric of [
    ...['watch_hub_cluster_connected', 'watch_hub_oldest_undelivered_seconds', 'watch_hub_dead_letters'],
    ...['watch_hub_parked_objects', 'watch_hub_breaker', 'watch_hub_disk_free_bytes', 'watch_hub_store_accepting'],
    ...['watch_hub_config_rejected', 'watch_hub_config_failing', 'watch_hub_plan_applied'],
    ...['watch_hub_checksum_mismatches', 'watch_hub_streams'],
  ])
    assert.match(all, new RegExp(`\\b${metric}\\b`))
})

test('the dashboard asks the chosen datasource, for the chosen endpoints and clusters, and its panels do not overlap', () => {
  assert.deepEqual(
    board.templating.list.map(({ name }) => name),
    ['datasource', 'endpoint', 'cluster'],
  )
  for (const { definition = '' } of board.templating.list) assert.deepEqual(strangers(definition), [])
  for (const { title, targets = [] } of board.panels)
    for (const { datasource } of targets) assert.equal(datasource.uid, '$' + '{datasource}', title)
  const cells = board.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  )
  assert.equal(new Set(cells).size, cells.length)
  assert.equal(new Set(board.panels.map(({ id }) => id)).size, board.panels.length)
})

test('the ServiceMonitor reads the port and the labels that the Service of the hub has, and honours the labels of the hub', () => {
  const labels = record(string)
  const metadata = object({ namespace: string, labels })
  const service = object({ metadata, spec: object({ ports: array(object({ name: string, port: integer })) }) }).decode(
    yaml('hub/service.yaml'),
  )
  const monitor = object({
    spec: object({
      namespaceSelector: object({ matchNames: array(string) }),
      selector: object({ matchLabels: labels }),
      endpoints: array(object({ port: string, path: string, honorLabels: boolean })),
    }),
  }).decode(yaml('observability/servicemonitor.yaml'))
  assert.deepEqual(monitor.spec.namespaceSelector.matchNames, [service.metadata.namespace])
  for (const [label, value] of Object.entries(monitor.spec.selector.matchLabels))
    assert.equal(service.metadata.labels[label], value)
  const [endpoint] = monitor.spec.endpoints
  assert.deepEqual([endpoint?.port, endpoint?.path, endpoint?.honorLabels], [service.spec.ports[0]?.name, '/metrics', true])
})

test('the collector takes what the hub sends, and each part of its pipelines is configured', () => {
  const parts = record(object({}))
  const config = object({
    receivers: object({ otlp: object({ protocols: object({ http: object({ endpoint: string }) }) }) }),
    processors: parts,
    exporters: parts,
    extensions: parts,
    service: object({
      extensions: array(string),
      pipelines: record(object({ receivers: array(string), processors: array(string), exporters: array(string) })),
    }),
  }).decode(yaml('observability/otel-collector.yaml'))
  assert.match(config.receivers.otlp.protocols.http.endpoint, /:4318$/)
  assert.deepEqual(Object.keys(config.service.pipelines), ['traces', 'metrics'])
  for (const { receivers, processors, exporters } of Object.values(config.service.pipelines)) {
    assert.deepEqual(receivers, ['otlp'])
    assert.equal(processors[0], 'memory_limiter', 'it has to come first')
    for (const name of processors) assert.ok(name in config.processors, name)
    for (const name of exporters) assert.ok(name in config.exporters, name)
  }
})

test('the kustomization names files that are there', () => {
  const { resources, configMapGenerator } = object({
    resources: array(string),
    configMapGenerator: array(object({ files: array(string) })),
  }).decode(yaml('observability/kustomization.yaml'))
  const files = configMapGenerator.flatMap((each) => each.files.map((file) => file.split('=').at(-1) ?? ''))
  for (const file of [...resources, ...files]) assert.ok(read(`observability/${file}`).length > 0)
})
