import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from './compile.ts'
import { createParser } from './parse.ts'
import { cluster, compileTexts, endpoint, files, manifest, problemsOf, settings, snapshotOf, watch } from './testing/manifests.ts'
import { problemAt } from './tree.ts'

const base = [cluster('prod-eu-1'), endpoint('dns')] as const

test('everything that is left out has its default', async () => {
  const { endpoints, watches, clusters, settings: repo } = await snapshotOf(...base, watch('w'))
  assert.deepEqual(repo, { ignoreNamespaces: [], attach: {} })
  assert.deepEqual(clusters.get('prod-eu-1'), {
    name: 'prod-eu-1',
    labels: { env: 'prod' },
    attach: {},
    paused: false,
    at: { file: '0.yaml', line: 1, column: 1 },
  })
  assert.deepEqual(endpoints.get('dns'), {
    name: 'dns',
    url: 'https://dns.example.com/hook',
    format: 'watch-hub',
    auth: { kind: 'none' },
    headers: {},
    tls: {},
    signing: [],
    batch: { maxObjects: 100, maxBytes: 1_048_576, maxWaitMs: 1_000 },
    timeoutMs: 15_000,
    retry: { maxAgeMs: 259_200_000 },
    outcomes: {},
    concurrency: 1,
    history: 'latest',
    delta: false,
    unwatched: 'keep',
    allow: {},
    markers: false,
    attach: {},
    paused: false,
    at: { file: '1.yaml', line: 1, column: 1 },
  })
  assert.deepEqual(watches.get('w'), {
    name: 'w',
    resources: [{ group: '', resource: 'services' }],
    clusters: ['prod-eu-1'],
    namespaces: { include: [], exclude: [] },
    events: ['created', 'updated', 'deleted'],
    fields: { keep: [], prune: [] },
    initial: 'send',
    resyncMs: 0,
    includeSecretData: false,
    attach: {},
    endpoints: ['dns'],
    paused: false,
    at: { file: '2.yaml', line: 1, column: 1 },
  })
})

test('everything that is said has its effect', async () => {
  const snapshot = await snapshotOf(
    cluster('prod-eu-1', 'env: prod', 'attach: {platform: baremetal}\npaused: true'),
    cluster('stage-eu-1', 'env: stage'),
    manifest(
      'Endpoint',
      'dns',
      [
        'url: https://dns.example.com:8080/x?y=z',
        'format: watch-proxy',
        'auth: {basic: {username: {secret: dns/username}, password: {env: DNS}}}',
        'headers: {X-Team: netops, X-Api-Key: {secret: key}}',
        'batch: {maxObjects: 10, maxBytes: 512Ki, maxWait: 0s}',
        'timeout: 500ms',
        'history: every',
        'tls: {ca: {secret: dns/ca}, certificate: {secret: dns/cert}, key: {env: DNS_KEY}}',
        'signing: {secrets: [{secret: dns/new}, {secret: dns/old}]}',
        'rateLimit: {requests: 10, per: 1s}',
        'retry: {maxAge: 12h}',
        'outcomes: {404: refused, "409": accepted, 5xx: gone}',
        'concurrency: 4',
        'unwatched: delete',
        'guard: {removals: 100}',
        'allow: {clusters: {names: ["prod-*"]}, namespaces: ["team-*"], resources: [services, deployments.apps/v1]}',
        'attach: {owner: netops, nested: {list: [1, null, {a: b}]}}',
        'paused: true',
      ].join('\n'),
    ),
    endpoint('cmdb', 'auth: {bearer: {secret: cmdb/token}}\nallow: {clusters: {selector: "env=prod"}}'),
    endpoint(
      'itsm',
      'auth: {oauth2: {tokenUrl: "https://a/t", clientId: {env: ID}, clientSecret: {secret: itsm/s}, scopes: [x]}}',
    ),
    manifest(
      'Watch',
      'w',
      [
        'resources: [widgets.example.com/v1, services]',
        'clusters: {selector: "env in (prod,stage)", names: ["*-eu-1"]}',
        'namespaces: {include: ["team-*"], exclude: [team-b, team-a, team-b], selector: {matchLabels: {tier: web}}}',
        'labelSelector: "app,tier!=cache"',
        'events: [deleted, created]',
        'when: object.spec.type == "LoadBalancer"',
        'fields: {keep: [spec, metadata.labels], prune: ["spec.ports[*].nodePort"]}',
        'initial: skip',
        'resync: 12h',
        'attach: {assetId: svc}',
        'endpoints: [dns, cmdb]',
        'paused: true',
      ].join('\n'),
    ),
  )
  assert.deepEqual(snapshot.clusters.get('prod-eu-1')?.attach, { platform: 'baremetal' })
  assert.equal(snapshot.clusters.get('prod-eu-1')?.paused, true)
  assert.deepEqual(snapshot.endpoints.get('dns'), {
    name: 'dns',
    url: 'https://dns.example.com:8080/x?y=z',
    format: 'watch-proxy',
    auth: { kind: 'basic', username: { secret: 'dns/username' }, password: { env: 'DNS' } },
    headers: { 'X-Team': 'netops', 'X-Api-Key': { secret: 'key' } },
    tls: { ca: { secret: 'dns/ca' }, certificate: { secret: 'dns/cert' }, key: { env: 'DNS_KEY' } },
    signing: [{ secret: 'dns/new' }, { secret: 'dns/old' }],
    batch: { maxObjects: 10, maxBytes: 524_288, maxWaitMs: 0 },
    timeoutMs: 500,
    rateLimit: { requests: 10, perMs: 1_000 },
    retry: { maxAgeMs: 43_200_000 },
    outcomes: { 404: 'refused', 409: 'accepted', '5xx': 'gone' },
    concurrency: 4,
    history: 'every',
    delta: false,
    unwatched: 'delete',
    guard: { removals: 100 },
    allow: {
      clusters: ['prod-*'],
      namespaces: ['team-*'],
      resources: [
        { group: '', resource: 'services' },
        { group: 'apps', resource: 'deployments', version: 'v1' },
      ],
    },
    markers: false,
    attach: { owner: 'netops', nested: { list: [1, null, { a: 'b' }] } },
    paused: true,
    at: { file: '2.yaml', line: 1, column: 1 },
  })
  const cmdb = snapshot.endpoints.get('cmdb')
  assert.deepEqual([cmdb?.auth, cmdb?.allow], [{ kind: 'bearer', token: { secret: 'cmdb/token' } }, { clusters: ['prod-eu-1'] }])
  assert.deepEqual(snapshot.endpoints.get('itsm')?.auth, {
    kind: 'oauth2',
    tokenUrl: 'https://a/t',
    clientId: { env: 'ID' },
    clientSecret: { secret: 'itsm/s' },
    scopes: ['x'],
  })
  assert.deepEqual(snapshot.watches.get('w'), {
    name: 'w',
    resources: [
      { group: '', resource: 'services' },
      { group: 'example.com', resource: 'widgets', version: 'v1' },
    ],
    clusters: ['prod-eu-1', 'stage-eu-1'],
    namespaces: { include: ['team-*'], exclude: ['team-a', 'team-b'], selector: { matchLabels: { tier: 'web' } } },
    labelSelector: {
      matchExpressions: [
        { key: 'app', operator: 'Exists' },
        { key: 'tier', operator: 'NotIn', values: ['cache'] },
      ],
    },
    events: ['created', 'deleted'],
    when: 'object.spec.type == "LoadBalancer"',
    fields: { keep: ['metadata.labels', 'spec'], prune: ['spec.ports[*].nodePort'] },
    initial: 'skip',
    resyncMs: 43_200_000,
    includeSecretData: false,
    attach: { assetId: 'svc' },
    endpoints: ['cmdb', 'dns'],
    paused: true,
    at: { file: '5.yaml', line: 1, column: 1 },
  })
})

