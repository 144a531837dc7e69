/** What manifests may not say together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, endpoint, manifest, problemsOf, settings, snapshotOf, watch } from '../testing/manifests.ts'

const a = cluster('prod-eu-1')
const dns = endpoint('dns')

test('two manifests of one kind and name are refused, naming both places', async () => {
  assert.deepEqual(await problemsOf(a, endpoint('x'), `---\n${endpoint('x')}`, watch('x', '', '[x]')), [
    "2.yaml:4:18 metadata.name: expected one Endpoint named 'x', got a second one (the first is at 1.yaml:1)",
  ])
})

test('a second Settings is refused, naming the first', async () => {
  assert.deepEqual(await problemsOf(a, settings('attach: {a: 1}'), settings('attach: {a: 2}')), [
    '2.yaml:1:1: expected at most one Settings, got a second one (the first is at 1.yaml:1)',
  ])
})

test('a watch names declared endpoints, each once, or says that it has none', async () => {
  assert.deepEqual(
    await problemsOf(
      a,
      dns,
      watch('w', '', '[dsn, dns, dns, cmdb]'),
      watch('v', '', '[]'),
      manifest('Watch', 'u', 'resources: [pods]'),
    ),
    [
      "2.yaml:6:15 spec.endpoints[0]: expected the name of a declared Endpoint, got 'dsn' (did you mean 'dns'?)",
      "2.yaml:6:25 spec.endpoints[2]: expected each endpoint once, got 'dns' again",
      "2.yaml:6:30 spec.endpoints[3]: expected the name of a declared Endpoint, got 'cmdb'",
      '4.yaml:4:1 spec.endpoints: expected a list of endpoints ([] to send nothing), got nothing',
    ],
  )
})

test('a watch matches at least one declared cluster', async () => {
  assert.deepEqual(
    await problemsOf(
      a,
      dns,
      watch('one', 'clusters: {selector: env=stage}'),
      watch('two', 'clusters: {names: ["x-*", prod-eu-1]}'),
      watch('three', 'clusters: {names: [prod-eu1]}'),
      watch('four', 'clusters: {names: ["*"], selector: {matchLabels: {env: prod}}}'),
      watch('five', 'clusters: {}'),
    ),
    [
      '2.yaml:7:3 spec.clusters: expected to match at least one cluster, got none (declared: prod-eu-1)',
      "4.yaml:7:22 spec.clusters.names[0]: expected the name of a declared Cluster or a glob, got 'prod-eu1' (did you mean 'prod-eu-1'?)",
    ],
  )
  assert.deepEqual(await problemsOf(dns, watch('w')), [
    '1.yaml:4:1 spec.clusters: expected to match at least one cluster, got none (none is declared)',
  ])
})

test('a watch names each kind once, whatever the version', async () => {
  const spec = 'resources: [services, deployments.apps, services/v1]\nendpoints: []'
  assert.deepEqual(await problemsOf(a, manifest('Watch', 'w', spec)), [
    "1.yaml:5:43 spec.resources[2]: expected each kind once, got 'services' again",
  ])
})

test('namespaces are for namespaced kinds, and for namespaces', async () => {
  const of = (name: string, resources: string, namespaces: string) =>
    manifest('Watch', name, `resources: ${resources}\nendpoints: []\nnamespaces: ${namespaces}`)
  assert.deepEqual(
    await problemsOf(
      a,
      of('one', '[services, nodes, clusterroles.rbac.authorization.k8s.io]', '{exclude: [x]}'),
      of('two', '[namespaces]', '{include: ["team-*"]}'),
      of('three', '[nodes]', '{include: []}'),
      of('four', '[widgets.example.com]', '{selector: a=b}'),
    ),
    [
      '1.yaml:7:3 spec.namespaces: expected no namespaces for a cluster-scoped kind, got some for clusterroles.rbac.authorization.k8s.io, nodes',
    ],
  )
})

test('a watch does not name a namespace that is ignored; globs and excludes may cover it', async () => {
  assert.deepEqual(
    await problemsOf(
      a,
      dns,
      settings('ignoreNamespaces: ["kube-*"]'),
      watch('w', 'namespaces: {include: [web, kube-system]}'),
      watch('v', 'namespaces: {include: ["*"], exclude: [kube-system]}'),
    ),
    [
      "3.yaml:7:31 spec.namespaces.include[1]: expected a namespace that Settings.spec.ignoreNamespaces leaves, got 'kube-system', which is ignored",
    ],
  )
})

test('one kind of a cluster reaches an endpoint in one projection; both watches are named', async () => {
  assert.deepEqual(
    await problemsOf(cluster('a'), cluster('b'), dns, watch('one', 'fields: {prune: [status]}'), watch('two'), watch('three')),
    [
      '4.yaml:4:1 spec.fields: expected services of cluster a for endpoint dns in one projection (version, fields, includeSecretData), got two, from watch one (3.yaml:1) and watch two',
      '5.yaml:4:1 spec.fields: expected services of cluster a for endpoint dns in one projection (version, fields, includeSecretData), got two, from watch one (3.yaml:1) and watch three',
    ],
  )
})

test('includeSecretData is part of the projection of secrets, and of nothing else', async () => {
  const of = (name: string, resources: string, more = '') =>
    manifest('Watch', name, `resources: ${resources}\nendpoints: [dns]${more}`)
  const open = '\nincludeSecretData: true'
  assert.deepEqual(await problemsOf(a, dns, of('one', '[services]', open), of('two', '[services]')), [])
  assert.equal((await problemsOf(a, dns, of('one', '[secrets]', open), of('two', '[secrets]'))).length, 1)
})

test('projections may differ between endpoints, clusters and kinds, and from a paused watch', async () => {
  const pruned = 'fields: {prune: [status]}'
  const problems = await problemsOf(
    cluster('a', 'env: a'),
    cluster('b', 'env: b'),
    dns,
    endpoint('cmdb'),
    watch('one', 'clusters: {selector: env=a}'),
    watch('two', `clusters: {selector: env=b}\n${pruned}`),
    watch('three', pruned, '[cmdb]'),
    watch('four', `${pruned}\npaused: true`),
    manifest('Watch', 'five', `resources: [pods]\nendpoints: [dns]\n${pruned}`),
  )
  assert.deepEqual(problems, [])
})

test('one attach key has one value where two watches meet', async () => {
  const other = manifest('Watch', 'three', 'resources: [pods]\nendpoints: [dns]\nattach: {assetId: other}')
  assert.deepEqual(
    await problemsOf(
      a,
      dns,
      watch('one', 'attach: {assetId: svc, x: 1}'),
      watch('two', 'attach: {assetId: lb, x: 1, y: 2}'),
      other,
      watch('four', 'attach: {y: 3}'),
    ),
    [
      "3.yaml:7:12 spec.attach.assetId: expected one value of 'assetId' on services of cluster prod-eu-1 for endpoint dns, got two, from watch one (2.yaml:1) and watch two",
      "5.yaml:7:12 spec.attach.y: expected one value of 'y' on services of cluster prod-eu-1 for endpoint dns, got two, from watch two (3.yaml:1) and watch four",
    ],
  )
})

test('markers need a format that has an item for the end of a scan', async () => {
  const expected = 'expected markers: false with format: watch-proxy, which has no item for the end of a scan, got markers: true'
  const inPlace = (problem: string) => problem.replace(/^[^ ]+ /, '')
  const own = await problemsOf(endpoint('dns', 'format: watch-proxy\nmarkers: true'))
  assert.deepEqual(own.map(inPlace), [`spec.markers: ${expected}`])
  const inherited = await problemsOf(endpoint('dns', 'format: watch-proxy'), settings('defaults: {endpoint: {markers: true}}'))
  assert.deepEqual(inherited.map(inPlace), [`spec.format: ${expected}`])
  assert.deepEqual(await problemsOf(endpoint('dns', 'markers: true'), endpoint('old', 'format: watch-proxy')), [])
})

test('a format without a place for patches is not asked for them', async () => {
  const problem = 'expected delta: false with format: watch-proxy, whose payload has no place for a patch, got delta: true'
  const defaults = settings('defaults: {endpoint: {delta: true}}')
  assert.deepEqual(await problemsOf(endpoint('dns', 'format: watch-proxy\ndelta: true')), [`0.yaml:7:10 spec.delta: ${problem}`])
  assert.deepEqual(await problemsOf(endpoint('dns', 'format: watch-proxy'), defaults), [`0.yaml:6:11 spec.format: ${problem}`])
  assert.deepEqual(await problemsOf(endpoint('dns', 'format: watch-proxy\ndelta: false'), defaults), [])
})

const together: readonly (readonly [fields: string, problem: string])[] = [
  [
    'format: cloudevents\nbatch: {maxObjects: 2}',
    'spec.batch.maxObjects: expected maxObjects: 1 with format: cloudevents, which has one event per request, got 2',
  ],
  [
    'format: cloudevents-binary\nbatch: {maxObjects: 100}',
    'spec.batch.maxObjects: expected maxObjects: 1 with format: cloudevents-binary, which has one event per request, got 100',
  ],
  [
    'format: cloudevents-batch\ndelta: true',
    'spec.delta: expected delta: false with format: cloudevents-batch, whose payload has no place for a patch, got delta: true',
  ],
  [
    'format: watch-proxy\nbody: payload.items',
    "spec.body: expected a CEL expression over the payload of format: watch-proxy that yields JSON, got 'payload.items': No such key: items (column 9)",
  ],
  [
    'format: cloudevents-batch\nbody: payload.items',
    'spec.body: expected no body ("") with format: cloudevents-batch (it makes other JSON of a payload, and a CloudEvent is one already), got one',
  ],
]

for (const [fields, problem] of together)
  test(`not together: ${fields.replaceAll('\n', ', ')}`, async () => {
    const inPlace = (line: string) => line.replace(/^[^ ]+ /, '')
    assert.deepEqual((await problemsOf(endpoint('dns', fields))).map(inPlace), [problem])
    const [format = '', other = ''] = fields.split('\n')
    const inherited = await problemsOf(endpoint('dns', format), settings(`defaults:\n  endpoint:\n    ${other}`))
    assert.deepEqual(inherited.map(inPlace), [problem.replace(/^[^:]+/, 'spec.format')])
    const both = settings(`defaults:\n  endpoint:\n    ${fields.replace('\n', '\n    ')}`)
    const told = await problemsOf(both, endpoint('dns'), endpoint('cmdb'))
    assert.deepEqual(told.map(inPlace), [problem.replace('spec.', 'spec.defaults.endpoint.')])
  })

test('a body that its payload cannot answer is told where it was written', async () => {
  assert.deepEqual(await problemsOf(endpoint('dns', 'body: payload.itms')), [
    "0.yaml:6:9 spec.body: expected a CEL expression over the payload of format: watch-hub that yields JSON, got 'payload.itms': No such key: itms (column 9)",
  ])
})

test('one event per request is what the formats for it have, unless more is asked for', async () => {
  const one = ['format: cloudevents', 'format: cloudevents-binary', 'format: cloudevents\nbatch: {maxObjects: 1, maxBytes: 1Ki}']
  for (const fields of one) {
    const { endpoints } = await snapshotOf(a, endpoint('dns', fields))
    assert.equal(endpoints.get('dns')?.batch.maxObjects, 1)
  }
  const { endpoints } = await snapshotOf(a, endpoint('dns', 'format: cloudevents-batch'))
  assert.equal(endpoints.get('dns')?.batch.maxObjects, 100)
})

test('a guard needs deletions to guard against; from the defaults it waits for those who opt in', async () => {
  const alone = endpoint('dns', 'guard: {removals: 100}')
  assert.deepEqual(await problemsOf(alone), [
    '0.yaml:6:3 spec.guard: expected unwatched: delete beside guard (otherwise no commit reports deletions), got unwatched: keep',
  ])
  assert.deepEqual(await problemsOf(alone, settings('defaults: {endpoint: {unwatched: delete}}')), [])
  const defaults = settings('defaults: {endpoint: {guard: {removals: 7}}}')
  const { endpoints } = await snapshotOf(a, defaults, endpoint('dns'), endpoint('cmdb', 'unwatched: delete'))
  assert.deepEqual([endpoints.get('dns')?.guard, endpoints.get('cmdb')?.guard], [undefined, { removals: 7 }])
})

test('certificates of its own are for an endpoint that is reached over TLS', async () => {
  const tls = 'tls: {ca: {secret: ca}}'
  assert.deepEqual(await problemsOf(manifest('Endpoint', 'dns', `url: http://dns.example.com\n${tls}`)), [
    '0.yaml:6:3 spec.tls: expected an https URL beside tls, got an http one',
  ])
  const inherited = settings(`defaults: {endpoint: {${tls}}}`)
  assert.deepEqual(await problemsOf(inherited, manifest('Endpoint', 'dns', 'url: http://dns.example.com')), [])
})

test('the defaults of the repo are checked where they stand, once', async () => {
  const spec = [
    'ignoreNamespaces: [kube-system]',
    'defaults:',
    '  endpoint: {timeout: 5x, headers: {Host: x}}',
    '  watch: {endpoints: [nope], namespaces: {include: [kube-system]}, when: "1 +"}',
  ].join('\n')
  const problems = await problemsOf(
    a,
    settings(spec),
    manifest('Watch', 'w', 'resources: [pods]'),
    manifest('Watch', 'v', 'resources: [pods]'),
  )
  assert.deepEqual(
    problems.map((line) => line.replace(/: expected.*/, '')),
    ['1.yaml:6:25 spec.defaults.endpoint.timeout', '1.yaml:7:76 spec.defaults.watch.when'],
  )
  const sound = spec.replace('timeout: 5x, ', '').replace(', when: "1 +"', '')
  const more = await problemsOf(
    a,
    settings(sound),
    manifest('Watch', 'w', 'resources: [pods]'),
    manifest('Watch', 'v', 'resources: [pods]'),
  )
  assert.deepEqual(
    more.map((line) => line.replace(/: expected.*/, '')),
    [
      '1.yaml:6:26 spec.defaults.endpoint.headers.Host',
      '1.yaml:7:25 spec.defaults.watch.endpoints[0]',
      '1.yaml:7:55 spec.defaults.watch.namespaces.include[0]',
    ],
  )
})
