/** `delta: true` of one endpoint, in front of a real store: what goes out as a patch, and what goes out whole. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { array, decodeJson, json, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { eventually } from './testing/eventually.ts'
import { type Received, type Receiver, startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'
import { clock } from './testing/sleeping.ts'
import { startWorld, watchConfig } from './testing/world.ts'

const payload = object({
  items: array(object({ sequence: string, object: optional(json), patch: optional(json), base: optional(string) })),
})
const itemsOf = (request: Received | undefined) => decodeJson(payload, request?.body ?? '{"items":[]}').items

/** Long enough that a patch is shorter. */
const version = (n: number) => ({ uid: 'a', body: JSON.stringify({ text: 'x'.repeat(100), n }) })
const padded = (sequence: number | undefined) => String(sequence).padStart(20, '0')

const dns = (receiver: Receiver, parts: Parameters<typeof endpointConfig>[0] = {}) =>
  endpointConfig({ url: receiver.url, delta: true, ...parts })

async function startedWith(...numbers: readonly number[]) {
  const scope = new AsyncDisposableStack()
  const receiver = scope.use(await startReceiver())
  const world = scope.use(await startWorld())
  await world.commit({ endpoints: [dns(receiver)] })
  const delivery = world.deliver()
  /** Appends a version and answers with the item that comes of it, and its row. */
  const tell = async (n: number) => {
    const [row] = await world.append([version(n)])
    await receiver.requests(receiver.received.length + 1)
    const [item] = itemsOf(receiver.received.at(-1))
    return { row, item }
  }
  for (const n of numbers) await tell(n)
  return { receiver, world, delivery, tell, [Symbol.asyncDispose]: () => scope.disposeAsync() }
}

test('a change is told as what changed, and which sequence it changes', async () => {
  await using started = await startedWith()
  const first = await started.tell(1)
  const second = await started.tell(2)
  const third = await started.tell(3)
  assert.deepEqual([first.item?.object, first.item?.patch], [{ text: 'x'.repeat(100), n: 1 }, undefined])
  assert.deepEqual(second.item, { sequence: padded(second.row?.sequence), patch: { n: 2 }, base: padded(first.row?.sequence) })
  assert.deepEqual(third.item, { sequence: padded(third.row?.sequence), patch: { n: 3 }, base: padded(second.row?.sequence) })
})

test('an endpoint that did not ask for patches is told objects', async () => {
  await using started = await startedWith(1)
  await started.world.commit({ endpoints: [dns(started.receiver, { delta: false })] })
  assert.deepEqual((await started.tell(2)).item?.patch, undefined)
})

test('what another courier sent is not trusted, nor what went out under another order', async () => {
  await using started = await startedWith(1, 2)
  const { world, receiver, delivery, tell } = started
  await delivery[Symbol.asyncDispose]()
  world.deliver()
  assert.deepEqual([(await tell(3)).item?.patch, (await tell(4)).item?.patch], [undefined, { n: 4 }])
  await world.commit({ endpoints: [dns(receiver, { allow: { namespaces: ['web'] } })] })
  assert.deepEqual([(await tell(5)).item?.patch, (await tell(6)).item?.patch], [undefined, { n: 6 }])
})

test('what a scan told is no base', async () => {
  await using started = await startedWith()
  const { world, receiver, tell } = started
  const hearing = (extra: readonly string[]) =>
    world.commit({ endpoints: [dns(receiver)], watches: [watchConfig(), watchConfig({ name: 'extra', endpoints: extra })] })
  await hearing([])
  for (const n of [1, 2]) await tell(n)
  await hearing(['dns'])
  await receiver.requests(3)
  assert.deepEqual(
    itemsOf(receiver.received.at(-1)).map((item) => item.object),
    [{ text: 'x'.repeat(100), n: 2 }],
  )
  assert.deepEqual([(await tell(3)).item?.patch, (await tell(4)).item?.patch], [undefined, { n: 4 }])
})

test('what comes first after a resync was asked for is whole, also while the endpoint lags', async () => {
  await using receiver = await startReceiver()
  await using world = await startWorld()
  await world.commit({ endpoints: [dns(receiver, { batch: { maxObjects: 50, maxBytes: 1_000_000, maxWaitMs: 1 } })] })
  const delivery = world.deliver(clock())
  await world.append([version(1)])
  await receiver.requests(1)
  receiver.otherwise(503)
  await world.append(Array.from({ length: 1_500 }, (_, i) => ({ uid: `o${i}` })))
  await world.append([version(2)])
  await receiver.requests(2)
  await delivery.resync('dns', {})
  const from = receiver.received.length
  receiver.otherwise(200)
  const padding = 'x'.repeat(100)
  const ofVersions = () =>
    receiver.received
      .slice(from)
      .flatMap(itemsOf)
      .filter((item) => item.patch !== undefined || JSON.stringify(item.object).includes(padding))
  await eventually(() => ofVersions().length > 0)
  const [first] = ofVersions()
  assert.deepEqual([first?.object, first?.patch], [{ text: padding, n: 2 }, undefined])
})

test('versions that come to one are told whole', async () => {
  await using started = await startedWith(1)
  const { delivery, world, receiver } = started
  await delivery.pause('dns', { by: 'test' })
  for (const n of [2, 3]) await world.append([version(n)])
  await delivery.resume('dns')
  await receiver.requests(2)
  assert.deepEqual(
    itemsOf(receiver.received.at(-1)).map((item) => item.object),
    [{ text: 'x'.repeat(100), n: 3 }],
  )
})

test('a batch with patches has the same bytes at every attempt, also of the next courier, which reads it from disk', async () => {
  await using started = await startedWith(1)
  const { delivery, world, receiver } = started
  receiver.otherwise(503)
  await world.append([version(2)])
  await receiver.requests(2)
  await delivery[Symbol.asyncDispose]()
  receiver.otherwise(200)
  world.deliver(clock())
  await receiver.requests(3)
  const [, tried, again] = receiver.received
  assert.deepEqual(itemsOf(tried)[0]?.patch, { n: 2 })
  assert.deepEqual([again?.body, again?.id], [tried?.body, tried?.id])
})
