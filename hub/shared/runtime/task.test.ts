import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeError } from './log.ts'
import { sleep } from './sleep.ts'
import { Task } from './task.ts'

test('disposing a task stops it and waits for its real end', async () => {
  const steps: string[] = []
  const task = new Task(async (signal) => {
    try {
      await sleep(60_000, signal)
    } finally {
      await Promise.resolve()
      steps.push('ended')
    }
  })
  await task[Symbol.asyncDispose]()
  assert.deepEqual(steps, ['ended'])
  await task.done
})

test('a task that failed tells it by done, and disposing it adds nothing', async () => {
  const task = new Task(async () => {
    throw new Error('broken')
  })
  await assert.rejects(task.done, { message: 'broken' })
  await task[Symbol.asyncDispose]()
})

test('a failure while stopping is told by the disposal', async () => {
  const task = new Task((signal) =>
    sleep(60_000, signal).catch(() => {
      throw new Error('could not close')
    }),
  )
  await assert.rejects(task[Symbol.asyncDispose](), { message: 'could not close' })
})

test('a task can be disposed twice', async () => {
  const task = new Task((signal) => sleep(60_000, signal))
  await Promise.all([task[Symbol.asyncDispose](), task[Symbol.asyncDispose]()])
})

test('an error is described with its causes, once each, and with what failed while it was handled', () => {
  assert.equal(describeError(new Error('a', { cause: new Error('b', { cause: new Error('b') }) })), 'a: b')
  assert.equal(describeError(new SuppressedError(new Error('later'), new Error('first'))), 'first; then, while ending: later')
  assert.equal(describeError(new AggregateError([new Error('x'), 'y'])), 'x; y')
})
