import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRecent } from './recent.ts'

function clocked() {
  let ms = 1_000_000
  return { now: () => ms, pass: (by: number) => (ms += by) }
}

test('nothing has happened: no pace, and no durations to speak of', () => {
  assert.deepEqual(createRecent(() => 5).figures(), { eventsPerSecond: 0, attempts: 0, failed: 0 })
})

test('the pace is that of the time it ran, and of the last minute at most', () => {
  const { now, pass } = clocked()
  const recent = createRecent(now)
  for (let second = 0; second < 10; second++) {
    pass(1_000)
    recent.attempt({ ms: 20, accepted: 50, failed: false })
  }
  assert.equal(recent.figures().eventsPerSecond, 50)
  pass(50_000)
  assert.equal(Math.round(recent.figures().eventsPerSecond * 60), 500)
  pass(60_000)
  assert.deepEqual(recent.figures(), { eventsPerSecond: 0, attempts: 0, failed: 0 })
})

test('durations are told to a tenth, from below a millisecond to beyond the longest timeout', () => {
  const recent = createRecent(clocked().now)
  for (let i = 0; i < 98; i++) recent.attempt({ ms: 100, accepted: 1, failed: false })
  for (let i = 0; i < 2; i++) recent.attempt({ ms: 15_000, accepted: 0, failed: true })
  const { attempts, failed, p50Ms = 0, p99Ms = 0 } = recent.figures()
  assert.deepEqual([attempts, failed], [100, 2])
  assert.ok(p50Ms >= 100 && p50Ms <= 111, `${p50Ms}`)
  assert.ok(p99Ms >= 15_000 && p99Ms <= 16_600, `${p99Ms}`)
  const quick = createRecent(clocked().now)
  quick.attempt({ ms: 0.2, accepted: 1, failed: false })
  assert.equal(quick.figures().p99Ms, 1)
  const endless = createRecent(clocked().now)
  endless.attempt({ ms: 1e12, accepted: 0, failed: true })
  assert.ok((endless.figures().p99Ms ?? 0) > 3_600_000)
})

test('a clock that is set back counts nothing of later seconds', () => {
  const { now, pass } = clocked()
  const recent = createRecent(now)
  recent.attempt({ ms: 1, accepted: 5, failed: false })
  pass(-5_000)
  assert.equal(recent.figures().attempts, 0)
})
