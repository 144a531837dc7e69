import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changes } from './changes.ts'

test('until resolves at once when its predicate holds already', async () => {
  await changes().until(
    () => true,
    () => 'nothing',
  )
})

test('until looks again at each change', async () => {
  const news = changes()
  let count = 0
  const done = news.until(
    () => count === 2,
    () => 'two',
  )
  for (let i = 0; i < 2; i++) {
    count++
    news.notify()
  }
  await done
})

test('until rejects when it waited too long, naming what for', async () => {
  await assert.rejects(
    changes().until(
      () => false,
      () => 'a miracle',
      1,
    ),
    /waited 1 ms for a miracle/,
  )
})

test('until rejects with what its predicate throws', async () => {
  const broken = () => {
    throw new Error('bug')
  }
  await assert.rejects(
    changes().until(broken, () => 'nothing'),
    /bug/,
  )
})
