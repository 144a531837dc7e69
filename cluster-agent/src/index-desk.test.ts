import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openIndexDesk } from './index-desk.ts'

const never = new AbortController().signal
const object = (name: string) => ({ uid: name, namespace: '', name, resourceVersion: '1', hash: 'h', matches: ['w'] })

async function collect(chunks: AsyncIterable<readonly { readonly name: string }[]>): Promise<readonly string[]> {
  const names: string[] = []
  for await (const chunk of chunks) names.push(...chunk.map((each) => each.name))
  return names
}

test('an index arrives whole, in the order of its chunks', async () => {
  const desk = openIndexDesk()
  const loaded = collect(desk.load('s1', never))
  const { request, stream } = await desk.next(never)
  assert.equal(stream, 's1')
  await desk.chunk({ request, objects: [object('a'), object('b')] }, never)
  await desk.chunk({ request, objects: [object('c')] }, never)
  desk.end({ request, objects: 3, checksum: 7 })
  assert.deepEqual(await loaded, ['a', 'b', 'c'])
})

test('a second request waits until the first is answered', async () => {
  const desk = openIndexDesk()
  const first = collect(desk.load('s1', never))
  const second = collect(desk.load('s2', never))
  const one = await desk.next(never)
  const two = desk.next(never)
  desk.end({ request: one.request, objects: 0, checksum: 7 })
  assert.deepEqual(await first, [])
  const asked = await two
  assert.equal(asked.stream, 's2')
  desk.end({ request: asked.request, objects: 0, checksum: 7 })
  assert.deepEqual(await second, [])
})

test('an index that lacks objects is refused', async () => {
  const desk = openIndexDesk()
  const loaded = collect(desk.load('s1', never))
  const { request } = await desk.next(never)
  await desk.chunk({ request, objects: [object('a')] }, never)
  desk.end({ request, objects: 2, checksum: 7 })
  await assert.rejects(loaded, { message: 'expected an index of 2 objects from the hub, got 1' })
})

test('a broken connection fails what was on its way and keeps what still waits', async () => {
  const desk = openIndexDesk()
  const first = collect(desk.load('s1', never))
  const second = collect(desk.load('s2', never))
  await desk.next(never)
  desk.hangUp(new Error('cut'))
  await assert.rejects(first, { message: 'cut' })
  const asked = await desk.next(never)
  assert.equal(asked.stream, 's2')
  desk.end({ request: asked.request, objects: 0, checksum: 7 })
  assert.deepEqual(await second, [])
})

test('an asker that gives up makes room for the next one', async () => {
  const desk = openIndexDesk()
  const stop = new AbortController()
  const first = collect(desk.load('s1', stop.signal))
  const second = collect(desk.load('s2', never))
  await desk.next(never)
  stop.abort(new Error('enough'))
  await assert.rejects(first, { message: 'enough' })
  const asked = await desk.next(never)
  assert.equal(asked.stream, 's2')
  desk.end({ request: asked.request, objects: 0, checksum: 7 })
  await second
})

test('the connection is not read on while chunks wait to be taken', async () => {
  const desk = openIndexDesk()
  const loading = desk.load('s1', never)
  const first = loading.next()
  const { request } = await desk.next(never)
  const sent: string[] = []
  const sending = (async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await desk.chunk({ request, objects: [object(name)] }, never)
      sent.push(name)
    }
    desk.end({ request, objects: 5, checksum: 7 })
  })()
  await first
  await new Promise(setImmediate)
  assert.ok(sent.length < 5, `expected at most three chunks to wait, ${sent.length} were taken in`)
  for (const expected of ['b', 'c', 'd', 'e']) assert.deepEqual((await loading.next()).value, [object(expected)])
  assert.deepEqual(await loading.next(), { done: true, value: { checksum: 7, doubted: false } })
  await sending
})

test('nobody waits for room that an asker has left, or on a connection that is gone', async () => {
  const desk = openIndexDesk()
  const stop = new AbortController()
  const loaded = collect(desk.load('s1', stop.signal))
  const { request } = await desk.next(never)
  stop.abort(new Error('enough'))
  await assert.rejects(loaded, { message: 'enough' })
  for (let i = 0; i < 9; i++) await desk.chunk({ request, objects: [object('a')] }, never)

  const slow = desk.load('s2', never)
  void slow.next()
  const again = await desk.next(never)
  const gone = new AbortController()
  const waits = (async () => {
    for (;;) await desk.chunk({ request: again.request, objects: [object('a')] }, gone.signal)
  })()
  gone.abort(new Error('cut'))
  await assert.rejects(waits, { message: 'cut' })
})
