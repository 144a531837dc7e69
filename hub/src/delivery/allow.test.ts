import assert from 'node:assert/strict'
import test from 'node:test'
import { fence, type Place } from './allow.ts'

const service: Place = {
  cluster: 'prod-eu-1',
  group: '',
  resource: 'services',
  version: 'v1',
  namespace: 'team-web',
  name: 'shop',
}
const node: Place = { cluster: 'prod-eu-1', group: '', resource: 'nodes', version: 'v1', namespace: '', name: 'worker-1' }

test('without a fence everything passes', () => {
  assert.ok(fence({})(service))
  assert.ok(fence({})(node))
})

test('clusters and namespaces are globs and have to hold together', () => {
  const inside = fence({ clusters: ['prod-*'], namespaces: ['team-*'] })
  assert.ok(inside(service))
  assert.ok(!inside({ ...service, cluster: 'test-1' }))
  assert.ok(!inside({ ...service, namespace: 'kube-system' }))
})

test('an object without a namespace is outside of a fence of namespaces', () => {
  assert.ok(!fence({ namespaces: ['team-*'] })(node))
})

test('namespaces are matched by their own name', () => {
  const namespace = { ...node, resource: 'namespaces', name: 'team-web' }
  assert.ok(fence({ namespaces: ['team-*'] })(namespace))
  assert.ok(!fence({ namespaces: ['team-*'] })({ ...namespace, name: 'default' }))
})

test('resources are matched by group, name and, where it is given, version', () => {
  const inside = fence({
    resources: [
      { group: '', resource: 'services' },
      { group: 'apps', resource: 'deployments', version: 'v1' },
    ],
  })
  assert.ok(inside(service))
  assert.ok(!inside({ ...service, group: 'example.com' }))
  assert.ok(inside({ ...service, group: 'apps', resource: 'deployments' }))
  assert.ok(!inside({ ...service, group: 'apps', resource: 'deployments', version: 'v2' }))
})

test('an empty list lets nothing pass', () => {
  assert.ok(!fence({ clusters: [] })(service))
  assert.ok(!fence({ resources: [] })(service))
})
