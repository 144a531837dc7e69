import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newTrace } from '@watch-hub/shared/protocol/traceparent'
import { createSampling } from './sampling.ts'

const count = (times: number, sample: () => boolean) => Array.from({ length: times }, sample).filter(Boolean).length

test('by default every trace is recorded at the pace of people, and in a burst the first hundred of each second', () => {
  let now = 10_250
  const sampling = createSampling({ sampler: 'rate_limited' }, () => now)
  assert.equal(
    count(100, () => sampling.event(newTrace())),
    100,
  )
  assert.equal(
    count(5_000, () => sampling.event(newTrace())),
    0,
  )
  now = 11_000
  assert.equal(
    count(5_000, () => sampling.event(newTrace())),
    100,
  )
  for (let second = 12; second < 20; second++) {
    now = second * 1_000
    assert.equal(
      count(3, () => sampling.event(newTrace())),
      3,
    )
  }
})

test('how many a second is the argument of the sampler, none included', () => {
  const many = createSampling({ sampler: 'rate_limited', samplerArg: 7 }, () => 0)
  assert.equal(
    count(50, () => many.event(newTrace())),
    7,
  )
  const none = createSampling({ sampler: 'rate_limited', samplerArg: 0 }, () => 0)
  assert.equal(
    count(50, () => none.event(newTrace())),
    0,
  )
  assert.equal(none.byHand('a'.repeat(32)), true, 'a commit comes at the pace of people')
})

test('a ratio takes about its part of the traces, always the same ones', () => {
  const sampling = createSampling({ sampler: 'traceidratio', samplerArg: 0.25 }, () => 0)
  const traces = Array.from({ length: 8_000 }, () => newTrace())
  const taken = traces.filter((trace) => sampling.event(trace))
  assert.ok(Math.abs(taken.length - 2_000) < 300, `took ${taken.length} of 8000`)
  const again = createSampling({ sampler: 'parentbased_traceidratio', samplerArg: 0.25 }, () => 0)
  assert.deepEqual(
    traces.filter((trace) => again.event(trace)),
    taken,
  )
})

test('a sampler that goes by parents keeps what an agent had sampled; another one asks anew', () => {
  const sampled = newTrace(true)
  assert.equal(createSampling({ sampler: 'parentbased_always_off' }, () => 0).event(sampled), true)
  assert.equal(createSampling({ sampler: 'parentbased_always_off' }, () => 0).event(newTrace()), false)
  assert.equal(createSampling({ sampler: 'always_off' }, () => 0).event(sampled), false)
  assert.equal(createSampling({ sampler: 'always_on' }, () => 0).event(newTrace()), true)
})
