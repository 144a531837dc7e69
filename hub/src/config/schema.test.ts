import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindJsonSchema, kinds, manifestJsonSchema } from './schema.ts'
import { cluster, endpoint, manifest, problemsOf, watch } from './testing/manifests.ts'

/** Problems of one Endpoint, without its place. */
const inEndpoint = async (spec: string) => stripped(await problemsOf(manifest('Endpoint', 'dns', spec)))
const inWatch = async (spec: string) =>
  stripped((await problemsOf(cluster('a'), endpoint('dns'), watch('w', spec))).map((line) => line.replace('2.yaml', '0.yaml')))
const stripped = (problems: readonly string[]) => problems.map((line) => line.replace(/^0\.yaml:\d+:\d+ /, ''))

const endpoints: readonly (readonly [spec: string, problem: string])[] = [
  ['timeout: 1s', 'spec.url: expected an absolute http or https URL, got nothing'],
  ['url: dns.example.com', "spec.url: expected an absolute http or https URL, got 'dns.example.com'"],
  ['url: ftp://dns.example.com', "spec.url: expected an absolute http or https URL, got 'ftp://dns.example.com'"],
  ['url: "https://"', "spec.url: expected an absolute http or https URL, got 'https://'"],
  [
    'url: https://dns.example.com:99999/',
    "spec.url: expected an absolute http or https URL, got 'https://dns.example.com:99999/'",
  ],
  [
    'url: https://user:pass@dns.example.com',
    'spec.url: expected a URL without credentials (use auth with references), got one with a user name or password',
  ],
  ['url: https://dns.example.com/#x', "spec.url: expected a URL without a fragment, got 'https://dns.example.com/#x'"],
  [
    'url: https://a\nformat: json',
    "spec.format: expected watch-hub | watch-proxy | cloudevents | cloudevents-binary | cloudevents-batch, got 'json'",
  ],
  ['url: https://a\nauth: {}', 'spec.auth: expected exactly one of basic, bearer, oauth2, got none'],
  [
    'url: https://a\nauth: {bearer: {secret: a}, basic: {username: {env: A}, password: {env: B}}}',
    'spec.auth: expected exactly one of basic, bearer, oauth2, got basic and bearer',
  ],
  [
    'url: https://a\nauth: {bearer: my-token}',
    'spec.auth.bearer: expected a reference, {secret: NAME/KEY} or {env: NAME} (secrets do not belong in Git), got a text',
  ],
  [
    'url: https://a\nauth: {basic: {username: me, password: {secret: a}}}',
    'spec.auth.basic.username: expected a reference, {secret: NAME/KEY} or {env: NAME} (secrets do not belong in Git), got a text',
  ],
  [
    'url: https://a\nauth: {basic: {username: {secret: a}}}',
    'spec.auth.basic.password: expected a reference, {secret: NAME/KEY} or {env: NAME} (secrets do not belong in Git), got nothing',
  ],
  [
    'url: https://a\nauth: {bearer: {secret: ../etc/passwd}}',
    'spec.auth.bearer.secret: expected the name of a secret file, NAME or NAME/KEY, got a text',
  ],
  [
    'url: https://a\nauth: {bearer: {secret: a/b/c}}',
    'spec.auth.bearer.secret: expected the name of a secret file, NAME or NAME/KEY, got a text',
  ],
  [
    'url: https://a\nauth: {bearer: {secret: a/allowed-hosts}}',
    'spec.auth.bearer.secret: expected the name of a secret file, NAME or NAME/KEY, got a text',
  ],
  ['url: https://a\nauth: {bearer: {env: A-B}}', 'spec.auth.bearer.env: expected a name of letters, digits and _, got a text'],
  [
    'url: https://a\nauth: {bearer: {secert: a}}',
    'spec.auth.bearer: expected a reference, {secret: NAME/KEY} or {env: NAME} (secrets do not belong in Git), got a map',
  ],
  ['url: https://a\nheaders: {X-A: [1]}', 'spec.headers.X-A: expected a text or a reference, got a list'],
  ['url: https://a\nheaders: [X-A]', 'spec.headers: expected a map, got a list'],
  ['url: https://a\nbatch: {maxObjects: 0}', 'spec.batch.maxObjects: expected a whole number from 1 to 10000, got 0'],
  ['url: https://a\nbatch: {maxObjects: 1.5}', 'spec.batch.maxObjects: expected a whole number from 1 to 10000, got 1.5'],
  ['url: https://a\nbatch: {maxObjects: "7"}', "spec.batch.maxObjects: expected a whole number from 1 to 10000, got '7'"],
  [
    'url: https://a\nbatch: {maxBytes: 1MB}',
    "spec.batch.maxBytes: expected a size from 1 to 67108864 bytes like 1000, 512Ki or 1Mi, got '1MB'",
  ],
  [
    'url: https://a\nbatch: {maxBytes: 1Gi}',
    "spec.batch.maxBytes: expected a size from 1 to 67108864 bytes like 1000, 512Ki or 1Mi, got '1Gi'",
  ],
  [
    'url: https://a\nbatch: {maxWait: 2h}',
    "spec.batch.maxWait: expected a duration from 0s to 1h like 500ms, 10s, 5m or 12h, got '2h'",
  ],
  ['url: https://a\nbatch: {maxwait: 2s}', "spec.batch.maxwait: expected a known field, got 'maxwait' (did you mean 'maxWait'?)"],
  ['url: https://a\ntimeout: 0s', "spec.timeout: expected a duration from 1ms to 10m like 500ms, 10s, 5m or 12h, got '0s'"],
  ['url: https://a\ntimeout:', 'spec.timeout: expected a duration from 1ms to 10m like 500ms, 10s, 5m or 12h, got nothing'],
  ['url: https://a\nconcurrency: 0', 'spec.concurrency: expected a whole number from 1 to 64, got 0'],
  ['url: https://a\npaused: yes', "spec.paused: expected true or false, got 'yes'"],
  ['url: https://a\nallow: {namespaces: []}', 'spec.allow.namespaces: expected at least one item, got a list'],
  ['url: https://a\nallow: {clusters: [a]}', 'spec.allow.clusters: expected a map, got a list'],
  [
    'url: https://a\nallow: {resources: [Services]}',
    "spec.allow.resources[0]: expected the plural name of a kind, with its group unless it is a core kind, like services, deployments.apps or widgets.example.com/v1, got 'Services'",
  ],
  ['url: https://a\nattach: text', "spec.attach: expected a map, got 'text'"],
  ['url: https://a\nsigning: {secrets: []}', 'spec.signing.secrets: expected at least one item, got a list'],
  [
    'url: https://a\nrateLimit: {requests: 10}',
    'spec.rateLimit.per: expected a duration from 1ms to 24h like 500ms, 10s, 5m or 12h, got nothing',
  ],
  [
    'url: https://a\noutcomes: {4oo: refused}',
    "spec.outcomes['4oo']: expected an HTTP status like 404 or a class like 4xx, from 2 to 5, got '4oo'",
  ],
  [
    'url: https://a\noutcomes: {404: ignored}',
    "spec.outcomes['404']: expected accepted | try-later | refused | gone | oversize, got 'ignored'",
  ],
  [
    'url: https://a\ntls: {certificate: {secret: a}}',
    'spec.tls: expected certificate and key together, got certificate without key',
  ],
  [
    'url: https://a\ntls: {ca: {env: A}, key: {secret: a}}',
    'spec.tls: expected certificate and key together, got key without certificate',
  ],
  [
    'url: https://a\ntls: {ca: my-ca}',
    'spec.tls.ca: expected a reference, {secret: NAME/KEY} or {env: NAME} (secrets do not belong in Git), got a text',
  ],
  [
    'url: https://a\nauth: {oauth2: {tokenUrl: login.example.com, clientId: {env: A}, clientSecret: {env: B}}}',
    'spec.auth.oauth2.tokenUrl: expected an absolute http or https URL, got a text',
  ],
  [
    'url: https://a\nauth: {oauth2: {tokenUrl: "https://u:p@a/t", clientId: {env: A}, clientSecret: {env: B}}}',
    'spec.auth.oauth2.tokenUrl: expected a URL without credentials (use auth with references), got one with a user name or password',
  ],
  ['url: https://a\nguard: {removals: -1}', 'spec.guard.removals: expected a whole number from 1 to 1000000000, got -1'],
]