test('the defaults of the repo lie under every manifest: lists replace, maps merge', async () => {
  const { endpoints, watches } = await snapshotOf(
    cluster('prod-eu-1'),
    settings(
      [
        'defaults:',
        '  endpoint: {timeout: 5s, batch: {maxObjects: 7, maxWait: 3s}, attach: {owner: all, team: x}, auth: {bearer: {secret: t}}}',
        '  watch: {endpoints: [dns], namespaces: {exclude: [a, b]}, events: [created], attach: {assetId: any}, when: "true"}',
      ].join('\n'),
    ),
    endpoint('dns', 'batch: {maxObjects: 9}\nattach: {owner: me}'),
    endpoint('own', 'auth: {basic: {username: {env: U}, password: {env: P}}}'),
    manifest('Watch', 'w', 'resources: [services]'),
    manifest(
      'Watch',
      'v',
      'resources: [pods]\nendpoints: []\nnamespaces: {include: [c]}\nevents: [deleted]\nattach: {b: 1}\nwhen: "false"',
    ),
  )
  const dns = endpoints.get('dns')
  assert.deepEqual(
    [dns?.timeoutMs, dns?.attach, dns?.batch.maxObjects, dns?.batch.maxWaitMs],
    [5_000, { owner: 'me', team: 'x' }, 9, 3_000],
  )
  assert.deepEqual(dns?.auth, { kind: 'bearer', token: { secret: 't' } })
  assert.equal(endpoints.get('own')?.auth.kind, 'basic')
  const [w, v] = [watches.get('w'), watches.get('v')]
  assert.deepEqual(
    [w?.endpoints, w?.namespaces, w?.events, w?.attach, w?.when],
    [['dns'], { include: [], exclude: ['a', 'b'] }, ['created'], { assetId: 'any' }, 'true'],
  )
  assert.deepEqual(
    [v?.endpoints, v?.namespaces, v?.events, v?.attach, v?.when],
    [[], { include: ['c'], exclude: ['a', 'b'] }, ['deleted'], { assetId: 'any', b: 1 }, 'false'],
  )
})

