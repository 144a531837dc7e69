import assert from 'node:assert/strict'
import test from 'node:test'
import { createPace, type RateLimit } from './rate-limit.ts'
import { numbers } from './testing/numbers.ts'

/** When requests begin that are always ready, each as soon as it may. */
function starts(limit: RateLimit, count: number, between: () => number = () => 0): readonly number[] {
  const pace = createPace(limit)
  const begun: number[] = []
  for (let now = 0; begun.length < count; now += between()) {
    now += pace.waitMs(now)
    pace.begin(now)
    begun.push(now)
  }
  return begun
}

test('requests begin at once until the limit is reached, and then when the oldest of them has left the window', () => {
  assert.deepEqual(starts({ requests: 3, perMs: 1_000 }, 7), [0, 0, 0, 1_000, 1_000, 1_000, 2_000])
})

test('no window of time ever holds more requests than the limit, whatever they are like', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const next = numbers(seed)
    const limit = { requests: 1 + next(5), perMs: 100 + next(1_000) }
    const begun = starts(limit, 200, () => next(limit.perMs))
    begun.forEach((at, i) => {
      const within = begun.slice(i).filter((other) => other < at + limit.perMs)
      assert.ok(within.length <= limit.requests, `seed ${seed}: ${within.length} from ${at}`)
    })
  }
})

test('pauses save nothing up', () => {
  const pace = createPace({ requests: 2, perMs: 1_000 })
  pace.begin(10_000)
  pace.begin(10_001)
  assert.equal(pace.waitMs(10_002), 998)
})

test('a limit that changes counts what began under the one before', () => {
  const pace = createPace({ requests: 5, perMs: 1_000 })
  for (const at of [0, 100, 200]) pace.begin(at)
  pace.limit({ requests: 2, perMs: 1_000 })
  assert.equal(pace.waitMs(300), 800)
  pace.limit(undefined)
  assert.equal(pace.waitMs(300), 0)
})
