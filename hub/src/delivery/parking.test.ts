import assert from 'node:assert/strict'
import test from 'node:test'
import { createParking, parkedDelayMs } from './parking.ts'

const batch = (id: string, object: string, nextAttemptAt: number) => ({
  frozen: {
    id,
    createdAt: 0,
    members: [],
    frame: '{}',
    payload: '',
    parking: { object, attempts: 1, nextAttemptAt, reason: 'answered 422' },
  },
  frame: { format: 'watch-hub' as const, metadata: {} },
  keys: [object],
})

test('the one whose time came first is due, and what waits behind it is not', () => {
  const parking = createParking()
  for (const each of [batch('1', 'a', 30), batch('2', 'b', 20), batch('3', 'b', 0)]) parking.add(each)
  assert.equal(parking.due(19), undefined)
  assert.deepEqual([parking.due(30)?.key, parking.nextAt(20), parking.objects], ['b', 30, 2])
})

test('what stood in the way may be gone: everything is due at once', () => {
  const parking = createParking()
  parking.add(batch('1', 'a', 90_000))
  assert.equal(parking.due(10), undefined)
  parking.hurry(10)
  assert.equal(parking.due(10)?.key, 'a')
})

test('there is a bound for objects and one for bytes', () => {
  const parking = createParking({ objects: 2, bytes: 1_000_000 })
  parking.add(batch('1', 'a', 0))
  assert.equal(parking.full, false)
  parking.add(batch('2', 'b', 0))
  assert.equal(parking.full, true)
})

test('waits double from seconds to hours, and are never shorter than what the endpoint asked for', () => {
  const longest = () => 0.999_999
  assert.deepEqual(
    [1, 2, 3, 30].map((attempts) => Math.round(parkedDelayMs(attempts, longest) / 1_000)),
    [5, 10, 20, 6 * 3_600],
  )
  assert.equal(parkedDelayMs(1, longest, 60_000), 60_000)
})
