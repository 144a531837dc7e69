import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextText } from './contexts.ts'
import type { Item } from './formats/format.ts'
import { goneOut, parkedBatch } from './frozen.ts'
import { endpointConfig, logRow } from './testing/rows.ts'

const context = contextText({ cluster: { name: 'c', uid: 'u', labels: {}, metadata: {} }, watches: {} })
const item: Item = { row: logRow({ sequence: 1 }), member: { sequence: 1, type: 'updated', watches: [] }, context }
const making = { endpoint: endpointConfig(), attach: {}, now: () => 5 }
const parking = { object: 'o', attempts: 0, nextAttemptAt: 5, reason: 'waits' }

test('an event that leaves a batch which was tried goes on where that was, in the batch that it is parked in', () => {
  const lastAttempt = { number: 2, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  assert.deepEqual(parkedBatch(goneOut(item, lastAttempt), parking, making).frozen.lastAttempt, lastAttempt)
  assert.equal('lastAttempt' in parkedBatch(goneOut(item, undefined), parking, making).frozen, false)
})
