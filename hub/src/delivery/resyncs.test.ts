/** Telling an endpoint again what there is: by command, on a timer, with markers, and instead of a backlog. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { startResyncs } from './resyncs.ts'
import { eventually } from './testing/eventually.ts'
import { type Received, startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'
import { sleeping } from './testing/sleeping.ts'
import { snapshotOf, startWorld, watchConfig } from './testing/world.ts'

const uids = (count: number) => Array.from({ length: count }, (_, i) => `o${String(i).padStart(4, '0')}`)
const batch = (maxObjects: number) => ({ maxObjects, maxBytes: 1_000_000, maxWaitMs: 0 })

/** Items of any type. */
const itemsOf = ({ body }: Received): readonly Readonly<Record<string, unknown>>[] => {
  const payload: unknown = JSON.parse(body)
  return isRecord(payload) && Array.isArray(payload.items) ? payload.items.filter(isRecord) : []
}

const uidOf = ({ resource }: Readonly<Record<string, unknown>>) => (isRecord(resource) ? resource.uid : undefined)
/** `updated (resync) o0000`, `synced` */
const told = (request: Received): readonly string[] =>
  itemsOf(request).map((item) =>
    [
      item.type,
      ...(item.reason === undefined ? [] : [`(${item.reason})`]),
      ...(uidOf(item) === undefined ? [] : [uidOf(item)]),
    ].join(' '),
  )

test('a resync sends everything once more, without anything that happens in a cluster', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [endpointConfig({ url: receiver.url, batch: batch(2) })] })
  const delivery = world.deliver()
  await world.append([...uids(3).map((uid) => ({ uid })), { uid: '', synced: true }])
  await receiver.requests(2)
  assert.deepEqual(await delivery.resync('dns', { watch: 'services' }), { begun: 1, running: 0, dropped: 0 })
  await receiver.requests(4)
  assert.deepEqual(receiver.received.slice(2).map(told), [
    ['updated (resync) o0000', 'updated (resync) o0001'],
    ['updated (resync) o0002'],
  ])
  assert.equal(await delivery.resync('elsewhere', {}), undefined)
  assert.equal(await delivery.resync('elsewhere', { dropBacklog: true }), undefined)
})

test('a marker closes each scan, behind its items, and is the same after a failure and a restart', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url, batch: batch(2), markers: true })
  await world.commit({ endpoints: [dns], watches: [watchConfig({ attach: { assetId: 'svc' } })] })
  await using first = world.deliver()
  await world.append([...uids(3).map((uid) => ({ uid })), { uid: '', synced: true }])
  await receiver.requests(3)
  assert.deepEqual(receiver.received.map(told), [['created o0000', 'created o0001'], ['created o0002'], ['synced']])
  await first[Symbol.asyncDispose]()
  receiver.answer(200, 503)
  const time = sleeping()
  time.passes = () => false
  const failing = world.deliver({ sleep: time.sleep, now: time.now })
  await eventually(async () => (await failing.status()).length === 1)
  const failed = time.next()
  await failing.resync('dns', {})
  await failed
  await failing[Symbol.asyncDispose]()
  world.deliver()
  await receiver.requests(6)
  assert.deepEqual(receiver.received.slice(3).map(told), [
    ['updated (resync) o0000', 'updated (resync) o0001'],
    ['updated (resync) o0002', 'synced'],
    ['updated (resync) o0002', 'synced'],
  ])
  assert.equal(receiver.received[4]?.body, receiver.received[5]?.body)
  const marker = itemsOf(receiver.received[5] ?? { id: '', path: '', headers: {}, body: '{}' })[1] ?? {}
  const { sequence, since, time: at, scan, id, cluster, ...rest } = marker
  const common = { type: 'synced', watches: ['services'], metadata: { assetId: 'svc' }, count: 3 }
  assert.deepEqual([rest, id], [common, `${scan}-synced`])
  assert.ok(isRecord(cluster) && cluster.uid === 'prod-eu-1-uid')
  assert.match(`${sequence} ${since} ${at}`, /^\d{20} \d{20} \d{4}-.*Z$/)
  const ids = receiver.received.slice(3, 5).flatMap(itemsOf)
  assert.ok(ids.every((item) => String(item.id).startsWith(`${scan}-`)))
  assert.ok(ids.slice(0, 3).every((item) => String(item.sequence) < String(since)))
})

