import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeKubeObject } from '@watch-hub/shared/pipeline/object'
import { checksumOf } from '@watch-hub/shared/protocol/checksum'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { createOutbox, type Outbox } from '../outbox.ts'
import { type ServiceOptions, service, streamPlan, watchPlan } from '../testing/objects.ts'
import { createIndex } from './index.ts'
import { createStream } from './stream.ts'
import { createStreamSink, type SyncedStream } from './stream-sink.ts'

const services = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true, verbs: [] }
const object = (name: string, options?: ServiceOptions) => decodeKubeObject(service(name, options))

function setUp({
  known = [],
  outbox = createOutbox({ maxEntries: 1e6 }),
}: {
  readonly known?: readonly string[]
  readonly outbox?: Outbox
} = {}) {
  const index = createIndex()
  index.load(
    known.map((name) => ({
      uid: `uid-${name}`,
      namespace: 'default',
      name,
      resourceVersion: '1',
      hash: 'of before',
      matches: ['web'],
    })),
  )
  const stream = (): SyncedStream => ({
    ...createStream(streamPlan('s', { watches: [watchPlan('web')] }), services, {
      cluster: { name: 'prod', labels: {} },
      index,
      namespaceLabels: () => undefined,
      onMatchError: () => {},
    }),
    synced: [{ watch: 'web', definition: 'd1' }],
  })
  const stop = new AbortController()
  const state = { hash: 'p1' }
  const sink = createStreamSink(
    { streams: () => [stream()], outbox, planHash: () => state.hash, state: () => {}, log: silentLog, now: () => 42 },
    stop.signal,
  )
  /** What the hub would get, and forgets it. */
  const told = (): readonly string[] => {
    const out: string[] = []
    for (let frame = outbox.next(); frame !== undefined; frame = outbox.next()) {
      for (const entry of frame.entries)
        out.push(
          'synced' in entry
            ? `synced ${entry.synced.map(({ watch, definition }) => `${watch}=${definition}`)}${entry.cause === 'audit' ? ' audit' : ''}`
            : `${entry.change} ${entry.name} ${entry.cause}`,
        )
      outbox.ack(frame.number)
    }
    return out
  }
  return { sink, index, told, stop, state, outbox }
}

const many = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`)

suite('a stream sink', () => {
  test('tells how a list differs from the index, then that the stream is in step', async () => {
    const { sink, told } = setUp({ known: ['gone', 'recreated', 'changed'] })
    sink.begin(services, 'list')
    await sink.listed([object('recreated', { uid: 'new' }), object('changed')])
    await sink.listed([object('new')])
    assert.equal(await sink.complete(), true)
    assert.deepEqual(told(), [
      'gone recreated list',
      'added recreated list',
      'modified changed list',
      'added new list',
      'gone gone list',
      'synced web=d1',
    ])
  })

  test('tells nothing but that it is in step when nothing has changed', async () => {
    const { sink, told } = setUp()
    for (let i = 0; i < 2; i++) {
      sink.begin(services, 'list')
      await sink.listed([object('a')])
      await sink.complete()
    }
    assert.deepEqual(told(), ['added a list', 'synced web=d1', 'synced web=d1'])
  })

  test('marks what an audit finds, and says of one that finds nothing only that it was made', async () => {
    const { sink, told } = setUp({ known: ['gone'] })
    for (const each of [object('new'), object('new'), object('new', { type: 'NodePort' })]) {
      sink.begin(services, 'audit')
      await sink.listed([each])
      await sink.complete()
    }
    assert.deepEqual(told(), [
      'added new audit',
      'gone gone audit',
      'synced web=d1 audit',
      'synced web=d1 audit',
      'modified new audit',
      'synced web=d1 audit',
    ])
  })

  test('says with each comparison what the index adds up to, after all that it told', async () => {
    const { sink, outbox, index } = setUp({ known: ['gone', 'stays'] })
    sink.begin(services, 'list')
    await sink.listed([object('stays'), object('new')])
    await sink.complete()
    const synced = outbox.next()?.entries.find((entry) => 'synced' in entry)
    assert.ok(synced !== undefined && 'synced' in synced)
    assert.equal(synced.checksum, index.checksum)
    const rows = ['stays', 'new'].flatMap((name) => index.get({ namespace: 'default', name }) ?? [])
    assert.equal(synced.checksum, checksumOf(rows))
  })

  test('takes nothing for deleted that a list did not show before it began again', async () => {
    const { sink, told } = setUp({ known: ['a', 'b'] })
    sink.begin(services, 'list')
    await sink.listed([object('a')])
    sink.begin(services, 'list')
    await sink.listed([object('b')])
    await sink.complete()
    assert.deepEqual(told(), ['modified a list', 'modified b list', 'gone a list', 'synced web=d1'])
  })

  test('believes a list that lacks more than half, and at least 100, when it comes the second time', async () => {
    const { sink, told, index } = setUp({ known: many(150) })
    for (const believed of [false, true]) {
      sink.begin(services, 'list')
      await sink.listed(many(49).map((name) => object(name)))
      assert.equal(await sink.complete(), believed)
    }
    assert.equal(told().filter((each) => each.startsWith('gone')).length, 101)
    assert.equal(index.size, 49)
  })

  test('believes at once a list that lacks half or less, or fewer than 100', async () => {
    const half = setUp({ known: many(200) })
    half.sink.begin(services, 'list')
    await half.sink.listed(many(100).map((name) => object(name)))
    assert.equal(await half.sink.complete(), true)

    const few = setUp({ known: many(99) })
    few.sink.begin(services, 'list')
    await few.sink.listed([])
    assert.equal(await few.sink.complete(), true)
  })

  test('is not calmed by as many new objects as old ones are missing', async () => {
    const { sink } = setUp({ known: many(150) })
    sink.begin(services, 'list')
    await sink.listed(Array.from({ length: 200 }, (_, i) => object(`new${i}`)))
    assert.equal(await sink.complete(), false)
  })

  test('tells live events under the plan of the moment', async () => {
    const { sink, told, state, outbox } = setUp()
    sink.begin(services, 'list')
    await sink.event({ type: 'ADDED', object: object('a') })
    state.hash = 'p2'
    await sink.event({ type: 'MODIFIED', object: object('b') })
    await sink.event({ type: 'DELETED', object: object('a') })
    assert.equal(outbox.next()?.plan, 'p1')
    assert.equal(outbox.next()?.plan, 'p2')
    outbox.replayFrom(0)
    assert.deepEqual(told(), ['added a live', 'modified b live', 'gone a live'])
  })

  test('waits when the outbox is full, and remembers nothing that it could not tell', async () => {
    const outbox = createOutbox({ maxEntries: 1 })
    const { sink, index, stop } = setUp({ outbox })
    sink.begin(services, 'list')
    await sink.event({ type: 'ADDED', object: object('a') })
    const waiting = sink.event({ type: 'ADDED', object: object('b') })
    assert.equal(outbox.figures().waiting, 1)
    const reason = new Error('stopped')
    stop.abort(reason)
    await assert.rejects(waiting, reason)
    assert.equal(index.get({ namespace: 'default', name: 'b' }), undefined)
    assert.equal(index.size, 1)
  })
})
