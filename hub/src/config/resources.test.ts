import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isClusterScoped, parseResource } from './resources.ts'

test('kinds are plural names with group and version where they have them', () => {
  assert.deepEqual(
    [
      'services',
      'services/v1',
      'deployments.apps',
      'widgets.example.com/v1',
      'clusterroles.rbac.authorization.k8s.io',
      'events.events.k8s.io',
      'endpoints',
    ].map(parseResource),
    [
      { group: '', resource: 'services' },
      { group: '', resource: 'services', version: 'v1' },
      { group: 'apps', resource: 'deployments' },
      { group: 'example.com', resource: 'widgets', version: 'v1' },
      { group: 'rbac.authorization.k8s.io', resource: 'clusterroles' },
      { group: 'events.k8s.io', resource: 'events' },
      { group: '', resource: 'endpoints' },
    ],
  )
})

test('well-known cluster-scoped kinds are known by group and name', () => {
  const scoped = (text: string) => {
    const ref = parseResource(text)
    return typeof ref !== 'string' && isClusterScoped(ref)
  }
  for (const kind of [
    'nodes',
    'namespaces',
    'persistentvolumes',
    'clusterroles.rbac.authorization.k8s.io',
    'storageclasses.storage.k8s.io',
  ])
    assert.equal(scoped(kind), true, kind)
  for (const kind of ['pods', 'nodes.example.com', 'roles.rbac.authorization.k8s.io', 'widgets.constructor'])
    assert.equal(scoped(kind), false, kind)
})
