import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { type KindName, resolveKind } from './kind-names.ts'

const widgets: KindName = { group: 'example.com', resource: 'widgets' }
const meant = (typed: string, known: readonly KindName[] = []) => {
  const resolved = resolveKind(typed, known)
  return resolved.kind === 'found' ? resourceName(resolved.found) : resolved
}

for (const [typed, name] of [
  ['services', 'services'],
  ['service', 'services'],
  ['Service', 'services'],
  ['svc', 'services'],
  ['deployment', 'deployments.apps'],
  ['deployment.apps', 'deployments.apps'],
  ['deployments.apps', 'deployments.apps'],
  ['deploy.apps', 'deployments.apps'],
  ['ingress', 'ingresses.networking.k8s.io'],
  ['networkpolicy', 'networkpolicies.networking.k8s.io'],
  ['endpoints', 'endpoints'],
  ['no', 'nodes'],
] as const)
  test(`'${typed}' means ${name}`, () => {
    assert.equal(meant(typed), name)
  })

test('a kind that a watch names is known by its singular and without its group', () => {
  assert.equal(meant('widget', [widgets]), 'widgets.example.com')
  assert.equal(meant('widget.example.com', [widgets]), 'widgets.example.com')
})

test('a kind is known by what its objects say, whatever its plural is', () => {
  assert.equal(meant('mouse', [{ group: 'example.com', resource: 'mice', kind: 'Mouse' }]), 'mice.example.com')
})

test('a whole name with a group is taken as it is, whether anybody knows it or not', () => {
  assert.equal(meant('gadgets.example.com'), 'gadgets.example.com')
})

test('a known kind wins over a well-known one of the same name', () => {
  assert.equal(meant('ingress', [{ group: 'example.com', resource: 'ingresses' }]), 'ingresses.example.com')
})

test('a name of several kinds is told with all of them, but the whole name of one is that one', () => {
  const both = [
    { group: '', resource: 'events' },
    { group: 'events.k8s.io', resource: 'events' },
  ]
  assert.deepEqual(meant('event', both), { kind: 'ambiguous', candidates: ['events', 'events.events.k8s.io'] })
  assert.equal(meant('events', both), 'events')
})

test('a name that is none is told with the nearest one', () => {
  assert.deepEqual(meant('servces'), { kind: 'unknown', nearest: 'services' })
  assert.deepEqual(meant('xyzzy'), { kind: 'unknown' })
  assert.deepEqual(meant('constructor'), { kind: 'unknown' })
})
