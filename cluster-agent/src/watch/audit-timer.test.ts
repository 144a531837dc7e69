import assert from 'node:assert/strict'
import { mock, suite, test } from 'node:test'
import { auditTimer } from './audit-timer.ts'

function setUp() {
  mock.timers.enable({ apis: ['setTimeout'] })
  let closed = 0
  const timer = auditTimer({ dueInMs: 1_000, quietMs: 100, patienceMs: 5_000, close: () => closed++ })
  return {
    timer,
    after: (ms: number) => {
      mock.timers.tick(ms)
      return closed
    },
    [Symbol.dispose]: () => mock.timers.reset(),
  }
}

suite('an audit timer', () => {
  test('closes a quiet watch once, a moment after the audit is due', () => {
    using world = setUp()
    world.after(1_000)
    assert.equal(world.after(99), 0)
    assert.equal(world.after(1), 1)
    assert.equal(world.after(60_000), 1)
  })

  test('waits for a moment without events', () => {
    using world = setUp()
    world.after(1_000)
    for (let i = 0; i < 10; i++) {
      assert.equal(world.after(99), 0)
      world.timer.busy()
      world.timer.idle()
    }
    assert.equal(world.after(100), 1)
  })

  test('does not close a watch whose event is being taken', () => {
    using world = setUp()
    world.after(900)
    world.timer.busy()
    assert.equal(world.after(4_000), 0)
    world.timer.idle()
    assert.equal(world.after(100), 1)
  })

  test('does not wait for ever', () => {
    using world = setUp()
    world.after(1_000)
    for (let i = 0; i < 51; i++) {
      world.timer.busy()
      assert.equal(world.after(99), 0)
      world.timer.idle()
    }
    world.timer.busy()
    world.timer.idle()
    assert.equal(world.after(0), 1)
  })

  test('that was disposed closes nothing', () => {
    using world = setUp()
    world.after(1_050)
    world.timer[Symbol.dispose]()
    assert.equal(world.after(10_000), 0)
  })
})
