import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Entry, FrameStream } from '@watch-hub/shared/protocol/frames'
import { frameBytes, frameEntries } from '@watch-hub/shared/protocol/limits'
import { createOutbox, type NewEntry, type Outbox, OutboxReset, type SealedFrame } from './outbox.ts'

const live = new AbortController().signal
const stream = (id: string): FrameStream => ({
  id,
  group: '',
  resource: 'services',
  version: 'v1',
  kind: 'Service',
  namespaced: true,
})
const [a, b, c] = [stream('a'), stream('b'), stream('c')]
const entry = (name: string, body = '{}'): NewEntry => ({
  uid: name,
  namespace: 'default',
  name,
  resourceVersion: '1',
  cause: 'live',
  change: 'added',
  matches: ['web'],
  hash: 'h',
  body,
  observedAt: 1,
})
const offer = (outbox: Outbox, of: FrameStream, name: string, more: { readonly plan?: string; readonly body?: string } = {}) =>
  outbox.offer({ stream: of, entry: entry(name, more.body), plan: more.plan ?? 'p1' }, live)

const nameOf = (each: Entry) => ('name' in each ? each.name : 'synced')
const names = (frame: SealedFrame | undefined) => frame?.entries.map(nameOf)

/** True when the promise is settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

suite('an outbox', () => {
  test('seals what it was offered into numbered frames', async () => {
    const outbox = createOutbox({ now: () => 1_000 })
    assert.equal(outbox.next(), undefined)
    await offer(outbox, a, 'one')
    await offer(outbox, b, 'two')
    assert.deepEqual(outbox.next(), {
      plan: 'p1',
      number: 1,
      streams: [a, b],
      sealedAt: 1_000,
      entries: [
        { ...entry('one'), s: 0 },
        { ...entry('two'), s: 1 },
      ],
    })
    await offer(outbox, b, 'three')
    const second = outbox.next()
    assert.deepEqual([second?.number, second?.streams, names(second)], [2, [b], ['three']])
    assert.equal(outbox.next(), undefined)
  })

  test('takes turns between streams and keeps the order within each', async () => {
    const outbox = createOutbox()
    for (const name of ['a1', 'a2', 'a3', 'a4']) await offer(outbox, a, name)
    for (const name of ['b1', 'b2']) await offer(outbox, b, name)
    await offer(outbox, c, 'c1')
    assert.deepEqual(names(outbox.next()), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
  })

  test('seals a frame per plan, in the order of each stream', async () => {
    const outbox = createOutbox()
    await offer(outbox, a, 'a-old')
    await offer(outbox, a, 'a-new', { plan: 'p2' })
    await offer(outbox, b, 'b-new', { plan: 'p2' })
    await offer(outbox, c, 'c-old')
    const frames = [outbox.next(), outbox.next(), outbox.next()]
    assert.deepEqual(
      frames.map((frame) => [frame?.plan, frame?.entries.length]),
      [
        ['p1', 2],
        ['p2', 2],
        [undefined, undefined],
      ],
    )
    assert.deepEqual(names(frames[0])?.toSorted(), ['a-old', 'c-old'])
  })

  test('bounds a frame by entries and by bytes, and gives a large object one of its own', async () => {
    const outbox = createOutbox({ maxBytes: 1e9, maxEntries: 1e6 })
    for (let i = 0; i <= frameEntries; i++) await offer(outbox, a, `${i}`)
    assert.deepEqual([outbox.next()?.entries.length, outbox.next()?.entries.length], [frameEntries, 1])

    const half = 'x'.repeat(frameBytes / 2)
    for (const name of ['1', '2', '3']) await offer(outbox, a, name, { body: half })
    await offer(outbox, a, 'large', { body: 'x'.repeat(frameBytes * 3) })
    await offer(outbox, a, 'after')
    const frames = Array.from({ length: 5 }, () => names(outbox.next()))
    assert.deepEqual(frames, [['1'], ['2'], ['3'], ['large'], ['after']])
  })

  test('rings when there is something to send, and after each ack', async () => {
    const outbox = createOutbox()
    await offer(outbox, a, 'one')
    await outbox.ready.wait(live)
    outbox.next()
    outbox.ack(1)
    await outbox.ready.wait(live)
  })

  test('waits for room when it is full of entries or bytes, until acks make some', async () => {
    const outbox = createOutbox({ maxEntries: 2 })
    await offer(outbox, a, 'one')
    await offer(outbox, a, 'two')
    const third = offer(outbox, a, 'three')
    assert.equal(await settled(third), false)
    assert.deepEqual(names(outbox.next()), ['one', 'two'])
    assert.equal(await settled(third), false, 'sealed entries are held')
    assert.partialDeepStrictEqual(outbox.figures(), { entries: 2, frames: 1, waiting: 1 })
    outbox.ack(1)
    await third
    assert.partialDeepStrictEqual(outbox.figures(), { entries: 1, frames: 0, waiting: 0 })

    const narrow = createOutbox({ maxBytes: 2_000 })
    await offer(narrow, a, 'one', { body: 'x'.repeat(1_500) })
    assert.equal(await settled(offer(narrow, a, 'two', { body: 'x'.repeat(1_500) })), false)
  })

  test('takes one entry that is larger than its bound when it holds nothing else', async () => {
    const outbox = createOutbox({ maxBytes: 1_000 })
    await offer(outbox, a, 'large', { body: 'x'.repeat(5_000) })
    assert.equal(await settled(offer(outbox, a, 'next')), false)
  })

  test('admits those who wait in order: a large entry is not passed for ever', async () => {
    const outbox = createOutbox({ maxBytes: 3_000 })
    await offer(outbox, a, 'first', { body: 'x'.repeat(2_000) })
    const order: string[] = []
    const large = offer(outbox, b, 'large', { body: 'x'.repeat(2_000) }).then(() => order.push('large'))
    const small = offer(outbox, c, 'small').then(() => order.push('small'))
    outbox.next()
    outbox.ack(1)
    await Promise.all([large, small])
    assert.deepEqual(order, ['large', 'small'])
  })

  test('holds nothing of an offer that was given up while it waited', async () => {
    const outbox = createOutbox({ maxEntries: 1 })
    await offer(outbox, a, 'one')
    const stop = new AbortController()
    const given = outbox.offer({ stream: a, entry: entry('given up'), plan: 'p1' }, stop.signal)
    const next = offer(outbox, a, 'next')
    const reason = new Error('stopped')
    stop.abort(reason)
    await assert.rejects(given, reason)
    await assert.rejects(outbox.offer({ stream: a, entry: entry('too late'), plan: 'p1' }, stop.signal), reason)
    outbox.next()
    outbox.ack(1)
    await next
    assert.deepEqual(names(outbox.next()), ['next'])
  })

  test('gives unacknowledged frames again, the same, after a reconnect', async () => {
    const outbox = createOutbox()
    const sent: (SealedFrame | undefined)[] = []
    for (const name of ['one', 'two', 'three']) {
      await offer(outbox, a, name)
      sent.push(outbox.next())
    }
    assert.equal(outbox.inFlight, 3)
    outbox.replayFrom(1)
    assert.equal(outbox.acked, 1)
    assert.equal(outbox.inFlight, 0)
    await offer(outbox, a, 'four')
    assert.equal(outbox.next(), sent[1])
    assert.equal(outbox.next(), sent[2])
    assert.deepEqual(names(outbox.next()), ['four'])
    assert.equal(outbox.inFlight, 3)
  })

  test('counts an ack of a frame that was not yet sent again', async () => {
    const outbox = createOutbox()
    for (const name of ['one', 'two']) {
      await offer(outbox, a, name)
      outbox.next()
    }
    outbox.replayFrom(0)
    outbox.ack(1)
    assert.equal(outbox.inFlight, 0)
    assert.deepEqual(names(outbox.next()), ['two'])
  })

  test('ignores an ack that came before, and does not believe one of a frame it never sealed', async () => {
    const outbox = createOutbox()
    await offer(outbox, a, 'one')
    outbox.next()
    outbox.ack(1)
    outbox.ack(0)
    assert.equal(outbox.acked, 1)
    assert.throws(() => outbox.ack(2), /expected the hub to acknowledge frame 1 at most, got 2/)
    assert.throws(() => outbox.replayFrom(9))
  })

  test('is flushed of a stream once all its entries are acknowledged', async () => {
    const outbox = createOutbox()
    await outbox.flushed(['a'], live)
    await offer(outbox, a, 'one')
    await offer(outbox, b, 'two')
    outbox.next()
    await offer(outbox, a, 'three')
    const flushed = outbox.flushed(['a'], live)
    const drained = outbox.drained(live)
    await outbox.flushed(['c'], live)
    outbox.ack(1)
    assert.equal(await settled(flushed), false)
    outbox.next()
    outbox.ack(2)
    await flushed
    await drained
  })

  test('gives up waiting for a flush when told', async () => {
    const outbox = createOutbox()
    await offer(outbox, a, 'one')
    const reason = new Error('stopped')
    await assert.rejects(outbox.flushed(['a'], AbortSignal.abort(reason)), reason)
  })

  test('forgets everything when it is reset, and sends away those who wait', async () => {
    const outbox = createOutbox({ maxEntries: 2 })
    await offer(outbox, a, 'one')
    outbox.next()
    await offer(outbox, a, 'two')
    const waiting = offer(outbox, a, 'three')
    const flushed = outbox.flushed(['a'], live)
    outbox.reset()
    await assert.rejects(waiting, OutboxReset)
    await flushed
    assert.deepEqual(outbox.figures(), { entries: 0, bytes: 0, frames: 0, waiting: 0 })
    assert.deepEqual([outbox.acked, outbox.inFlight, outbox.next()], [0, 0, undefined])
    await offer(outbox, a, 'new')
    assert.equal(outbox.next()?.number, 1)
  })
})
