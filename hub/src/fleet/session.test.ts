import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { silentFleetMeter } from './meter.ts'
import { openSession } from './session.ts'
import { silentFleetTracer } from './tracer.ts'

test('a session whose peer is gone before its welcome ends like any other', async () => {
  const unused = async () => assert.fail('asked')
  const store = { append: unused, isDoubted: unused, readIndex: () => assert.fail('asked') }
  const channel = {
    send: () => Promise.reject(new Error('the connection is closed')),
    messages: { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) as const }) },
    close: () => {},
    closed: Promise.resolve(),
    [Symbol.asyncDispose]: async () => {},
  }
  const peer = { cluster: 'a', clusterUid: 'u', process: 1, version: 'v', plan: '', lastFrame: 0, generation: 'g' }
  const session = openSession(
    { store, log: silentLog, tracer: silentFleetTracer, meter: silentFleetMeter, now: Date.now, onStatus: () => {} },
    peer,
    channel,
    channel.messages[Symbol.asyncIterator](),
  )
  await session.run()
})
