import assert from 'node:assert/strict'
import test from 'node:test'
import { bodyPatch, maxPatchedBody } from './body-patch.ts'

const long = 'x'.repeat(100)

test('a small change of a large body is a small patch', () => {
  assert.equal(bodyPatch(`{"text":"${long}","n":1}`, `{"text":"${long}","n":2,"m":[null]}`), '{"n":2,"m":[null]}')
})

test('a patch that is not smaller than the body is none', () => {
  assert.equal(bodyPatch('{"a":1}', '{"b":2}'), undefined)
  assert.equal(bodyPatch(`{"a":"${long}"}`, '{}'), undefined)
})

test('what cannot be said as a patch is none', () => {
  assert.equal(bodyPatch(`{"text":"${long}","n":1}`, `{"text":"${long}","n":null}`), undefined)
})

test('a body that is no JSON, or that another reader could read otherwise, has none', () => {
  const good = `{"text":"${long}","n":1}`
  for (const other of [
    `{"text":"${long}","n":}`,
    `{"text":"${long}","n":9007199254740993}`,
    `{"text":"${long}","n":1e400}`,
    `{"text":"${long}","n":-0}`,
    `{"text":"${long}","n":1,"n":2}`,
    `{"text":"${long}", "n":2}`,
    '',
  ]) {
    assert.equal(bodyPatch(good, other), undefined, other)
    assert.equal(bodyPatch(other, good), undefined, other)
  }
})

test('a body that is nested very deeply, or very large, has none', () => {
  const deep = (levels: number) => `{"text":"${long}","a":${'['.repeat(levels)}${']'.repeat(levels)}}`
  assert.equal(bodyPatch(deep(200_000), deep(200_001)), undefined)
  const large = (n: number) => `{"text":"${'x'.repeat(maxPatchedBody)}","n":${n}}`
  assert.equal(bodyPatch(large(1), large(2)), undefined)
})
