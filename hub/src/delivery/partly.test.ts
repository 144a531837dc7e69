import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextText } from './contexts.ts'
import { eventId, type Item } from './formats/format.ts'
import { partlyTaken } from './partly.ts'
import { logRow } from './testing/rows.ts'

const context = contextText({ cluster: { name: 'c', uid: 'u', labels: {}, metadata: {} }, watches: {} })
const item = (sequence: number, scan?: string): Item => ({
  ...{ row: logRow({ sequence }), member: { sequence, type: 'updated', watches: [] }, context },
  ...(scan !== undefined && { scan }),
})
const failure = (id: string, message = 'no such zone') => ({ id, message, retry: true })
const named = (of: Item, message?: string) => failure(eventId(of), message)

test('events that were not taken are noted by sequence, each once, however many; for people their number and what was said first', () => {
  const items = Array.from({ length: 30 }, (_, i) => item(i + 1))
  const [, second, ...others] = items
  if (second === undefined) throw new Error('expected items')
  const failures = [named(second, 'first'), named(second), ...others.map((each) => named(each, 'then'))]
  assert.deepEqual(partlyTaken(failures, items), {
    error: 'accepted, but 29 of 30 events not: first',
    untaken: items.slice(1).map(({ member }) => member.sequence),
  })
})

test('ids that are of no event of the request are counted, and never repeated', () => {
  const secret = 'Bearer s3cr3t'
  const strange = [failure(secret), failure('x'.repeat(1024 * 1024)), failure('scan-2-00000000000000000007')]
  const items = [item(7, 'scan-1'), item(8, 'scan-1')]
  assert.deepEqual(partlyTaken(strange, items), { error: '3 of the ids that it named are of no event of the request' })
  assert.deepEqual(partlyTaken([...strange.slice(0, 1), named(item(7, 'scan-1'), '')], items), {
    error: 'accepted, but 1 of 2 events not; 1 of the ids that it named is of no event of the request',
    untaken: [7],
  })
})

test('of a request that was accepted whole nothing is noted', () => {
  assert.deepEqual(partlyTaken([], [item(7)]), {})
})
