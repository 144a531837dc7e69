import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holesIn } from './holes.ts'

const changes = (...versions: readonly number[]) =>
  versions.map((version) => ({ kind: 'services' as const, version, concerns: true }))
const holes = (begins: readonly number[], heard: readonly number[]) =>
  holesIn(changes(11, 12, 13, 14, 15), begins, ({ version }) => heard.includes(version))

test('a change that did not arrive while a later one of the same watch did is a hole', () => {
  assert.deepEqual(holes([10], [11, 13, 15]), [12, 14])
})
test('what a watch showed last may be left to the next comparison', () => {
  assert.deepEqual(holes([10], [11, 12]), [])
  assert.deepEqual(holes([10, 13], [11, 14, 15]), [])
})
test('what was there before the first watch is no business of it', () => {
  assert.deepEqual(holes([13], [15]), [14])
})
test('changes that concern nobody are no holes', () => {
  const all = changes(11, 12, 13).map((change) => ({ ...change, concerns: change.version !== 12 }))
  assert.deepEqual(
    holesIn(all, [10], ({ version }) => version !== 12),
    [],
  )
})
