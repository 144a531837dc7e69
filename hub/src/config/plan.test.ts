import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plan as planShape } from '@watch-hub/shared/protocol/plan'
import type { Snapshot } from './model.ts'
import { activationOf, planFor } from './plan.ts'
import { cluster, endpoint, manifest, settings, snapshotOf, watch } from './testing/manifests.ts'

const prod = cluster('prod-eu-1', 'env: prod', 'attach: {platform: baremetal}')
const stage = cluster('stage-eu-1', 'env: stage')
const dns = endpoint('dns')
const lb = watch('lb', 'clusters: {selector: env=prod}\nwhen: object.spec.type == "LoadBalancer"\nattach: {assetId: svc}')

const hashOf = (snapshot: Snapshot, name = 'prod-eu-1') => planFor(snapshot, name)?.hash
const streamsOf = (snapshot: Snapshot, name = 'prod-eu-1') =>
  (planFor(snapshot, name)?.streams ?? []).map(
    ({ resource, watches }) => `${resource}: ${watches.map((each) => each.name).join(' ')}`,
  )

test('a plan holds what its cluster has to do, and only that', async () => {
  const snapshot = await snapshotOf(prod, stage, dns, lb, settings('ignoreNamespaces: [kube-system]'))
  const plan = planFor(snapshot, 'prod-eu-1')
  assert.ok(plan)
  const [stream] = plan.streams
  assert.deepEqual(plan, {
    hash: plan.hash,
    cluster: { name: 'prod-eu-1', labels: { env: 'prod' } },
    paused: false,
    streams: [
      {
        id: stream?.id,
        group: '',
        resource: 'services',
        includeSecretData: false,
        projection: { keep: [], prune: [] },
        watches: [
          {
            name: 'lb',
            definition: stream?.watches[0]?.definition,
            namespaces: { include: [], exclude: ['kube-system'] },
            when: 'object.spec.type == "LoadBalancer"',
          },
        ],
      },
    ],
  })
  assert.deepEqual(planShape.decode(JSON.parse(JSON.stringify(plan))), plan)
  assert.deepEqual(streamsOf(snapshot, 'stage-eu-1'), [])
  assert.equal(planFor(snapshot, 'nope'), undefined)
})

const before = () => snapshotOf(prod, stage, dns, lb)

const unrelated: readonly (readonly [title: string, manifests: () => Promise<Snapshot>])[] = [
  [
    'endpoints',
    () =>
      snapshotOf(
        prod,
        stage,
        endpoint('dns', 'timeout: 5s\nattach: {x: 1}'),
        endpoint('cmdb'),
        lb.replace('[dns]', '[cmdb, dns]'),
      ),
  ],
  [
    'events, initial and metadata',
    () => snapshotOf(prod, stage, dns, lb.replace('svc', 'other').concat('  events: [created]\n  initial: skip\n')),
  ],
  [
    'other clusters',
    () =>
      snapshotOf(
        prod,
        cluster('stage-eu-1', 'env: test', 'paused: true'),
        cluster('new'),
        dns,
        lb.replace('env=prod', '"env=prod,!x"'),
      ),
  ],
  ['watches of other clusters', () => snapshotOf(prod, stage, dns, lb, watch('other', 'clusters: {names: [stage-*]}'))],
  ['paused watches', () => snapshotOf(prod, stage, dns, lb, watch('other', 'paused: true'))],
  ['metadata of the cluster', () => snapshotOf(prod.replace('baremetal', 'cloud'), stage, dns, lb)],
  ['secret data of kinds that have none', () => snapshotOf(prod, stage, dns, lb.concat('  includeSecretData: true\n'))],
  ['places in the repo', () => snapshotOf(dns, lb, `# moved\n${stage}`, prod)],
]

for (const [title, after] of unrelated)
  test(`a change of ${title} gives an equal plan`, async () => assert.equal(hashOf(await after()), hashOf(await before())))

const related: readonly (readonly [title: string, manifests: () => Promise<Snapshot>])[] = [
  ['when', () => snapshotOf(prod, stage, dns, lb.replace('LoadBalancer', 'ClusterIP'))],
  ['labels of the cluster', () => snapshotOf(cluster('prod-eu-1', 'env: prod, x: y'), stage, dns, lb)],
  ['pausing the cluster', () => snapshotOf(cluster('prod-eu-1', 'env: prod', 'paused: true'), stage, dns, lb)],
  ['ignored namespaces', () => snapshotOf(prod, stage, dns, lb, settings('ignoreNamespaces: [x]'))],
  ['the projection', () => snapshotOf(prod, stage, dns, lb.concat('  fields: {prune: [status]}\n'))],
  ['another watch', () => snapshotOf(prod, stage, dns, lb, watch('other'))],
]

for (const [title, after] of related)
  test(`a change of ${title} gives another plan`, async () => assert.notEqual(hashOf(await after()), hashOf(await before())))

