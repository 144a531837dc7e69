import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WatchPlan } from '../protocol/plan.ts'
import { compileMatch, type MatchContext } from './match.ts'
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
