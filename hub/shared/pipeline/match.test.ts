import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WatchPlan } from '../protocol/plan.ts'
import type { MatchContext } from './conditions.ts'
import { compileMatch, explainMatch } from './match.ts'
import { kubeObject } from './testing.ts'

const everything: WatchPlan = { name: 'w', definition: 'd', namespaces: { include: [], exclude: [] } }
const services: MatchContext = { cluster: { name: 'c', labels: { env: 'prod' } }, namespaced: true, resource: 'services' }
const within = (namespace: string, fields = {}) =>
  kubeObject('x', { ...fields, metadata: { namespace, labels: { app: 'shop' } } })

test('a watch without conditions takes every object', () => {
  assert.equal(compileMatch(everything, services)(within('any')), 'in')
})

test('namespaces are included and excluded by globs, and excludes win', () => {
  const match = compileMatch({ ...everything, namespaces: { include: ['team-*'], exclude: ['team-sand*'] } }, services)
  assert.deepEqual(
    ['team-a', 'team-sandbox', 'other'].map((namespace) => match(within(namespace))),
    ['in', 'out', 'out'],
  )
})

test('namespaces themselves are matched by their own name and labels', () => {
  const context = { ...services, namespaced: false, resource: 'namespaces' }
  const selector = { matchLabels: { app: 'shop' } }
  const match = compileMatch({ ...everything, namespaces: { include: ['team-*'], exclude: [], selector } }, context)
  const namespace = (name: string, app: string) => kubeObject(name, { metadata: { namespace: undefined, labels: { app } } })
  assert.equal(match(namespace('team-a', 'shop')), 'in')
  assert.equal(match(namespace('team-a', 'cart')), 'out')
  assert.equal(match(namespace('kube-system', 'shop')), 'out')
})

test('other cluster-scoped kinds are not asked for a namespace', () => {
  const context = { ...services, namespaced: false, resource: 'nodes' }
  const selector = { matchLabels: { app: 'none' } }
  assert.equal(
    compileMatch({ ...everything, namespaces: { include: ['team-*'], exclude: ['*'], selector } }, context)(within('x')),
    'in',
  )
})

test('a namespace selector asks for the labels of the namespace, and an unknown one is out', () => {
  const labels: Readonly<Record<string, Readonly<Record<string, string>>>> = { a: { tier: 'web' }, b: { tier: 'db' } }
  const plan = { ...everything, namespaces: { include: [], exclude: [], selector: { matchLabels: { tier: 'web' } } } }
  const match = compileMatch(plan, { ...services, namespaceLabels: (name) => labels[name] })
  assert.deepEqual(
    ['a', 'b', 'c'].map((namespace) => match(within(namespace))),
    ['in', 'out', 'out'],
  )
  assert.equal(compileMatch(plan, services)(within('a')), 'out')
})

test('labels have to match', () => {
  const match = compileMatch({ ...everything, labelSelector: { matchLabels: { app: 'cart' } } }, services)
  assert.equal(match(within('a')), 'out')
})

test('when decides last, over the object and the cluster', () => {
  const match = compileMatch({ ...everything, when: 'object.spec.x == 1 && cluster.labels.env == "prod"' }, services)
  assert.equal(match(within('a', { spec: { x: 1 } })), 'in')
  assert.equal(match(within('a', { spec: { x: 2 } })), 'out')
  assert.equal(match(within('a')), 'out')
})

test('an error of when is no answer, but an object that is out before it needs none', () => {
  const match = compileMatch(
    { ...everything, namespaces: { include: ['a'], exclude: [] }, when: 'object.spec.x > "1"' },
    services,
  )
  const result = match(within('a', { spec: { x: 1 } }))
  assert.ok(typeof result === 'object')
  assert.match(result.error, /no such overload/)
  assert.equal(match(within('b', { spec: { x: 1 } })), 'out')
})

