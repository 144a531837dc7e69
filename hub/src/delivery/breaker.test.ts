import assert from 'node:assert/strict'
import test from 'node:test'
import { type BreakerFailure, createBreaker } from './breaker.ts'

const failure = (parts: Partial<BreakerFailure> = {}): BreakerFailure => ({
  probe: false,
  atOnce: false,
  reason: 'answered 500',
  ...parts,
})
const unavailable = failure({ atOnce: true, reason: 'answered 503' })
/** Jitter takes the longest wait. */
const breaker = () => createBreaker({ random: () => 1, now: 0 })

test('a breaker opens after five failures in a row', () => {
  const it = breaker()
  for (let n = 1; n <= 4; n++) it.failed(failure(), n)
  assert.equal(it.admits(5), 'any')
  it.failed(failure(), 5)
  assert.equal(it.admits(6), 'none')
  assert.deepEqual(it.view(6), { state: 'open', since: 5, reason: 'answered 500', nextProbeAt: 1_005 })
})

test('an answer between failures begins the count anew', () => {
  const it = breaker()
  for (let n = 1; n <= 8; n++) {
    it.failed(failure(), n)
    if (n === 4) it.answered(false, n)
  }
  assert.equal(it.admits(9), 'any')
})

test('an answer that says that nothing can be taken now opens it at once', () => {
  const it = breaker()
  it.failed(unavailable, 0)
  assert.equal(it.admits(1), 'none')
  assert.equal(it.nextAt(1), 1_000)
})

test('when its time has come one probe goes, and an answer to it closes the breaker', () => {
  const it = breaker()
  it.failed(unavailable, 0)
  assert.equal(it.admits(1_000), 'probe')
  assert.equal(it.view(1_000).state, 'half-open')
  it.probing()
  assert.equal(it.admits(1_001), 'none')
  it.answered(true, 1_100)
  assert.equal(it.admits(1_100), 'any')
  assert.deepEqual(it.view(1_100), { state: 'closed', since: 1_100 })
})

test('a probe that fails opens it for longer, up to five minutes', () => {
  const it = breaker()
  it.failed(unavailable, 0)
  const waits: number[] = []
  for (let at = 0, n = 0; n < 10; n++) {
    at = it.nextAt(at) ?? Number.NaN
    it.probing()
    it.failed({ ...unavailable, probe: true }, at)
    waits.push((it.nextAt(at) ?? Number.NaN) - at)
  }
  assert.deepEqual(waits.slice(0, 3), [2_000, 4_000, 8_000])
  assert.equal(waits.at(-1), 300_000)
  assert.equal(it.view(0).since, 0)
})

test('a probe that came back untried may go again', () => {
  const it = breaker()
  it.failed(unavailable, 0)
  it.probing()
  it.unprobed()
  assert.equal(it.admits(1_000), 'probe')
})

test('it stays open at least as long as the endpoint asked', () => {
  const it = breaker()
  it.failed({ ...unavailable, afterMs: 60_000 }, 0)
  assert.equal(it.nextAt(1), 60_000)
  it.failed(failure({ afterMs: 90_000 }), 10)
  assert.equal(it.nextAt(11), 90_010)
})

test('what began before it opened neither closes it nor makes it wait longer', () => {
  const it = breaker()
  it.failed(unavailable, 0)
  it.failed(unavailable, 10)
  it.answered(false, 20)
  assert.equal(it.admits(999), 'none')
  assert.equal(it.admits(1_000), 'probe')
})

test("the hub's own trouble makes everything wait, and is not the endpoint's failure", () => {
  const it = breaker()
  for (let at = 0, n = 0; n < 10; n++) at += it.ownTrouble(false, at)
  it.answered(false, 1e9)
  assert.equal(it.ownTrouble(false, 2e9), 1_000)
  assert.equal(it.admits(2e9), 'none')
  assert.equal(it.nextAt(2e9), 2e9 + 1_000)
  assert.equal(it.admits(2e9 + 1_000), 'any')
  assert.equal(it.view(2e9).state, 'closed')
})

test('several requests that meet one trouble of the hub wait once', () => {
  const it = breaker()
  assert.deepEqual([it.ownTrouble(false, 0), it.ownTrouble(false, 100)], [1_000, 900])
})

test('what may be mended is tried at once', () => {
  const it = breaker()
  it.failed({ ...unavailable, afterMs: 60_000 }, 0)
  it.retry(5)
  assert.equal(it.admits(5), 'probe')
})
