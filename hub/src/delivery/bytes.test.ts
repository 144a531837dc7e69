import assert from 'node:assert/strict'
import test from 'node:test'
import { utf8 } from './bytes.ts'

const pieces = ['{"items":[', '{"name":"müller"}', ',', '{"name":"東京 🚀"}', ']}']

test('pieces become the bytes of their whole text', () => {
  assert.deepEqual(utf8(pieces), Buffer.from(pieces.join('')))
  assert.deepEqual(utf8([]), Buffer.alloc(0))
})
test('what is larger than the scratch memory is encoded all the same', () => {
  const large = [...pieces, '東'.repeat(1_500_000), ...pieces]
  assert.ok(utf8(large).equals(Buffer.from(large.join(''))))
})
test('the next call leaves the bytes of the one before alone', () => {
  const first = utf8(pieces)
  utf8(['x'.repeat(1_000)])
  assert.deepEqual(first, Buffer.from(pieces.join('')))
})