test('a marker goes out though a fence lets no item of its scan pass, without a count', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url, markers: true, allow: { namespaces: ['nowhere'] } })
  await world.commit({ endpoints: [dns] })
  const delivery = world.deliver()
  await world.append([{ uid: 'a' }, { uid: '', synced: true }])
  await receiver.requests(1)
  await delivery.resync('dns', {})
  await receiver.requests(2)
  assert.deepEqual(receiver.received.map(told), [['synced'], ['synced']])
  assert.ok(receiver.received.flatMap(itemsOf).every((item) => !('count' in item)))
})

test('a fence that a commit narrows does not take the marker along', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url, markers: true })
  await world.commit({ endpoints: [dns] })
  const time = sleeping()
  time.passes = () => false
  const delivery = world.deliver({ sleep: time.sleep, now: time.now })
  await world.append([{ uid: 'a' }, { uid: '', synced: true }])
  await receiver.requests(2)
  receiver.answer(500)
  const failed = time.next()
  await delivery.resync('dns', {})
  await failed
  await world.commit({ endpoints: [{ ...dns, allow: { namespaces: ['nowhere'] } }] })
  await receiver.requests(4)
  assert.deepEqual(receiver.received.slice(2).map(told), [['updated (resync) a', 'synced'], ['synced']])
})

test('a resync never goes behind what was sent before it, and never brings back what was deleted', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [endpointConfig({ url: receiver.url, batch: batch(50), markers: true })] })
  const all = uids(3_000)
  await world.append([...all.map((uid) => ({ uid, body: '{"v":0}' })), { uid: '', synced: true }])
  const delivery = world.deliver()
  const quiet = async () => {
    const [status] = await delivery.status()
    return status?.backlog === 0 && status.scans.length === 0
  }
  await eventually(async () => (await quiet()) && receiver.received.length > 1)
  const gone = new Set<string>()
  for (let v = 1; v <= 60; v++) {
    if (v % 10 === 1) await delivery.resync('dns', {})
    const touched = all.filter((uid, i) => (i + v) % 97 === 0 && !gone.has(uid))
    const dying = touched.slice(0, 2)
    for (const uid of dying) gone.add(uid)
    await world.append([
      ...touched.slice(2).map((uid) => ({ uid, body: `{"v":${v}}` })),
      ...dying.map((uid) => ({ uid, gone: true })),
    ])
  }
  await eventually(quiet)
  const last = new Map<unknown, { readonly sequence: string; readonly type: unknown }>()
  const items = receiver.received.flatMap(itemsOf).filter(({ type }) => type !== 'synced')
  for (const item of items) {
    const before = last.get(uidOf(item))
    const sequence = String(item.sequence)
    assert.ok(before === undefined || before.sequence <= sequence, `${uidOf(item)} went from ${before?.sequence} to ${sequence}`)
    assert.notEqual(before?.type, 'deleted', `${uidOf(item)} came back`)
    last.set(uidOf(item), { sequence, type: item.type })
  }
  assert.ok(items.some(({ reason }) => reason === 'resync'))
  assert.equal([...last.values()].filter(({ type }) => type !== 'deleted').length, all.length - gone.size)
})

