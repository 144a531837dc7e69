import assert from 'node:assert/strict'
import test from 'node:test'
import { logRow } from './testing/rows.ts'
import { batchOf, rowOf, startStage } from './testing/stage.ts'

const [one, two, three] = [rowOf(1, 'a', 0), rowOf(2, 'a', 1), rowOf(3, 'b', 2)]

test('patches are sent as they were frozen', async () => {
  const { lanes, ledger } = await startStage({ batches: [batchOf('1', one, two)], rows: [one, two] })
  assert.deepEqual(await lanes(), [['patch 1', 'patch 2']])
  assert.equal(ledger.doubted, 0)
})

test('what follows a batch that the fence held back is told whole, under another id, in the store too', async () => {
  const stage = await startStage({ batches: [batchOf('1', one), batchOf('2', two)], rows: [one, two] })
  stage.fence(false)
  await stage.attempt(stage.first(), { kind: 'outside' })
  stage.fence(true)
  assert.deepEqual(await stage.lanes(), [['object 2']])
  assert.equal(stage.ledger.doubted, 9)
  assert.deepEqual(
    stage.stored().map(({ id, members }) => [id === '2', members]),
    [[false, [{ sequence: 2, type: 'updated', watches: ['w'] }]]],
  )
})

test('where the row of an event is gone, or its patch, the rest of its batch and what follows are told whole', async () => {
  for (const rows of [
    [two, three],
    [logRow({ sequence: 1, uid: 'a', body: '{"n":1}' }), two, three],
  ]) {
    const stage = await startStage({ batches: [batchOf('1', one, two), batchOf('2', three)], rows })
    await stage.attempt(stage.first(), { kind: 'outside' })
    const [first, second] = await stage.lanes()
    assert.equal(first?.at(-1), 'object 2')
    assert.deepEqual(second, ['object 3'])
  }
})

test('a batch whose rows are all gone goes, and what shares nothing with it stays as it is', async () => {
  const stage = await startStage({ batches: [batchOf('1', one), batchOf('2', rowOf(4, 'c'))], rows: [rowOf(4, 'c')] })
  await stage.attempt(stage.first(), { kind: 'outside' })
  assert.deepEqual(
    stage.stored().map(({ id }) => id),
    ['2'],
  )
})

test('a restart knows how often a batch was tried', async () => {
  const tried = new Map([['1', { attempts: 4, firstAt: 77 }]])
  const { first } = await startStage({ batches: [batchOf('1', one)], rows: [one], tried })
  assert.equal(first().failures, 4)
})

test('what is let go from memory is read again, the same', async () => {
  const { queue, lanes } = await startStage({ batches: [batchOf('1', one)], rows: [one] })
  const before = await lanes()
  queue.release()
  assert.equal(queue.lanes.all[0]?.batch.items, undefined)
  assert.deepEqual(await lanes(), before)
})

test('when an object is withdrawn, the others of its batches stay in their place, under other ids', async () => {
  const rows = [rowOf(1, 'a'), rowOf(2, 'a'), rowOf(3, 'b')]
  const [first, second, third] = rows
  assert.ok(first && second && third)
  const stage = await startStage({ batches: [batchOf('1', first), batchOf('2', second, third)], rows })
  await stage.queue.change(await stage.queue.withdraw(new Set(stage.first().batch.keys)))
  assert.deepEqual(await stage.lanes(), [['object 3']])
  assert.deepEqual(stage.parked(), [[2]])
  assert.deepEqual(
    stage.stored().map(({ members, parking }) => [members[0]?.sequence, parking !== undefined]),
    [
      [3, false],
      [2, true],
    ],
  )
})