const said = (watch: Partial<WatchPlan>, context: MatchContext = services) => {
  const explain = explainMatch({ ...everything, ...watch }, context)
  return (object: ReturnType<typeof kubeObject>) => explain(object).map(({ field, verdict, detail }) => [field, verdict, detail])
}

test('every condition is told by itself, also behind one that fails', () => {
  const told = said({
    namespaces: { include: ['team-*'], exclude: ['team-sandbox'] },
    labelSelector: { matchLabels: { app: 'shop' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['cache'] }] },
    when: 'object.spec.type == "LoadBalancer"',
  })
  assert.deepEqual(told(within('web', { spec: { type: 'ClusterIP' } })), [
    ['namespaces.include', 'fails', '"web" not in [team-*]'],
    ['namespaces.exclude', 'holds', '"web" not excluded by [team-sandbox]'],
    ['labelSelector', 'holds', 'the labels match'],
    ['when', 'fails', 'is false'],
  ])
})

test('what is told of labels names keys and what the watch asks for, and no value of the object', () => {
  const one = (selector: NonNullable<WatchPlan['labelSelector']>, labels: Readonly<Record<string, string>>) =>
    said({ labelSelector: selector })(kubeObject('x', { metadata: { labels } }))[0]?.[2]
  assert.equal(one({ matchLabels: { app: 'cart' } }, { app: 'secret-shop' }), 'app=cart does not hold: app has another value')
  assert.equal(one({ matchLabels: { app: 'cart' } }, {}), 'app=cart does not hold: there is no label app')
  const among = { matchExpressions: [{ key: 'env', operator: 'In', values: ['prod', 'stage'] }] }
  assert.equal(one(among, { env: 'dev' }), 'env in (prod,stage) does not hold: env has another value')
  assert.equal(
    one({ matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] }, { env: 'dev' }),
    '!env does not hold: there is a label env',
  )
})

test('labels of namespaces that match, that do not, and that nobody knows are told apart', () => {
  const labels: Readonly<Record<string, Readonly<Record<string, string>>>> = { a: { tier: 'web' }, b: {} }
  const namespaces = { include: [], exclude: [], selector: { matchLabels: { tier: 'web' } } }
  const told = said({ namespaces }, { ...services, namespaceLabels: (name) => labels[name] })
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => told(within(name))[0]),
    [
      ['namespaces.selector', 'holds', 'the labels of namespace "a" match'],
      ['namespaces.selector', 'fails', 'tier=web does not hold: there is no label tier'],
      ['namespaces.selector', 'fails', 'the labels of namespace "c" are not known'],
    ],
  )
})

test('of when it is told whether it is false, misses a key, or cannot be told', () => {
  const told = said({ when: 'object.spec.x > 1' })
  assert.deepEqual(
    [{ x: 2 }, { x: 1 }, {}, { x: 'private' }].map((spec) => told(within('a', { spec }))[0]?.slice(1)),
    [
      ['holds', 'is true'],
      ['fails', 'is false'],
      ['fails', 'a key or an element that it reads is missing'],
      ['unclear', 'cannot be told, so the object stays as it was: no such overload: dyn<string> > int (column 1)'],
    ],
  )
})

test('what is told agrees with what is matched, whatever the watch and the object', () => {
  const watches: readonly Partial<WatchPlan>[] = [
    { namespaces: { include: ['team-*'], exclude: ['*-x'] } },
    { labelSelector: { matchLabels: { app: 'shop' } }, when: 'object.spec.x == 1' },
    { when: 'object.spec.x > "1"' },
  ]
  const objects = ['team-a', 'team-x', 'web'].flatMap((namespace) => [within(namespace), within(namespace, { spec: { x: 1 } })])
  for (const watch of watches)
    for (const object of objects) {
      const verdicts = said(watch)(object).map(([, verdict]) => verdict)
      const result = compileMatch({ ...everything, ...watch }, services)(object)
      const first = verdicts.find((verdict) => verdict !== 'holds') ?? 'holds'
      assert.equal(first, typeof result === 'string' ? { in: 'holds', out: 'fails' }[result] : 'unclear')
    }
})
