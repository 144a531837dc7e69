import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../protocol/decode.ts'
import { decodeKubeObject, labelsOf, metadataOf, namespaceOf, withType } from './object.ts'
import { kubeObject } from './testing.ts'

const metadata = { name: 'a', uid: 'u', resourceVersion: '1' }

test('an object with name, uid and resourceVersion is taken as it is', () => {
  const value = { metadata, spec: {} }
  assert.equal(decodeKubeObject(value), value)
})

const broken: readonly (readonly [value: unknown, message: RegExp])[] = [
  [null, /expected a JSON object, got null/],
  [[], /expected a JSON object, got a list/],
  ['x', /expected a JSON object, got string/],
  [{}, /expected a field metadata/],
  [{ metadata: { ...metadata, name: '' } }, /metadata\.name/],
  [{ metadata: { name: 'a', resourceVersion: '1' } }, /metadata\.uid on a/],
  [{ metadata: { name: 'a', uid: 'u' } }, /metadata\.resourceVersion on a/],
  [{ metadata: { ...metadata, namespace: 1 } }, /metadata\.namespace on a, got number/],
  [{ metadata: { ...metadata, labels: { a: 1 } } }, /metadata\.labels of a/],
]

for (const [value, message] of broken)
  test(`${JSON.stringify(value)} is no object`, () => {
    assert.throws(
      () => decodeKubeObject(value),
      (error) => error instanceof DecodeError && message.test(error.message),
    )
  })

test('what an object lacks reads as empty', () => {
  const object = decodeKubeObject({ metadata })
  assert.deepEqual(labelsOf(object), {})
  assert.equal(namespaceOf(object), '')
  assert.equal(metadataOf(object), metadata)
})

test('withType gives a list item the type of its list, in front', () => {
  const { apiVersion: _version, kind: _kind, ...item } = kubeObject('a', { spec: 1 })
  assert.equal(JSON.stringify(withType(item, { apiVersion: 'v1', kind: 'Thing' })), JSON.stringify(kubeObject('a', { spec: 1 })))
})
