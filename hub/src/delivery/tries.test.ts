import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTries } from './tries.ts'

test('a batch that takes the place of another goes on with its number and context, and is written down anew', () => {
  const tries = createTries()
  tries.note('whole', 'context-1')
  tries.note('whole', 'context-2')
  tries.replace('whole', ['left', 'right'])
  assert.deepEqual(tries.of('left'), { number: 2, last: 'context-2', told: false })
  assert.deepEqual(tries.of('right'), tries.of('left'))
  assert.deepEqual(tries.of('whole'), { number: 0, told: false })
})

test('a batch that stays under its id as it is parked stays written down', () => {
  const tries = createTries()
  tries.note('one', 'context-1')
  tries.replace('one', ['one'])
  assert.deepEqual(tries.of('one'), { number: 1, last: 'context-1', told: true })
})

test('an attempt without a context keeps the one before', () => {
  const tries = createTries()
  tries.note('one', 'context-1')
  tries.note('one', undefined)
  assert.deepEqual(tries.of('one'), { number: 2, last: 'context-1', told: true })
})

test('after a restart batches go on where the store says they were', () => {
  const tries = createTries()
  const batch = { createdAt: 1, members: [], frame: '{}' }
  tries.restore({
    batches: [
      { ...batch, id: 'tried', lastAttempt: 'context-1' },
      { ...batch, id: 'heir', lastAttempt: 'context-2' },
      { ...batch, id: 'new' },
    ],
    tried: new Map([['tried', { attempts: 3, firstAt: 5 }]]),
  })
  assert.deepEqual(tries.of('tried'), { number: 3, last: 'context-1', told: true })
  assert.deepEqual(tries.of('heir'), { number: 0, last: 'context-2', told: false })
  assert.deepEqual(tries.of('new'), { number: 0, told: false })
})