for (const [spec, problem] of endpoints)
  test(`Endpoint refused: ${spec.replaceAll('\n', ', ')}`, async () => assert.deepEqual(await inEndpoint(spec), [problem]))

const watches: readonly (readonly [spec: string, problem: string])[] = [
  [
    'labelSelector: "app=(x"',
    "spec.labelSelector: expected a label selector, got 'app=(x': expected a label value, got '(' at offset 4",
  ],
  [
    'labelSelector: 5',
    'spec.labelSelector: expected a label selector (a text like app=shop or a map with matchLabels, matchExpressions), got 5',
  ],
  ['labelSelector: {app: shop}', "spec.labelSelector.app: expected one of matchLabels, matchExpressions, got 'app'"],
  ['labelSelector: {matchLabels: {app: 5}}', 'spec.labelSelector.matchLabels.app: expected a text, got 5'],
  [
    'labelSelector: {matchExpressions: [{key: a, operator: Maybe}]}',
    "spec.labelSelector: expected a label selector, got one with a fault: matchExpressions[0].operator: expected In, NotIn, Exists or DoesNotExist, got 'Maybe'",
  ],
  [
    'clusters: {selector: "env in"}',
    "spec.clusters.selector: expected a label selector, got 'env in': expected '(', got the end at offset 6",
  ],
  [
    'clusters: {names: [PROD]}',
    "spec.clusters.names[0]: expected a name or glob (lowercase letters, digits, '-', '*', '?'), got 'PROD'",
  ],
  ['clusters: [a]', 'spec.clusters: expected a map, got a list'],
  [
    'namespaces: {include: ["team-.*"]}',
    "spec.namespaces.include[0]: expected a name or glob (lowercase letters, digits, '-', '*', '?'), got 'team-.*'",
  ],
  ['namespaces: {includes: [a]}', "spec.namespaces.includes: expected a known field, got 'includes' (did you mean 'include'?)"],
  ['events: []', 'spec.events: expected at least one item, got a list'],
  ['events: [added]', "spec.events[0]: expected created | updated | deleted, got 'added'"],
  [
    'fields: {prune: [metadata.annotations.example.com/noise]}',
    "spec.fields.prune[0]: expected '.', '[' or the end (quote names with other characters: ['a/b']) at offset 32 of 'metadata.annotations.example.com/noise', got '/noise'",
  ],
  [
    'fields: {keep: ["spec.ports["]}',
    "spec.fields.keep[0]: expected a quoted name, a number or '*' at offset 11 of 'spec.ports[', got the end",
  ],
  ['resync: daily', "spec.resync: expected a duration from 0s to 8760h like 500ms, 10s, 5m or 12h, got 'daily'"],
  ['resync: 59s', 'spec.resync: expected 0s (never) or a duration from 1m, got 59s'],
  ['initial: later', "spec.initial: expected send | skip, got 'later'"],
  ['includeSecretData: 1', 'spec.includeSecretData: expected true or false, got 1'],
  [
    'filter: x',
    "spec.filter: expected one of resources, clusters, namespaces, labelSelector, events, when, fields, initial, resync, includeSecretData, attach, endpoints, paused, got 'filter'",
  ],
]

