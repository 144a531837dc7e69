/** Which couriers run while work goes on that none may see. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { EndpointConfig } from '../config/model.ts'
import type { Courier, Order } from './courier.ts'
import { createCouriers } from './couriers.ts'
import { endpointConfig } from './testing/rows.ts'
import { snapshotOf } from './testing/world.ts'

/** Couriers that do nothing but tell of their lives. The end of one waits for `letEnd`. */
function stage() {
  const lives: string[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const start = (order: Order, after: Promise<void> | undefined): Courier => {
    const number = ends.length + 1
    const end = Promise.withResolvers<void>()
    ends.push(end)
    lives.push(`${number} made with ${order.endpoint.timeoutMs}`)
    void (after ?? Promise.resolve()).then(() => lives.push(`${number} may begin`))
    return {
      configure: () => {},
      hold: () => {},
      arrived: () => {},
      lookForScans: () => {},
      report: () => ({
        ...{ phase: 'idle', since: 0, delivered: 0, failures: 0, inFlight: 0, frozen: 0, holds: [] },
        breaker: { state: 'closed', since: 0 },
        endpoint: order.endpoint,
      }),
      replay: async () => [],
      sending: () => new Map(),
      about: () => ({ pacedMs: 0 }),
      detail: () => ({ concurrency: 1, recent: { eventsPerSecond: 0, attempts: 0, failed: 0 }, parkedObjects: [] }),
      [Symbol.asyncDispose]: () => end.promise,
    }
  }
  const couriers = createCouriers({ start, log: silentLog })
  const follow = (...endpoints: readonly EndpointConfig[]) => couriers.follow(snapshotOf({ endpoints, watches: [] }))
  return { lives, couriers, follow, letEnd: (number: number) => ends[number - 1]?.resolve() }
}

/** Work that lasts until it is told to end. */
function work(lives: string[], name: string) {
  const over = Promise.withResolvers<string>()
  const run = () => {
    lives.push(`${name} begins`)
    return over.promise
  }
  return { run, end: () => over.resolve(name), fail: (error: Error) => over.reject(error) }
}

const settled = async () => {
  for (let i = 0; i < 5; i++) await setImmediate()
}
const dns = endpointConfig({ timeoutMs: 1 })

test('work apart begins when the courier has really ended, and the next courier when the work is over', async () => {
  const { lives, couriers, follow, letEnd } = stage()
  follow(dns)
  await settled()
  const job = work(lives, 'work')
  const done = couriers.apart('dns', job.run)
  await settled()
  assert.deepEqual(lives.splice(0), ['1 made with 1', '1 may begin'])
  letEnd(1)
  await settled()
  assert.deepEqual(lives.splice(0), ['work begins'])
  follow({ ...dns, timeoutMs: 2 })
  job.end()
  assert.equal(await done, 'work')
  await settled()
  assert.deepEqual(lives, ['2 made with 2', '2 may begin'])
})

test('an endpoint that a commit takes away and brings back meanwhile has one courier, which waits for the work', async () => {
  const { lives, couriers, follow, letEnd } = stage()
  follow(dns)
  letEnd(1)
  await settled()
  const job = work(lives, 'work')
  const done = couriers.apart('dns', job.run)
  await settled()
  follow()
  follow(dns)
  await settled()
  assert.deepEqual(lives.splice(0), ['1 made with 1', '1 may begin', 'work begins', '2 made with 1'])
  job.end()
  await done
  await settled()
  assert.deepEqual(lives, ['2 may begin'])
})

test('an endpoint that a commit takes away meanwhile gets no courier', async () => {
  const { lives, couriers, follow, letEnd } = stage()
  follow(dns)
  letEnd(1)
  const job = work(lives, 'work')
  const done = couriers.apart('dns', job.run)
  await settled()
  follow()
  job.end()
  await done
  await settled()
  assert.deepEqual(lives, ['1 made with 1', '1 may begin', 'work begins'])
  assert.deepEqual(couriers.all(), [])
})

test('works on one endpoint come one after the other, each with the courier of before ended; a failure holds up nothing', async () => {
  const { lives, couriers, follow, letEnd } = stage()
  follow(dns)
  letEnd(1)
  const [first, second] = [work(lives, 'first'), work(lives, 'second')]
  const failing = couriers.apart('dns', first.run)
  const following = couriers.apart('dns', second.run)
  await settled()
  assert.deepEqual(lives.splice(0), ['1 made with 1', '1 may begin', 'first begins'])
  first.fail(new Error('disk full'))
  await assert.rejects(failing, /disk full/)
  await settled()
  assert.deepEqual(lives.splice(0), ['2 made with 1', '2 may begin'])
  letEnd(2)
  await settled()
  assert.deepEqual(lives.splice(0), ['second begins'])
  second.end()
  assert.equal(await following, 'second')
})

test('the end of all waits for work that goes on', async () => {
  const { lives, couriers, follow, letEnd } = stage()
  follow(dns)
  letEnd(1)
  const job = work(lives, 'work')
  const done = couriers.apart('dns', job.run)
  await settled()
  let over = false
  const ended = couriers[Symbol.asyncDispose]().then(() => {
    over = true
  })
  await settled()
  assert.equal(over, false)
  job.end()
  await Promise.all([done, ended])
  assert.equal(lives.length, 3)
})
