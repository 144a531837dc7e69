import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendGate } from './append-gate.ts'

test('an open gate holds nobody', async () => {
  assert.equal(await appendGate().pass(async () => 'through'), 'through')
})

test('those that wait go in their order, and before any that comes while they go', async () => {
  const gate = appendGate()
  const went: string[] = []
  const go = (name: string, then = () => {}) =>
    gate.pass(async () => {
      went.push(name)
      then()
    })
  gate.shut()
  let last: Promise<void> | undefined
  const all = [
    go('a', () => {
      last = go('late')
    }),
    go('b'),
  ]
  assert.deepEqual([went, gate.isOpen], [[], false])
  gate.open()
  await Promise.all([...all, last])
  assert.deepEqual([went, gate.isOpen], [['a', 'b', 'late'], true])
})

test('one that is taken back does not go, and the others do', async () => {
  const gate = appendGate()
  gate.shut()
  const stop = new AbortController()
  const taken = gate.pass(async () => 'taken back', stop.signal)
  const other = gate.pass(async () => 'other', new AbortController().signal)
  stop.abort(new Error('gone'))
  await assert.rejects(taken, { message: 'gone' })
  await assert.rejects(
    gate.pass(async () => 'too late', stop.signal),
    { message: 'gone' },
  )
  gate.open()
  assert.equal(await other, 'other')
})

test('those that wait when it closes fail', async () => {
  const gate = appendGate()
  gate.shut()
  const waiting = gate.pass(async () => 'through')
  gate.close(new Error('the store is closed'))
  await assert.rejects(waiting, { message: 'the store is closed' })
})
