import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { coreResources, status } from '../testing/objects.ts'
import { scriptedKube } from '../testing/scripted-kube.ts'
import { collectionPath, discover, type KindRef } from './discovery.ts'

const live = new AbortController().signal
const start = (ref: KindRef) => {
  const api = scriptedKube()
  return { api, done: discover(api, ref, live) }
}

const groups = {
  kind: 'APIGroupList',
  groups: [
    {
      name: 'apps',
      versions: [{ groupVersion: 'apps/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    },
    {
      name: 'example.com',
      versions: [{ version: 'v2' }, { version: 'v1' }, { version: 'v1beta1' }],
      preferredVersion: { version: 'v1' },
    },
  ],
}
const widgets = { resources: [{ name: 'widgets', kind: 'Widget', namespaced: false, verbs: ['list', 'watch'] }] }

suite('discover', () => {
  test('finds a core resource with one request', async () => {
    const { api, done } = start({ group: '', resource: 'services' })
    const asked = await api.next()
    assert.equal(asked.path, '/api/v1')
    asked.answer(200, coreResources)
    const verbs = ['create', 'delete', 'get', 'list', 'watch']
    const found = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true, verbs }
    assert.deepEqual(await done, { kind: 'found', found })
    assert.equal(collectionPath(found), '/api/v1/services')
  })

  test('takes the version that the server prefers', async () => {
    const { api, done } = start({ group: 'example.com', resource: 'widgets' })
    const asked = await api.next()
    assert.equal(asked.path, '/apis')
    asked.answer(200, groups)
    const version = await api.next()
    assert.equal(version.path, '/apis/example.com/v1')
    version.answer(200, widgets)
    const found = {
      group: 'example.com',
      version: 'v1',
      resource: 'widgets',
      kind: 'Widget',
      namespaced: false,
      verbs: ['list', 'watch'],
    }
    assert.deepEqual(await done, { kind: 'found', found })
    assert.equal(collectionPath(found), '/apis/example.com/v1/widgets')
  })

  test('takes another version where the preferred one lacks the resource', async () => {
    const { api, done } = start({ group: 'example.com', resource: 'widgets' })
    ;(await api.next()).answer(200, groups)
    ;(await api.next()).answer(200, { resources: [] })
    const second = await api.next()
    assert.equal(second.path, '/apis/example.com/v2')
    second.answer(200, widgets)
    assert.partialDeepStrictEqual(await done, { kind: 'found', found: { version: 'v2' } })
  })

  test('looks at no other version than the one that was asked for', async () => {
    const { api, done } = start({ group: 'example.com', resource: 'widgets', version: 'v1beta1' })
    const asked = await api.next()
    assert.equal(asked.path, '/apis/example.com/v1beta1')
    asked.answer(404, '404 page not found\n')
    assert.deepEqual(await done, { kind: 'missing' })
  })

  test('says missing for a group and for a resource that are not served', async () => {
    const group = start({ group: 'nowhere.example.com', resource: 'widgets' })
    ;(await group.api.next()).answer(200, groups)
    assert.deepEqual(await group.done, { kind: 'missing' })

    const resource = start({ group: '', resource: 'widgets' })
    ;(await resource.api.next()).answer(200, coreResources)
    assert.deepEqual(await resource.done, { kind: 'missing' })
  })

  test('does not call missing what is not answered', async () => {
    const refused = start({ group: 'example.com', resource: 'widgets' })
    ;(await refused.api.next()).answer(200, groups)
    ;(await refused.api.next()).answer(503, status(503, 'ServiceUnavailable'))
    assert.partialDeepStrictEqual(await refused.done, { kind: 'refused', refusal: { status: 503 } })

    const odd = start({ group: '', resource: 'services' })
    ;(await odd.api.next()).answer(200, '<html>')
    assert.equal((await odd.done).kind, 'broken')

    const nobody = start({ group: '', resource: 'services' })
    ;(await nobody.api.next()).fail(new Error('connect ECONNREFUSED'))
    assert.equal((await nobody.done).kind, 'broken')
  })
})
