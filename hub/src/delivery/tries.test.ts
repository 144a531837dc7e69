import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTries } from './tries.ts'

test('what takes the place of a batch goes on with its number and context, and is written down anew', () => {
  const tries = createTries()
  tries.note('whole', 'context-1')
  tries.note('whole', 'context-2')
  const lastAttempt = tries.lastOf('whole')
  assert.deepEqual(lastAttempt, { number: 2, traceparent: 'context-2' })
  for (const id of ['left', 'right']) tries.begin({ id, ...(lastAttempt !== undefined && { lastAttempt }) })
  tries.forget('whole')
  assert.deepEqual(tries.of('left'), { number: 2, last: 'context-2', told: false })
  assert.deepEqual(tries.of('right'), tries.of('left'))
  assert.deepEqual(tries.of('whole'), { number: 0, told: false })
  assert.equal(tries.lastOf('whole'), undefined)
})

test('a batch that stays under its id as it is parked stays written down', () => {
  const tries = createTries()
  tries.note('one', 'context-1')
  tries.begin({ id: 'one', lastAttempt: { number: 1, traceparent: 'context-1' } })
  assert.deepEqual(tries.of('one'), { number: 1, last: 'context-1', told: true })
})

test('an attempt without a context keeps the one before, and counts', () => {
  const tries = createTries()
  tries.note('one', 'context-1')
  tries.note('one', undefined)
  assert.deepEqual(tries.of('one'), { number: 2, last: 'context-1', told: true })
})

test('after a restart batches go on where the store says they were', () => {
  const tries = createTries()
  const batch = { createdAt: 1, members: [], frame: '{}' }
  tries.note('gone', 'context-0')
  tries.restore({
    batches: [
      { ...batch, id: 'tried', lastAttempt: { number: 5, traceparent: 'context-1' } },
      { ...batch, id: 'heir', lastAttempt: { number: 2 } },
      { ...batch, id: 'new' },
      { ...batch, id: 'of an older release' },
    ],
    tried: new Map([
      ['tried', { attempts: 3, firstAt: 5 }],
      ['of an older release', { attempts: 4, firstAt: 5 }],
    ]),
  })
  assert.deepEqual(tries.of('tried'), { number: 5, last: 'context-1', told: true })
  assert.deepEqual(tries.of('heir'), { number: 2, last: undefined, told: false })
  assert.deepEqual(tries.of('new'), { number: 0, told: false })
  assert.deepEqual(tries.of('of an older release'), { number: 4, told: true })
  assert.deepEqual(tries.of('gone'), { number: 0, told: false })
})
