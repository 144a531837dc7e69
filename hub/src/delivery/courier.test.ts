/** One endpoint's way out, in front of a real store and real HTTP servers. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import type { EndpointConfig } from '../config/model.ts'
import { createEgress } from './egress.ts'
import { eventually } from './testing/eventually.ts'
import { payloadOf, told } from './testing/payload.ts'
import { type Receiver, startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'
import { clock, sleeping } from './testing/sleeping.ts'
import { startWorld, watchConfig } from './testing/world.ts'

const dns = (receiver: Receiver, parts: Partial<EndpointConfig> = {}) =>
  endpointConfig({ url: `${receiver.url}/hooks`, ...parts })
const batch = (maxObjects: number, maxWaitMs = 0, maxBytes = 1024 * 1024) => ({ maxObjects, maxWaitMs, maxBytes })
const objects = (...uids: readonly string[]) => uids.map((uid) => ({ uid }))

test('what happens in a cluster arrives, with its metadata', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({
    endpoints: [dns(receiver, { attach: { owner: 'netops' } })],
    watches: [watchConfig({ attach: { assetId: 'svc' } })],
    attach: { company: 'acme' },
  })
  world.deliver()
  await world.append([{ uid: 'a', body: '{"v":1}' }])
  await receiver.requests(1)
  const [request] = receiver.received
  assert.ok(request)
  const { id, metadata, items } = payloadOf(request)
  assert.equal(request.headers['webhook-id'], id)
  assert.deepEqual(metadata, { company: 'acme', owner: 'netops' })
  assert.deepEqual(
    items.map(({ type, watches, object }) => ({ type, watches, object })),
    [{ type: 'created', watches: ['services'], object: { v: 1 } }],
  )
  assert.match(
    request.body,
    /"cluster":\{"name":"prod-eu-1","uid":"prod-eu-1-uid","labels":\{"env":"prod"\},"metadata":\{"platform":"metal"\}\}/,
  )
})

test('a batch is on disk before its first attempt', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  let stored: readonly string[] = []
  receiver.otherwise(async (response) => {
    stored = (await world.store.endpoint('dns')).batches.map(({ id }) => id)
    response.writeHead(200).end()
  })
  world.deliver()
  await world.append(objects('a'))
  await receiver.requests(1)
  await eventually(() => stored.length > 0)
  assert.deepEqual(stored, [receiver.received[0]?.id])
})

test('a batch that fails is repeated with the same id and bytes, and nothing passes it', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  receiver.answer(500, (_response, request) => request.socket.destroy(), 404)
  world.deliver(clock())
  await world.append(objects('a'))
  await receiver.requests(1)
  await world.append(objects('b'))
  await receiver.requests(5)
  const [first, ...more] = receiver.received
  for (const again of more.slice(0, 3)) assert.deepEqual([again.id, again.body], [first?.id, first?.body])
  assert.deepEqual(receiver.received.slice(3).map(told), [['created a'], ['created b']])
})

test('a restart sends the frozen batch again with the same id and bytes, whatever was committed meanwhile', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  receiver.answer(503)
  const held = sleeping()
  held.passes = () => false
  const before = world.deliver({ sleep: held.sleep, now: held.now })
  const failed = held.next()
  await world.append(objects('a'))
  await failed
  await before[Symbol.asyncDispose]()
  await world.commit({ endpoints: [dns(receiver, { format: 'watch-proxy', attach: { owner: 'new' } })] })
  world.deliver()
  await world.append(objects('b'))
  await receiver.requests(3)
  const [first, again, next] = receiver.received
  assert.deepEqual([again?.id, again?.body], [first?.id, first?.body])
  assert.match(next?.body ?? '', /^\{"data":\[/)
})

test('an endpoint that is dead does not delay another', async () => {
  await using dead = await startReceiver()
  await using receiver = await startReceiver()
  await using world = await startWorld()
  dead.otherwise(() => {}) // never answers
  await world.commit({
    endpoints: [dns(dead, { name: 'dead' }), dns(receiver)],
    watches: [watchConfig({ endpoints: ['dead', 'dns'] })],
  })
  world.deliver({}, { graceMs: 1 })
  for (const uid of ['a', 'b', 'c']) await world.append(objects(uid))
  await eventually(() => receiver.received.flatMap(told).length === 3)
  assert.equal(dead.received.length, 1)
})

test('a batch leaves when it is full', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver, { batch: batch(2, 600_000) })] })
  world.deliver()
  await world.append(objects('a', 'b', 'c', 'd', 'e'))
  await receiver.requests(2)
  assert.deepEqual(receiver.received.map(told), [
    ['created a', 'created b'],
    ['created c', 'created d'],
  ])
  await world.append(objects('f'))
  await receiver.requests(3)
  assert.deepEqual(receiver.received.slice(2).map(told), [['created e', 'created f']])
})

test('a batch leaves when its bytes are full', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const body = (name: string) => JSON.stringify({ name, text: 'x'.repeat(400) })
  await world.commit({ endpoints: [dns(receiver, { batch: batch(100, 600_000, 1_000) })] })
  world.deliver()
  await world.append(['a', 'b', 'c'].map((uid) => ({ uid, body: body(uid) })))
  await receiver.requests(1)
  assert.deepEqual(receiver.received.map(told), [['created a', 'created b']])
})

test('a batch that is not full leaves after maxWait', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const time = sleeping()
  time.passes = () => false
  await world.commit({ endpoints: [dns(receiver, { batch: batch(10, 5_000) })] })
  world.deliver({ sleep: time.sleep, now: time.now })
  const waits = time.next()
  await world.append(objects('a'))
  const ms = await waits
  assert.ok(ms > 0 && ms <= 5_000, `waits ${ms} ms`)
  await world.append(objects('b'))
  assert.equal(receiver.received.length, 0)
  time.elapse()
  await receiver.requests(1)
  assert.deepEqual(receiver.received.map(told), [['created a', 'created b']])
})

test('history latest sends what waited in its newest state, history every sends each change', async () => {
  for (const history of ['latest', 'every'] as const) {
    await using receiver = await startReceiver()
    await using world = await startWorld()
    await world.commit({ endpoints: [dns(receiver, { history })] })
    await world.store.setPaused('dns', { since: 1, by: 'test' })
    const delivery = world.deliver()
    for (const v of [1, 2, 3])
      await world.append([
        { uid: 'a', body: `{"v":${v}}` },
        { uid: 'b', body: `{"v":${v}}` },
      ])
    await world.append([{ uid: 'b', gone: true }])
    await eventually(() => delivery.resume('dns'))
    await receiver.requests(1)
    const expected =
      history === 'latest'
        ? ['created a']
        : ['created a', 'created b', 'updated a', 'updated b', 'updated a', 'updated b', 'deleted b']
    assert.deepEqual(receiver.received.flatMap(told), expected)
    const [request] = receiver.received
    if (history === 'latest') assert.deepEqual(request && payloadOf(request).items[0]?.object, { v: 3 })
  }
})

test('a pause holds everything, is seen, survives a restart and ends with resume', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  const before = world.deliver()
  await eventually(() => before.pause('dns', { by: 'ann' }))
  assert.equal(await before.pause('nobody', { by: 'ann' }), false)
  await world.append(objects('a'))
  await before[Symbol.asyncDispose]()
  const delivery = world.deliver()
  await eventually(async () => (await delivery.status())[0]?.phase === 'paused')
  const [status] = await delivery.status()
  assert.equal(status?.reason, 'paused by ann')
  assert.equal(status?.backlog, 1)
  assert.equal(receiver.received.length, 0)
  assert.equal(await delivery.resume('dns'), true)
  await receiver.requests(1)
  assert.deepEqual(receiver.received.map(told), [['created a']])
})

test('a missing secret blocks its endpoint alone, visibly, and heals when it appears', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const auth = { kind: 'bearer', token: { secret: 'dns/token' } } as const
  await world.commit({
    endpoints: [dns(receiver, { auth }), dns(receiver, { name: 'open', url: `${receiver.url}/open` })],
    watches: [watchConfig({ endpoints: ['dns', 'open'] })],
  })
  const delivery = world.deliver()
  await world.append(objects('a'))
  await receiver.requests(1)
  assert.equal(receiver.received[0]?.path, '/open')
  await eventually(async () => (await delivery.status())[0]?.phase === 'blocked')
  assert.match((await delivery.status())[0]?.reason ?? '', /secret file dns\/token below the secrets folder/)
  await mkdir(join(world.secretsFolder, 'dns'), { recursive: true })
  await writeFile(join(world.secretsFolder, 'dns', 'token'), 't0ken\n')
  await receiver.requests(2)
  assert.equal(receiver.received[1]?.headers.authorization, 'Bearer t0ken')
})

test('a secret that the receiver echoes is not shown', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await mkdir(world.secretsFolder, { recursive: true })
  await writeFile(join(world.secretsFolder, 'token'), 't0ken')
  await world.commit({ endpoints: [dns(receiver, { auth: { kind: 'bearer', token: { secret: 'token' } } })] })
  receiver.otherwise((response, request) => response.writeHead(401).end(`bad ${request.headers.authorization}`))
  const time = sleeping()
  time.passes = () => false
  const delivery = world.deliver({ sleep: time.sleep, now: time.now })
  const failed = time.next()
  await world.append(objects('a'))
  await failed
  const [status] = await delivery.status()
  assert.equal(status?.phase, 'retrying')
  assert.equal(status?.reason, 'answered 401: bad Bearer ***')
  assert.equal(status?.failures, 1)
})

test('a wait is at least as long as the receiver asked', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  const { sleep, now } = clock()
  const times: number[] = []
  receiver.answer((response) => {
    times.push(now())
    response.writeHead(429, { 'retry-after': '7' }).end()
  })
  receiver.otherwise((response) => {
    times.push(now())
    response.writeHead(200).end()
  })
  world.deliver({ sleep, now })
  await world.append(objects('a'))
  await receiver.requests(2)
  const [first = 0, second = 0] = times
  assert.ok(second - first >= 7_000, `waited ${second - first} ms`)
})

test('an address that is not open blocks the endpoint with its reason', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  const time = sleeping()
  time.passes = () => false
  const delivery = world.deliver({ egress: createEgress([]), sleep: time.sleep, now: time.now })
  const failed = time.next()
  await world.append(objects('a'))
  await failed
  const [status] = await delivery.status()
  assert.equal(status?.phase, 'blocked')
  assert.match(status?.reason ?? '', /127\.0\.0\.1 is a loopback address/)
  assert.equal(receiver.received.length, 0)
})

test('a new url is tried at once, with the batch that waited', async () => {
  await using old = await startReceiver()
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(old)] })
  old.otherwise(500)
  const time = sleeping()
  time.passes = () => false
  world.deliver({ sleep: time.sleep, now: time.now })
  const failed = time.next()
  await world.append(objects('a'))
  await failed
  await world.commit({ endpoints: [dns(receiver)] })
  await receiver.requests(1)
  assert.equal(receiver.received[0]?.id, old.received[0]?.id)
  assert.equal(receiver.received[0]?.body, old.received[0]?.body)
})

test('a fence that a commit narrows holds for what is frozen: the batch is made anew without what is outside', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver, { batch: batch(2) })] })
  receiver.answer(500)
  const time = sleeping()
  time.passes = () => false
  world.deliver({ sleep: time.sleep, now: time.now })
  const failed = time.next()
  await world.append([
    { uid: 'a', namespace: 'team-a' },
    { uid: 'b', namespace: 'secret' },
    { uid: 'c', namespace: 'secret' },
    { uid: 'd', namespace: 'secret' },
    { uid: 'e', namespace: 'team-e' },
  ])
  await failed
  await world.commit({ endpoints: [dns(receiver, { batch: batch(2), allow: { namespaces: ['team-*'] } })] })
  await receiver.requests(3)
  assert.deepEqual(receiver.received.map(told), [['created a', 'created b'], ['created a'], ['created e']])
  assert.notEqual(receiver.received[1]?.id, receiver.received[0]?.id)
})

test('a batch that was made anew keeps its place over a restart', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const every = { history: 'every', batch: batch(2) } as const
  await world.commit({ endpoints: [dns(receiver, every)] })
  receiver.otherwise(500)
  const time = sleeping()
  time.passes = () => false
  const before = world.deliver({ sleep: time.sleep, now: time.now })
  await world.append([
    { uid: 'a' },
    { uid: 'b', namespace: 'secret' },
    { uid: 'a', body: '{"v":2}' },
    { uid: 'a', body: '{"v":3}' },
  ])
  await eventually(async () => (await before.status())[0]?.failures === 1)
  await world.commit({ endpoints: [dns(receiver, { ...every, allow: { namespaces: ['web'] } })] })
  await eventually(async () => (await before.status())[0]?.failures === 2)
  await before[Symbol.asyncDispose]()
  receiver.otherwise(200)
  world.deliver()
  await receiver.requests(4)
  assert.deepEqual(receiver.received.slice(2).map(told), [['created a'], ['updated a', 'updated a']])
})

test('an endpoint that comes back goes on where it was', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  const delivery = world.deliver()
  await world.append(objects('a'))
  await receiver.requests(1)
  await world.commit({ endpoints: [], watches: [watchConfig({ endpoints: [] })] })
  await eventually(async () => (await delivery.status()).length === 0)
  await world.append(objects('b'))
  await world.commit({ endpoints: [dns(receiver)] })
  await world.append(objects('c'))
  await eventually(() => receiver.received.flatMap(told).includes('created c'))
  assert.equal(receiver.received.flatMap(told).filter((each) => each === 'created a').length, 1)
})

test('while everything that is frozen keeps failing, what waits in the log has its turn, and the evidence it gives', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const taken: string[] = []
  receiver.otherwise((response) => {
    const body = receiver.received.at(-1)?.body ?? ''
    const isPoison = /"name":"(p|q)"/.test(body)
    if (!isPoison) taken.push(body)
    response.writeHead(isPoison ? 500 : 200).end()
  })
  await world.commit({ endpoints: [dns(receiver, { concurrency: 2, batch: batch(1) })] })
  const delivery = world.deliver({ ...clock(), random: () => 0 })
  await world.append(objects('p', 'q'))
  await eventually(async () => (await delivery.detail('dns'))?.breaker.state !== 'closed')
  await world.append(objects('fine'))
  await eventually(() => taken.length > 0)
  await eventually(async () => (await delivery.detail('dns'))?.parkedObjects.length === 2)
})

test('an attempt under way when the hub stops may end, and is not repeated', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  let finish = () => {}
  receiver.answer((response) => {
    finish = () => response.writeHead(200).end()
  })
  const before = world.deliver()
  await world.append(objects('a'))
  await receiver.requests(1)
  const stopped = before[Symbol.asyncDispose]()
  finish()
  await stopped
  assert.deepEqual((await world.store.endpoint('dns')).batches, [])
  world.deliver()
  await world.append(objects('b'))
  await receiver.requests(2)
  assert.deepEqual(receiver.received.map(told), [['created a'], ['created b']])
})

test('an attempt that outlasts the grace is given up and repeated after the restart', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  receiver.answer(() => {})
  const before = world.deliver({}, { graceMs: 1 })
  await world.append(objects('a'))
  await receiver.requests(1)
  await before[Symbol.asyncDispose]()
  world.deliver()
  await receiver.requests(2)
  assert.equal(receiver.received[1]?.id, receiver.received[0]?.id)
})

test('nothing waits in the figures once everything is accepted', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver, { batch: batch(2) })] })
  const delivery = world.deliver()
  await world.append(objects('a', 'b', 'c'))
  await eventually(async () => (await delivery.status())[0]?.backlog === 0)
  const [status] = await delivery.status()
  assert.equal(status?.delivered, 3)
  assert.equal(status?.oldestMs, undefined)
  assert.deepEqual((await world.store.endpoint('dns')).batches, [])
})

test('format watch-proxy has one cluster per request', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const clusters = ['prod-eu-1', 'prod-us-1']
  await world.commit({
    endpoints: [dns(receiver, { format: 'watch-proxy', batch: batch(10) })],
    watches: [watchConfig({ clusters })],
    clusters,
  })
  await world.store.setPaused('dns', { since: 1, by: 'test' })
  const delivery = world.deliver()
  for (const uid of ['a', 'b']) for (const cluster of clusters) await world.append(objects(uid), cluster)
  await eventually(() => delivery.resume('dns'))
  await receiver.requests(2)
  const ids = receiver.received.map(({ body }) => [...body.matchAll(/"uniqueId":"([^"]+)"/g)].map(([, id]) => id))
  assert.deepEqual(ids, [
    ['prod-eu-1-a', 'prod-eu-1-b'],
    ['prod-us-1-a', 'prod-us-1-b'],
  ])
})

test('a courier that fails unexpectedly begins anew, is seen, and repeats nothing that was accepted', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver)] })
  let failing = false
  const { store } = world
  const brittle = {
    ...store,
    freeze: (step: Parameters<typeof store.freeze>[0]) => (failing ? Promise.reject(new Error('disk full')) : store.freeze(step)),
  }
  const time = sleeping()
  const delivery = world.deliver({ store: brittle, sleep: time.sleep, now: time.now })
  receiver.answer((response) => {
    failing = true
    response.writeHead(200).end()
  })
  await world.append(objects('a'))
  await eventually(async () => (await delivery.status())[0]?.reason === 'disk full')
  failing = false
  await world.append(objects('b'))
  await receiver.requests(2)
  assert.deepEqual(receiver.received.map(told), [['created a'], ['created b']])
})

test('the way out can be stopped at any moment', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver, { batch: batch(1) })] })
  for (let i = 0; i < 20; i++) {
    const delivery = world.deliver({}, { graceMs: 1 })
    await world.append(objects(`o${i}`))
    for (let turns = 0; turns < i; turns++) await new Promise(setImmediate)
    await delivery[Symbol.asyncDispose]()
    await delivery[Symbol.asyncDispose]()
    await delivery.done
  }
  world.deliver()
  await eventually(async () => (await world.store.stats()).endpoints[0]?.events === 0)
  const uids = new Set(receiver.received.flatMap(told))
  assert.equal(uids.size, 20)
})

test('requests that may begin at the same time share the pace of their endpoint', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const limited = { batch: batch(1), concurrency: 4, rateLimit: { requests: 2, perMs: 60_000 } }
  await world.commit({ endpoints: [dns(receiver, limited)] })
  const delivery = world.deliver({ sleep: sleeping().sleep })
  await world.append(objects('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'))
  await eventually(async () => {
    const [status] = await delivery.status()
    return status?.delivered === 2 && status.inFlight === 4
  })
  assert.equal(receiver.received.length, 2)
})
