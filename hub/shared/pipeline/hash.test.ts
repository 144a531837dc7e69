import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { bodyHash, contentHash } from './hash.ts'
import { randomJson, seeded } from './testing.ts'

test('a body hash is the first 22 characters of the sha256 of the text', () => {
  assert.equal(bodyHash('{"a":"ü"}'), createHash('sha256').update('{"a":"ü"}').digest('base64url').slice(0, 22))
})

test('a content hash does not depend on the order of keys but on everything else', () => {
  assert.equal(contentHash({ a: 1, b: { c: [1, 2], d: null } }), contentHash({ b: { d: null, c: [1, 2] }, a: 1 }))
  const different = [
    {},
    [],
    null,
    '',
    0,
    false,
    { a: 1 },
    { a: '1' },
    [1, 2],
    [2, 1],
    { a: null },
    { a: undefined, b: 1 },
    { '10': 1, '9': 2 },
  ]
  assert.equal(new Set(different.map(contentHash)).size, different.length)
})

test('a field that is undefined does not exist', () => {
  assert.equal(contentHash({ a: 1, b: undefined }), contentHash({ a: 1 }))
})

test('a content hash survives any shuffling of keys', () => {
  const random = seeded(3)
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .map(([key, each]) => [key, shuffled(each)] as const)
        .toReversed(),
    )
  }
  for (let round = 0; round < 300; round++) {
    const value = randomJson(random, 5)
    assert.equal(contentHash(shuffled(value)), contentHash(value))
  }
})