test('watches with one projection share a stream; each kind, version and projection has its own', async () => {
  const of = (name: string, spec: string) => manifest('Watch', name, `endpoints: []\n${spec}`)
  const snapshot = await snapshotOf(
    prod,
    of('b', 'resources: [services, pods]\nfields: {prune: [status, spec.x]}'),
    of('a', 'resources: [pods]\nfields: {prune: [spec.x, status]}'),
    of('c', 'resources: [pods/v1]\nfields: {prune: [spec.x, status]}'),
    of('d', 'resources: [pods]'),
    of('e', 'resources: [secrets]\nincludeSecretData: true'),
    of('f', 'resources: [secrets]'),
  )
  assert.deepEqual(streamsOf(snapshot).sort(), ['pods: a b', 'pods: c', 'pods: d', 'secrets: e', 'secrets: f', 'services: b'])
  const ids = planFor(snapshot, 'prod-eu-1')?.streams.map(({ id }) => id) ?? []
  assert.equal(new Set(ids).size, ids.length)
})

test('a stream and a definition keep their identity when others change', async () => {
  const one = planFor(await before(), 'prod-eu-1')?.streams[0]
  const two = planFor(await snapshotOf(prod, stage, dns, lb, watch('aaa', 'namespaces: {include: [x]}')), 'prod-eu-1')?.streams[0]
  assert.equal(one?.id, two?.id)
  assert.deepEqual(
    two?.watches.map(({ name }) => name),
    ['aaa', 'lb'],
  )
  assert.deepEqual(one?.watches[0], two?.watches[1])
})

test('a definition is what a watch matches: not its name, kinds, projection or endpoints', async () => {
  const snapshot = await snapshotOf(
    prod,
    manifest('Watch', 'a', 'resources: [services, pods]\nendpoints: []\nlabelSelector: app=x'),
    manifest(
      'Watch',
      'b',
      'resources: [secrets]\nendpoints: []\nlabelSelector: {matchLabels: {app: x}}\nfields: {keep: [metadata]}',
    ),
    manifest('Watch', 'c', 'resources: [secrets]\nendpoints: []\nlabelSelector: app=y\nfields: {keep: [metadata]}'),
  )
  const [routes] = activationOf(snapshot).clusters
  assert.equal(routes?.watches.a?.definition, routes?.watches.b?.definition)
  assert.notEqual(routes?.watches.a?.definition, routes?.watches.c?.definition)
})

test('ignored namespaces are excluded from namespaced kinds and from namespaces, and mean nothing for other kinds', async () => {
  const of = (name: string, resource: string) => manifest('Watch', name, `endpoints: []\nresources: [${resource}]`)
  const snapshot = await snapshotOf(
    prod,
    of('a', 'pods'),
    of('b', 'namespaces'),
    of('c', 'nodes'),
    settings('ignoreNamespaces: [z, y]'),
  )
  const excluded = planFor(snapshot, 'prod-eu-1')?.streams.flatMap(({ watches }) =>
    watches.map(({ name, namespaces }) => [name, namespaces.exclude]),
  )
  assert.deepEqual(Object.fromEntries(excluded ?? []), { a: ['y', 'z'], b: ['y', 'z'], c: [] })
})

test('activation has the routes of every declared cluster, under the hash of its plan', async () => {
  const snapshot = await snapshotOf(
    prod,
    cluster('stage-eu-1', 'env: stage', 'paused: true'),
    endpoint('dns', 'paused: true'),
    endpoint('cmdb', 'markers: true\ndelta: true'),
    lb.replace('[dns]', '[dns, cmdb]').concat('  events: [deleted]\n  initial: skip\n'),
    watch('off', 'paused: true'),
  )
  const { endpoints, deltas, markers, clusters } = activationOf(snapshot)
  assert.deepEqual([endpoints, deltas, markers], [['cmdb', 'dns'], ['cmdb'], ['cmdb']])
  assert.deepEqual(
    clusters.map(({ cluster: name, plan }) => [name, plan]),
    ['prod-eu-1', 'stage-eu-1'].map((name) => [name, hashOf(snapshot, name)]),
  )
  const plan = planFor(snapshot, 'prod-eu-1')
  assert.deepEqual(clusters[0], {
    cluster: 'prod-eu-1',
    plan: plan?.hash,
    context: { name: 'prod-eu-1', labels: { env: 'prod' }, metadata: { platform: 'baremetal' } },
    streams: [{ id: plan?.streams[0]?.id, resource: 'services', watches: ['lb'] }],
    watches: {
      lb: {
        definition: plan?.streams[0]?.watches[0]?.definition,
        endpoints: ['cmdb', 'dns'],
        events: ['deleted'],
        initial: 'skip',
        metadata: { assetId: 'svc' },
      },
    },
  })
  assert.equal(planFor(snapshot, 'stage-eu-1')?.paused, true)
})

test('an activation says which endpoints want deletions of commits, and their guards', async () => {
  const bare = activationOf(await snapshotOf(prod, dns, lb))
  assert.deepEqual([bare.unwatched, bare.guards], [[], {}])
  const guarded = endpoint('cmdb', 'unwatched: delete\nguard: {removals: 7}')
  const { unwatched, guards } = activationOf(await snapshotOf(prod, dns, guarded, endpoint('x', 'unwatched: delete'), lb))
  assert.deepEqual([unwatched, guards], [['cmdb', 'x'], { cmdb: 7 }])
})
