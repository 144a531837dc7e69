import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean, nearest } from './nearest.ts'

test('nearest finds what was probably meant: swapped, missing, added and replaced letters', () => {
  const known = ['endpoints', 'resources', 'dns']
  for (const [typed, meant] of [
    ['endpionts', 'endpoints'],
    ['resource', 'resources'],
    ['Resources', 'resources'],
    ['dsn', 'dns'],
    ['dnss', 'dns'],
  ] as const)
    assert.equal(nearest(typed, known), meant, typed)
})

test('nearest does not guess when nothing is near', () => {
  assert.equal(nearest('cmdb', ['dns', 'endpoints']), undefined)
  assert.equal(didYouMean('x', []), '')
})