test('the newer fields of an endpoint have their defaults from the repo as well', async () => {
  const { endpoints } = await snapshotOf(
    cluster('prod-eu-1'),
    settings(
      [
        'defaults:',
        '  endpoint:',
        '    tls: {ca: {secret: ca}}',
        '    signing: {secrets: [{secret: a}, {secret: b}]}',
        '    rateLimit: {requests: 5, per: 1m}',
        '    retry: {maxAge: 1h}',
        '    outcomes: {404: refused, 4xx: try-later}',
        '    concurrency: 3',
        '    unwatched: delete',
        '    guard: {removals: 9}',
        '    body: payload',
      ].join('\n'),
    ),
    endpoint('all'),
    endpoint(
      'own',
      'tls: {certificate: {secret: c}, key: {secret: k}}\nsigning: {secrets: [{secret: c}]}\noutcomes: {404: gone}\nunwatched: keep\nbody: ""',
    ),
  )
  const all = endpoints.get('all')
  assert.deepEqual(
    [all?.tls, all?.signing, all?.rateLimit, all?.retry, all?.outcomes, all?.concurrency, all?.unwatched, all?.guard, all?.body],
    [
      { ca: { secret: 'ca' } },
      [{ secret: 'a' }, { secret: 'b' }],
      { requests: 5, perMs: 60_000 },
      { maxAgeMs: 3_600_000 },
      { 404: 'refused', '4xx': 'try-later' },
      3,
      'delete',
      { removals: 9 },
      'payload',
    ],
  )
  const own = endpoints.get('own')
  assert.deepEqual(
    [own?.tls, own?.signing, own?.outcomes, own?.unwatched, own?.guard, own?.body],
    [
      { ca: { secret: 'ca' }, certificate: { secret: 'c' }, key: { secret: 'k' } },
      [{ secret: 'c' }],
      { 404: 'gone', '4xx': 'try-later' },
      'keep',
      undefined,
      undefined,
    ],
  )
})

test('problems of all manifests are told at once, sorted by place', async () => {
  const problems = await problemsOf(
    cluster('A'),
    endpoint('dns', 'timout: 5s\ntimeout: 5'),
    watch('w', 'initial: maybe', '[dnss]'),
  )
  assert.deepEqual(problems, [
    "0.yaml:3:18 metadata.name: expected a DNS label (up to 63 lowercase letters, digits and '-', not at its ends), got 'A'",
    "1.yaml:6:3 spec.timout: expected a known field, got 'timout' (did you mean 'timeout'?)",
    '1.yaml:7:12 spec.timeout: expected a duration from 1ms to 10m like 500ms, 10s, 5m or 12h, got 5',
    "2.yaml:7:12 spec.initial: expected send | skip, got 'maybe'",
  ])
})

test('a repo without manifests is refused', async () => {
  assert.deepEqual(await problemsOf(), ['.:1:1: expected at least one manifest in a .yaml or .yml file, got none'])
})

test('what the source could not read is told with the rest, and nobody is blamed for what may stand there', async () => {
  const parsed = await createParser().parse(files({ 'w.yaml': watch('w', 'clusters: {names: [prod-eu-1]}\nevents: []') }))
  const compiled = compile({ commit: 'c', parsed, unread: [problemAt('endpoints/dns.yaml', 'expected a link that stays')] })
  assert.deepEqual(compiled.ok ? [] : compiled.problems.map(({ path, message }) => [path, message]), [
    ['', 'expected a link that stays'],
    ['spec.events', 'expected at least one item, got a list'],
  ])
})

test('nobody is blamed for a manifest that was refused', async () => {
  assert.deepEqual(
    await problemsOf(
      cluster('prod-eu-1', 'env: prod', 'puased: true'),
      endpoint('dns', 'history: some'),
      watch('w'),
      settings('x: 1'),
    ),
    [
      "0.yaml:5:3 spec.puased: expected a known field, got 'puased' (did you mean 'paused'?)",
      "1.yaml:6:12 spec.history: expected latest | every, got 'some'",
      "3.yaml:4:3 spec.x: expected one of ignoreNamespaces, attach, defaults, got 'x'",
    ],
  )
})

test('a Snapshot has its hash from what it means: not from commit, file, line, order or spelling', async () => {
  const w = (spec: string) => watch('w', spec)
  const one = await compileTexts({
    'a.yaml': cluster('a'),
    'b.yaml': endpoint('dns'),
    'c.yaml': w('namespaces: {include: [x, y]}\nlabelSelector: app=b'),
  })
  const same = await compileTexts(
    {
      '0/z.yaml': `# moved\n${w('labelSelector: {matchLabels: {app: b}}\nnamespaces: {include: [y, x, y]}\nevents: [updated, deleted, created]')}`,
      '1.yaml': `${endpoint('dns', 'timeout: 15000ms')}---\n${cluster('a')}`,
    },
    'c2',
  )
  const other = await compileTexts({
    'a.yaml': cluster('a'),
    'b.yaml': endpoint('dns'),
    'c.yaml': w('namespaces: {include: [x]}\nlabelSelector: app=b'),
  })
  assert.ok(one.ok && same.ok && other.ok)
  assert.equal(one.snapshot.hash, same.snapshot.hash)
  assert.notEqual(one.snapshot.hash, other.snapshot.hash)
  assert.deepEqual([one.snapshot.commit, same.snapshot.commit], ['c1', 'c2'])
})
