import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isClosedObject } from './body.ts'

test('an object of any nesting is closed in itself', () => {
  for (const value of [{}, { a: [1, { b: '}]"\\' }], c: 'x"y\\\\' }, { 'k"{': { deep: [[], [{}]] } }])
    assert.equal(isClosedObject(JSON.stringify(value)), true, JSON.stringify(value))
})

test('what ends before its end, does not end, or is no object is not', () => {
  for (const text of [
    '',
    '[]',
    '"{}"',
    '{',
    '{}}',
    '{},{"cluster":{"name":"other"}}',
    '{"a":"',
    '{"a":"\\"}',
    '{"a":[}]',
    '{}]},{"type":"deleted"',
    ' {}',
    '{} ',
  ])
    assert.equal(isClosedObject(text), false, text)
})
