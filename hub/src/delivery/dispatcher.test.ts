/** Which couriers run, and what is said about them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { type DeliveryMeter, silentMeter } from './meter.ts'
import { eventually } from './testing/eventually.ts'
import { told } from './testing/payload.ts'
import { type Answer, startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'
import { clock, sleeping } from './testing/sleeping.ts'
import { startWorld, watchConfig } from './testing/world.ts'

test('an endpoint that a commit does not change is not touched', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url })
  await world.commit({ endpoints: [dns] })
  receiver.otherwise(500)
  const time = sleeping()
  time.passes = () => false
  const delivery = world.deliver({ sleep: time.sleep, now: time.now })
  const failed = time.next()
  await world.append([{ uid: 'a' }])
  await failed
  const moved = { ...dns, at: { ...dns.at, line: 99 } }
  await world.commit({ endpoints: [moved, endpointConfig({ name: 'other', url: receiver.url })] })
  await eventually(async () => (await delivery.status()).length === 2)
  assert.equal(receiver.received.length, 1)
  const [status] = await delivery.status()
  assert.equal(status?.phase, 'retrying')
  assert.equal(status?.failures, 1)
})

test('metadata of Settings is part of what an endpoint is told', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url })
  await world.commit({ endpoints: [dns] })
  world.deliver()
  await world.append([{ uid: 'a' }])
  await receiver.requests(1)
  await world.commit({ endpoints: [dns], attach: { company: 'acme' } })
  await world.append([{ uid: 'b' }])
  await receiver.requests(2)
  assert.match(receiver.received[1]?.body ?? '', /"metadata":\{"company":"acme"\},"items"/)
})

/** Of an endpoint that is well. */
const health = {
  breaker: { state: 'closed', since: 5_000 },
  inFlight: 0,
  frozen: 0,
  parked: { objects: 0, bytes: 0 },
  deadLetters: { count: 0, bytes: 0, limit: 256 * 1024 ** 2 },
  holds: [],
}

test('status names every endpoint with what may be shown of it', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({
    endpoints: [
      endpointConfig({ url: `${receiver.url}/hooks?key=secret` }),
      endpointConfig({ name: 'cmdb', url: receiver.url, format: 'watch-proxy', paused: true }),
    ],
    watches: [watchConfig({ endpoints: ['dns', 'cmdb'] })],
  })
  const delivery = world.deliver({ now: () => 5_000 })
  await world.append([{ uid: 'a' }, { uid: 'b' }])
  await receiver.requests(1)
  await eventually(async () => (await delivery.status())[1]?.backlog === 0)
  const [cmdb, dns] = await delivery.status()
  assert.deepEqual(
    { ...cmdb, oldestMs: undefined },
    {
      name: 'cmdb',
      url: `${receiver.url}/`,
      format: 'watch-proxy',
      phase: 'paused',
      reason: 'paused in Git',
      since: 5_000,
      delivered: 0,
      failures: 0,
      backlog: 2,
      skipped: 0,
      oldestMs: undefined,
      scans: [],
      ...health,
      holds: [{ cause: 'git', since: 5_000, by: 'endpoints/dns.yaml:1' }],
    },
  )
  assert.deepEqual(dns, {
    name: 'dns',
    url: `${receiver.url}/hooks`,
    format: 'watch-hub',
    phase: 'idle',
    since: 5_000,
    delivered: 2,
    failures: 0,
    lastDeliveredAt: 5_000,
    backlog: 0,
    skipped: 0,
    scans: [],
    ...health,
  })
})

test('each attempt and each delivery is counted', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [endpointConfig({ url: receiver.url })] })
  await world.store.setPaused('dns', { since: 1, by: 'test' })
  const attempts: string[] = []
  const delivered: number[] = []
  let compacted = 0
  const requests: unknown[] = []
  const news: string[] = []
  const meter: DeliveryMeter = {
    ...silentMeter,
    attempt: ({ endpoint, outcome, events }) => void attempts.push(`${endpoint} ${outcome} ${events}`),
    request: ({ host, status, error }) => void requests.push([host, status, error]),
    delivered: ({ events }) => void delivered.push(events),
    told: ({ endpoint, observedMs }) => void news.push(`${endpoint} ${observedMs > 0}`),
    compacted: ({ rows }: { rows: number }) => {
      compacted += rows
    },
  }
  const hangUp: Answer = (_response, request) => request.socket.destroy()
  receiver.answer(503, hangUp, hangUp) // the first one alone is repeated at once
  const delivery = world.deliver({ meter, ...clock() })
  await world.append([{ uid: 'a' }, { uid: 'b' }])
  await world.append([{ uid: 'b', body: '{"v":2}' }])
  await eventually(() => delivery.resume('dns'))
  await eventually(() => delivered.length === 1)
  assert.deepEqual(attempts, ['dns http_5xx 2', 'dns connection_reset 2', 'dns accepted 2'])
  assert.deepEqual(delivered, [2])
  assert.deepEqual(news, ['dns true', 'dns true'])
  assert.deepEqual(requests, [
    ['127.0.0.1', 503, '503'],
    ['127.0.0.1', undefined, 'connection_reset'],
    ['127.0.0.1', undefined, 'connection_reset'],
    ['127.0.0.1', 200, undefined],
  ])
  assert.equal(compacted, 1)
})

test('an endpoint that is gone and comes back at once never has two couriers', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url, batch: { maxObjects: 1, maxBytes: 1_000, maxWaitMs: 0 } })
  let inFlight = 0
  let most = 0
  receiver.otherwise((response) => {
    most = Math.max(most, ++inFlight)
    setImmediate(() => {
      inFlight--
      response.writeHead(200).end()
    })
  })
  await world.commit({ endpoints: [dns] })
  world.deliver()
  for (let i = 0; i < 10; i++) {
    await world.append([{ uid: `o${i}` }])
    await world.commit({ endpoints: [] })
    await world.commit({ endpoints: [dns] })
  }
  await eventually(() => new Set(receiver.received.flatMap(told).map((text) => text.split(' ').at(-1))).size === 10)
  assert.equal(most, 1)
})
