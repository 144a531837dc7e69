import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathText, secretShape, shown, valueAt } from './place.ts'

test('pathText writes paths as people would', () => {
  assert.equal(pathText(['spec', 'endpoints', 0, 'url']), 'spec.endpoints[0].url')
  assert.equal(pathText(['metadata', 'labels', 'a.b/c']), "metadata.labels['a.b/c']")
})

test('shown is short and in one line', () => {
  assert.deepEqual([undefined, null, [], {}, 5, true].map(shown), ['nothing', 'nothing', 'a list', 'a map', '5', 'true'])
  assert.equal(shown('a\n  b'), "'a b'")
  assert.equal(shown('x'.repeat(100)).length, 63)
})

test('shown never shows what looks like a secret', () => {
  assert.equal(shown(`ghp_${'a'.repeat(36)}`), 'a text')
})

test('secretShape knows secrets by their look, and takes ordinary texts for none', () => {
  const secrets = [
    '-----BEGIN RSA PRIVATE KEY-----',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    `github_pat_${'a'.repeat(22)}`,
    'AKIAIOSFODNN7EXAMPLE',
    'xoxb-123456789012-abcdef',
    'postgres://user:pass@db/x',
    `glpat-${'x'.repeat(20)}`,
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig',
  ]
  for (const text of secrets) assert.notEqual(secretShape(text), undefined, text)
  const plain = [
    'https://dns.example.com/hooks',
    'git@github.com:a/b.git',
    'team-*',
    'metadata.annotations',
    'whsec',
    'task_live',
  ]
  for (const text of plain) assert.equal(secretShape(text), undefined, text)
})

test('valueAt reads own fields alone', () => {
  assert.equal(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b']), 1)
  assert.equal(valueAt({}, ['constructor']), undefined)
  assert.equal(valueAt('text', ['length']), undefined)
})
