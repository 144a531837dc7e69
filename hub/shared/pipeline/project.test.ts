import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from './object.ts'
import { compileProjection, lastApplied } from './project.ts'
import { frozen, kubeObject, randomJson, seeded } from './testing.ts'

const project = (object: KubeObject, keep: readonly string[], prune: readonly string[] = []) =>
  compileProjection({ keep, prune })(frozen(object))

const identity = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'shop', namespace: 'team-a', uid: 'uid-shop' } }
const ports = [{ port: 80, nodePort: 30080 }, { port: 443 }, { nodePort: 30001 }]
const shop = kubeObject('shop', {
  metadata: {
    labels: { app: 'shop' },
    annotations: { 'a/b': '1', [lastApplied]: '{"kind":"Thing"}' },
    managedFields: [{ manager: 'kubectl' }],
  },
  spec: { type: 'LoadBalancer', ports },
  status: { conditions: [{ type: 'Ready' }], ip: '10.0.0.1' },
})

test('without paths everything stays but the noise and the resourceVersion', () => {
  assert.deepEqual(project(shop, []), {
    ...identity,
    metadata: { ...identity.metadata, labels: { app: 'shop' }, annotations: { 'a/b': '1' } },
    spec: { type: 'LoadBalancer', ports },
    status: { conditions: [{ type: 'Ready' }], ip: '10.0.0.1' },
  })
})

test('keep leaves what it names and the identity', () => {
  assert.deepEqual(project(shop, ['spec.ports[*].port', 'status.ip', 'spec.missing']), {
    ...identity,
    spec: { ports: [{ port: 80 }, { port: 443 }] },
    status: { ip: '10.0.0.1' },
  })
})

test('keep of a list position leaves that element', () => {
  assert.deepEqual(project(shop, ['spec.ports[1]']), { ...identity, spec: { ports: [{ port: 443 }] } })
})

test('keep of every element and of one joins both', () => {
  assert.deepEqual(project(shop, ['spec.ports[0].nodePort', 'spec.ports[*].port']), {
    ...identity,
    spec: { ports: [{ port: 80, nodePort: 30080 }, { port: 443 }] },
  })
})

test('prune removes fields, quoted keys, elements and parts of every element', () => {
  assert.deepEqual(
    project(shop, [], ['status', "metadata.annotations['a/b']", 'metadata.labels', 'spec.ports[*].nodePort', 'spec.ports[1]']),
    {
      ...identity,
      metadata: { ...identity.metadata, annotations: {} },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }, {}] },
    },
  )
})

test('prune wins over keep', () => {
  assert.deepEqual(project(shop, ['spec'], ['spec.ports']), { ...identity, spec: { type: 'LoadBalancer' } })
})

test('the identity can neither be left out nor pruned', () => {
  assert.deepEqual(project(shop, ['nothing'], ['metadata', 'kind', 'apiVersion']), identity)
  assert.deepEqual(project(shop, ['metadata.name'], ['metadata.uid', 'spec']), identity)
})

test('a cluster-scoped object has no namespace in its body', () => {
  const { namespace: _namespace, ...metadata } = kubeObject('node-1').metadata
  assert.deepEqual(project({ ...kubeObject('node-1'), metadata }, []).metadata, { name: 'node-1', uid: 'uid-node-1' })
})

test('managedFields and the last-applied annotation stay when a keep path names them, not when it names their parent', () => {
  assert.deepEqual(project(shop, ['metadata']).metadata, {
    ...identity.metadata,
    labels: { app: 'shop' },
    annotations: { 'a/b': '1' },
  })
  assert.deepEqual(project(shop, ['metadata.managedFields[*].manager', `metadata.annotations['${lastApplied}']`]).metadata, {
    ...identity.metadata,
    annotations: { [lastApplied]: '{"kind":"Thing"}' },
    managedFields: [{ manager: 'kubectl' }],
  })
})

test('resourceVersion leaves the body even when it is kept by name', () => {
  assert.deepEqual(project(shop, ['metadata.resourceVersion']), identity)
})

test('the text of a body does not depend on where apiVersion and kind stood', () => {
  const { apiVersion, kind, ...rest } = shop
  const text = JSON.stringify(project(shop, []))
  assert.equal(JSON.stringify(project({ ...rest, kind, apiVersion }, [])), text)
  assert.ok(text.startsWith('{"apiVersion":"v1","kind":"Thing","metadata":{"name":"shop"'))
})

test('what is not changed is shared with the input', () => {
  assert.equal(project(shop, []).spec, shop.spec)
  assert.equal(project(shop, ['spec']).spec, shop.spec)
  const node = kubeObject('node', { spec: { a: { b: 1 }, c: { d: 1 } } })
  const { spec } = project(node, [], ['spec.c.d'])
  assert.deepEqual(spec, { a: { b: 1 }, c: {} })
})

test('keep and prune of one path part any object in two: no value is lost and none is in both', () => {
  const random = seeded(11)
  const leaves = (value: unknown): number =>
    typeof value === 'object' && value !== null ? Object.values(value).reduce((sum: number, each) => sum + leaves(each), 0) : 1
  const paths = ['x.a', 'x.a.b[*].c', 'x[*]', 'x[0].a', "x['__proto__'].a", 'x.constructor[*].b', 'x[*][*].a', 'x.b[1]']
  for (let round = 0; round < 500; round++) {
    const object = frozen(kubeObject('any', { x: randomJson(random, 5) }))
    for (const path of paths) {
      const kept = compileProjection({ keep: [path], prune: [] })(object)
      const rest = compileProjection({ keep: [], prune: [path] })(object)
      assert.equal(leaves(kept.x ?? []) + leaves(rest.x), leaves(object.x), `${path} of ${JSON.stringify(object.x)}`)
    }
  }
})

test('a key named __proto__ is a field like any other', () => {
  const object = decodeHostile('{"x":{"__proto__":{"polluted":true},"y":1}}')
  assert.equal(JSON.stringify(project(object, [], ['x.y']).x), '{"__proto__":{"polluted":true}}')
  assert.equal(JSON.stringify(project(object, ["x['__proto__']"]).x), '{"__proto__":{"polluted":true}}')
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
})

const decodeHostile = (json: string): KubeObject => kubeObject('hostile', { ...JSON.parse(json) })
