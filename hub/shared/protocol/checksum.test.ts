import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksumOf, emptyChecksum, minus, objectSum, plus } from './checksum.ts'

const object = (uid: string, hash = 'h', matches: readonly string[] = ['web']) => ({ uid, hash, matches })
const [a, b, c] = [object('a'), object('b', 'x'), object('c', 'h', [])]

test('the checksum of a stream is what both sides have agreed on', () => {
  assert.equal(objectSum(object('u1', 'h1', ['lb', 'nodes'])), 0xac41f83a5157)
})

test('the order in which objects came does not count', () => {
  assert.equal(checksumOf([a, b, c]), checksumOf([c, a, b]))
})

test('what is taken away again leaves no trace, across the modulus too', () => {
  const top = 2 ** 48 - 1
  assert.equal(minus(plus(top, objectSum(a)), objectSum(a)), top)
  assert.equal(minus(minus(checksumOf([a, b]), objectSum(b)), objectSum(a)), emptyChecksum)
})

test('another uid, another content and other watches make another checksum', () => {
  for (const other of [object('a2'), object('a', 'h2'), object('a', 'h', ['web', 'x']), object('a', 'h', [])])
    assert.notEqual(checksumOf([other]), checksumOf([a]))
})
