/** Scans between live changes, in front of a real store. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually } from './testing/eventually.ts'
import { payloadOf, told } from './testing/payload.ts'
import { startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'
import { sleeping } from './testing/sleeping.ts'
import { startWorld, watchConfig } from './testing/world.ts'

const uids = (count: number) => Array.from({ length: count }, (_, i) => `o${String(i).padStart(4, '0')}`)

test('an endpoint that begins to hear a watch is sent what exists, and nobody else is', async () => {
  await using first = await startReceiver()
  await using late = await startReceiver()
  await using world = await startWorld()
  const dns = endpointConfig({ url: first.url })
  const cmdb = endpointConfig({ name: 'cmdb', url: late.url, batch: { maxObjects: 2, maxBytes: 1_000_000, maxWaitMs: 600_000 } })
  await world.commit({ endpoints: [dns] })
  const delivery = world.deliver()
  await world.append([...uids(3).map((uid) => ({ uid })), { uid: '', synced: true }])
  await first.requests(1)
  await world.commit({ endpoints: [dns, cmdb], watches: [watchConfig({ endpoints: ['dns', 'cmdb'] })] })
  await late.requests(2)
  assert.deepEqual(late.received.map(told), [['created (initial) o0000', 'created (initial) o0001'], ['created (initial) o0002']])
  const ids = late.received.flatMap((request) => payloadOf(request).items.map(({ id, sequence }) => id.endsWith(`-${sequence}`)))
  assert.deepEqual(ids, [true, true, true])
  await eventually(async () => (await delivery.status()).every(({ backlog, scans }) => backlog === 0 && scans.length === 0))
  assert.equal(first.received.length, 1)
})

test('what a scan says never goes behind what was sent before it', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const cmdb = endpointConfig({ name: 'cmdb', url: receiver.url, batch: { maxObjects: 50, maxBytes: 1_000_000, maxWaitMs: 0 } })
  const all = uids(5_000)
  await world.commit({ endpoints: [], watches: [watchConfig({ endpoints: [] })] })
  await world.append([...all.map((uid) => ({ uid, body: '{"v":0}' })), { uid: '', synced: true }])
  world.deliver()
  await world.commit({ endpoints: [cmdb], watches: [watchConfig({ endpoints: ['cmdb'] })] })
  const gone = new Set<string>()
  for (let v = 1; v <= 60; v++) {
    const touched = all.filter((uid, i) => (i + v) % 97 === 0 && !gone.has(uid))
    const dying = touched.slice(0, 2)
    for (const uid of dying) gone.add(uid)
    await world.append([
      ...touched.slice(2).map((uid) => ({ uid, body: `{"v":${v}}` })),
      ...dying.map((uid) => ({ uid, gone: true })),
    ])
  }
  await eventually(async () => {
    const [backlog] = (await world.store.stats()).endpoints
    return backlog?.events === 0 && (await world.store.endpoint('cmdb')).scans.length === 0
  })
  const last = new Map<string, { readonly sequence: string; readonly type: string }>()
  for (const request of receiver.received)
    for (const { resource, sequence, type } of payloadOf(request).items) {
      const before = last.get(resource.uid)
      assert.ok(
        before === undefined || before.sequence <= sequence,
        `${resource.uid} went from ${before?.sequence} to ${sequence}`,
      )
      last.set(resource.uid, { sequence, type })
    }
  for (const uid of all)
    if (gone.has(uid)) assert.ok(last.get(uid) === undefined || last.get(uid)?.type === 'deleted', `${uid} is not deleted`)
    else assert.notEqual(last.get(uid)?.type ?? 'deleted', 'deleted', `${uid} is missing`)
})

test('a scan that was interrupted goes on where it was, with the same bytes', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const cmdb = endpointConfig({ name: 'cmdb', url: receiver.url, batch: { maxObjects: 2, maxBytes: 1_000_000, maxWaitMs: 0 } })
  await world.commit({ endpoints: [], watches: [watchConfig({ endpoints: [] })] })
  await world.append([...uids(5).map((uid) => ({ uid })), { uid: '', synced: true }])
  const time = sleeping()
  time.passes = () => false
  receiver.answer(200, 503)
  const before = world.deliver({ sleep: time.sleep, now: time.now })
  const failed = time.next()
  await world.commit({ endpoints: [cmdb], watches: [watchConfig({ endpoints: ['cmdb'] })] })
  await failed
  await before[Symbol.asyncDispose]()
  world.deliver()
  await receiver.requests(4)
  assert.deepEqual(receiver.received[2]?.id, receiver.received[1]?.id)
  assert.deepEqual(receiver.received[2]?.body, receiver.received[1]?.body)
  assert.deepEqual(
    receiver.received.toSpliced(1, 1).flatMap(told),
    uids(5).map((uid) => `created (initial) ${uid}`),
  )
})

test('a fence that a commit narrows holds for what a scan has frozen', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const cmdb = endpointConfig({ name: 'cmdb', url: receiver.url, batch: { maxObjects: 2, maxBytes: 1_000_000, maxWaitMs: 0 } })
  const watches = [watchConfig({ endpoints: ['cmdb'] })]
  await world.commit({ endpoints: [], watches: [watchConfig({ endpoints: [] })] })
  await world.append([
    { uid: 'a', namespace: 'team-a' },
    { uid: 'b', namespace: 'secret' },
    { uid: 'c', namespace: 'team-c' },
    { uid: '', synced: true },
  ])
  receiver.answer(500)
  const time = sleeping()
  time.passes = () => false
  world.deliver({ sleep: time.sleep, now: time.now })
  const failed = time.next()
  await world.commit({ endpoints: [cmdb], watches })
  await failed
  await world.commit({ endpoints: [{ ...cmdb, allow: { namespaces: ['team-*'] } }], watches })
  await receiver.requests(3)
  assert.deepEqual(receiver.received.map(told), [
    ['created (initial) a', 'created (initial) b'],
    ['created (initial) a'],
    ['created (initial) c'],
  ])
})
