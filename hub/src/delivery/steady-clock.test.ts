import assert from 'node:assert/strict'
import test from 'node:test'
import { steadyClock } from './steady-clock.ts'

test('a steady clock goes on from where it was when the other one is set back, and jumps ahead with it', () => {
  let wall = 1_000
  const now = steadyClock(() => wall)
  assert.equal(now(), 1_000)
  wall = 1_500
  assert.equal(now(), 1_500)
  wall = 200
  assert.equal(now(), 1_500)
  wall = 300
  assert.equal(now(), 1_600)
  wall = 5_000
  assert.equal(now(), 6_300)
})