test('a dropped backlog: deletions arrive, old versions do not, the present state does', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url, batch: batch(10), history: 'every' })
  await world.commit({ endpoints: [dns] })
  const time = sleeping()
  time.passes = () => false
  const delivery = world.deliver({ sleep: time.sleep, now: time.now }, { graceMs: 1 })
  await world.append([...uids(3).map((uid) => ({ uid, body: '{"v":0}' })), { uid: '', synced: true }])
  await receiver.requests(1)
  await eventually(async () => (await delivery.status())[0]?.backlog === 0)
  receiver.otherwise(500)
  const failed = time.next()
  await world.append([
    { uid: 'o0000', body: '{"v":1}' },
    { uid: 'o0001', gone: true },
  ])
  await failed
  for (let v = 2; v < 6; v++) await world.append([{ uid: 'o0000', body: `{"v":${v}}` }])
  await world.append([{ uid: 'o0002', gone: true }])
  const attempts = receiver.received.length
  receiver.otherwise(200)
  assert.deepEqual(await delivery.resync('dns', { dropBacklog: true }), { begun: 1, running: 0, dropped: 5 })
  await receiver.requests(attempts + 3)
  const after = receiver.received.slice(attempts)
  assert.deepEqual(after.map(told), [['deleted o0001'], ['deleted o0002'], ['updated (resync) o0000']])
  assert.deepEqual(itemsOf(after[2] ?? { id: '', path: '', headers: {}, body: '{}' })[0]?.object, { v: 5 })
  await world.append([{ uid: 'o0003' }])
  await receiver.requests(attempts + 4)
  assert.equal((await delivery.status())[0]?.phase === 'blocked', false)
})

test('while a backlog is dropped, commits and stops are taken in, and never make two couriers', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: receiver.url, batch: batch(1) })
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
  const delivery = world.deliver()
  await eventually(async () => (await delivery.status()).length === 1)
  for (let i = 0; i < 10; i++) {
    await world.append([{ uid: `o${i}` }])
    const drops = [1, 2].map(() => delivery.resync('dns', { dropBacklog: true }))
    if (i % 3 === 0) await world.commit({ endpoints: [] })
    await world.commit({ endpoints: [{ ...dns, timeoutMs: 1_000 + i }] })
    await Promise.all(drops)
    await eventually(async () => (await delivery.status()).length === 1)
    if (i % 2 === 0) await eventually(() => receiver.received.flatMap(itemsOf).some((item) => uidOf(item) === `o${i}`))
  }
  const left = delivery.resync('dns', { dropBacklog: true })
  await delivery[Symbol.asyncDispose]()
  await left
  assert.equal(most, 1)
  world.deliver()
  await eventually(async () => {
    const { scans, batches } = await world.store.endpoint('dns')
    return scans.length === 0 && batches.length === 0
  })
  assert.equal(new Set(receiver.received.flatMap(itemsOf).map(uidOf)).size, 10)
})

test('resyncs that are due are looked for, more often where they are frequent, and their endpoints are woken', async () => {
  const time = sleeping()
  time.passes = () => false
  const asked: Readonly<Record<string, number>>[] = []
  const woken: string[] = []
  const answers = [['dns', 'cmdb'], [], new Error('busy'), ['dns']]
  const store = {
    resyncDue: async (periods: Readonly<Record<string, number>>) => {
      asked.push(periods)
      const answer = answers.shift() ?? []
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  const deps = { store, log: silentLog, sleep: time.sleep, random: () => 0.5, onBegun: (name: string) => void woken.push(name) }
  await using resyncs = startResyncs(deps)
  const watches = [watchConfig({ name: 'a', resyncMs: 60_000 }), watchConfig({ name: 'off', resyncMs: 60_000, paused: true })]
  resyncs.follow(snapshotOf({ endpoints: [], watches: [watchConfig()] }))
  resyncs.follow(snapshotOf({ endpoints: [], watches: [...watches, watchConfig({ name: 'never' })] }))
  for (let look = 1; look <= 4; look++) {
    await eventually(() => time.waits.length === look)
    time.elapse()
    await eventually(() => asked.length === look)
  }
  await eventually(() => woken.length === 3)
  assert.deepEqual(asked[0], { a: 60_000 })
  assert.deepEqual(woken, ['dns', 'cmdb', 'dns'])
  assert.deepEqual(time.waits.slice(0, 4), [6_000, 6_000, 6_000, 6_000])
})
