import assert from 'node:assert/strict'
import test from 'node:test'
import { news } from './news.ts'
import { sleeping } from './testing/sleeping.ts'

const live = new AbortController().signal
const one = { events: 1, bytes: 100 }

function started() {
  const time = sleeping()
  time.passes = () => false
  return { time, of: news(time.sleep) }
}

test('rows that came before the wait are not missed', async () => {
  const { of } = started()
  of.arrived(one)
  assert.equal(await of.wait({ events: 1, bytes: 1 }, 1_000, live), true)
})

test('a wait for a batch ends when enough rows or enough bytes came', async () => {
  for (const need of [
    { events: 2, bytes: 1_000 },
    { events: 10, bytes: 200 },
  ]) {
    const { of } = started()
    let over = false
    const waiting = of.wait(need, 1_000, live).then((woken) => {
      over = true
      return woken
    })
    of.arrived(one)
    await new Promise(setImmediate)
    assert.equal(over, false)
    of.arrived(one)
    assert.equal(await waiting, true)
  }
})

test('a wait whose time is over says so', async () => {
  const { of, time } = started()
  const waiting = of.wait(one, 1_000, live)
  time.elapse()
  assert.equal(await waiting, false)
})

test('what was read is forgotten', async () => {
  const { of, time } = started()
  of.arrived(one)
  of.clear()
  const waiting = of.wait({ events: 1, bytes: 1 }, 1_000, live)
  time.elapse()
  assert.equal(await waiting, false)
})

test('a look ends a wait, also one that begins later', async () => {
  const { of } = started()
  of.look()
  assert.equal(await of.wait({ events: 5, bytes: 5 }, 1_000, live), true)
})

test('an abort ends a wait with its reason', async () => {
  const { of } = started()
  const stop = new AbortController()
  const waiting = of.wait(one, 1_000, stop.signal)
  stop.abort(new Error('stopped'))
  await assert.rejects(waiting, { message: 'stopped' })
})
