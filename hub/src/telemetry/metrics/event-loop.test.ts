import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchEventLoop } from './event-loop.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a loop that was held up is late, and that is still known in the window after it', async () => {
  let clock = 0
  using loop = watchEventLoop(() => clock)
  for (const end = performance.now() + 60; performance.now() < end; ) await turn() // the monitor begins to look
  for (const end = performance.now() + 120; performance.now() < end; );
  for (const end = performance.now() + 60; performance.now() < end && loop.delayMs() < 50; ) await turn()
  assert.ok(loop.delayMs() >= 50, `late by ${loop.delayMs()} ms`)
  clock += 60_000
  assert.ok(loop.delayMs() >= 50, 'the window that ends')
  assert.ok(loop.delayMs() >= 50, 'the one after it')
})