for (const [spec, problem] of watches)
  test(`Watch refused: ${spec}`, async () => assert.deepEqual(await inWatch(spec), [problem]))

const expressions = [
  'object.spec.type ==',
  'object.spec.replicas +',
  'cluster.nme == "x"',
  '"a"',
  'object.a.matches("(a")',
  '"a" > 1',
]

for (const when of expressions)
  test(`Watch refused: when: ${when}`, async () => {
    const [problem = '', ...more] = await inWatch(`when: ${JSON.stringify(when)}`)
    assert.deepEqual(more, [])
    assert.match(problem, /^spec\.when: expected a CEL expression over object and cluster that is true or false, got '.*': ./)
  })

const kindsRefused: readonly (readonly [resource: string, expected: RegExp])[] = [
  ['Pod', /^spec\.resources\[0\]: expected the plural name of a kind/],
  ['deployments', /^spec\.resources\[0\]: expected deployments\.apps \(core kinds alone have no group\), got 'deployments'$/],
  ['pods/status', /^spec\.resources\[0\]: expected a kind and not its subresource 'status', got 'pods\/status'$/],
  ['apps/v1/deployments', /expected the plural name/],
  ['""', /expected the plural name/],
  ['"*"', /expected the plural name/],
]

for (const [resource, expected] of kindsRefused)
  test(`the kind ${resource} is refused`, async () => {
    const problems = await problemsOf(cluster('a'), manifest('Watch', 'w', `resources: [${resource}]\nendpoints: []`))
    assert.match(problems.join('\n').replace(/^1\.yaml:\d+:\d+ /, ''), expected)
  })

