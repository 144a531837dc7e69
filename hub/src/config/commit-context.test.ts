import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitContext } from './commit-context.ts'

test('the trace of a commit has the first 32 digits of the commit as its id', () => {
  const commit = 'f14b9d78b4d2a1c0e3f4a5b6c7d8e9f0a1b2c3d4'
  assert.equal(commitContext(commit).traceId, 'f14b9d78b4d2a1c0e3f4a5b6c7d8e9f0')
  assert.equal(commitContext(`${commit}${commit}`.slice(0, 64)).traceId, 'f14b9d78b4d2a1c0e3f4a5b6c7d8e9f0')
})

test('a commit has one root, another commit another one', () => {
  const [one, same, other] = ['a'.repeat(40), 'a'.repeat(40), 'b'.repeat(40)].map(commitContext)
  assert.deepEqual(one, same)
  assert.notEqual(one?.spanId, other?.spanId)
  assert.match(one?.spanId ?? '', /^[0-9a-f]{16}$/)
})

test('what a plain folder has in the place of a commit gets an id of its own, and so does what would be none', () => {
  for (const commit of ['dir-3f2a', '0'.repeat(40)]) assert.match(commitContext(commit).traceId, /^(?!0{32})[0-9a-f]{32}$/)
})