test('names and labels follow Kubernetes', async () => {
  const problems = await problemsOf(
    cluster('a.b'),
    cluster('a', 'env: "not ok"'),
    cluster('b', '"bad key": x'),
    manifest('Cluster', '5'),
  )
  assert.deepEqual(problems, [
    "0.yaml:3:18 metadata.name: expected a DNS label (up to 63 lowercase letters, digits and '-', not at its ends), got 'a.b'",
    "1.yaml:3:21 metadata.labels: expected a label value (up to 63 letters, digits, '-', '_', '.'), got 'not ok'",
    "2.yaml:3:21 metadata.labels: expected a label key ([prefix/]name, the name up to 63 letters, digits, '-', '_', '.'), got 'bad key'",
    "3.yaml:3:18 metadata.name: expected a DNS label (up to 63 lowercase letters, digits and '-', not at its ends), got 5",
  ])
})

test('a manifest without metadata, spec or name says what is missing', async () => {
  const bare = 'apiVersion: watch-hub.dev/v1alpha1\nkind: Endpoint\n'
  assert.deepEqual(await problemsOf(bare, `${bare}metadata: {}\nspec: {url: "https://a"}\n`), [
    '0.yaml:1:1 metadata: expected a map, got nothing',
    '0.yaml:1:1 spec: expected a map, got nothing',
    "1.yaml:3:1 metadata.name: expected a DNS label (up to 63 lowercase letters, digits and '-', not at its ends), got nothing",
  ])
})

test('there is a JSON Schema for each kind, and one for all of them', () => {
  for (const kind of kinds) {
    const { title, properties, additionalProperties } = kindJsonSchema(kind)
    assert.equal(title, kind)
    assert.equal(additionalProperties, false)
    assert.ok(JSON.stringify(properties).includes(`"const":"${kind}"`))
  }
  const all = manifestJsonSchema().oneOf
  assert.equal(Array.isArray(all) ? all.length : 0, kinds.length)
})

test('JSON Schemas describe every field, with its default', () => {
  const undescribed = (value: unknown, path: string): readonly string[] => {
    if (typeof value !== 'object' || value === null) return []
    return Object.entries(value).flatMap(([key, child]) => {
      const isField = path.endsWith('.properties')
      const missing =
        isField && typeof child === 'object' && child !== null && !('description' in child) ? [`${path}.${key}`] : []
      return [...missing, ...undescribed(child, `${path}.${key}`)]
    })
  }
  for (const kind of kinds) assert.deepEqual(undescribed(kindJsonSchema(kind), kind), [])
  assert.match(JSON.stringify(kindJsonSchema('Endpoint')), /"maxWait":\{[^}]*"default":"1s"/)
})
