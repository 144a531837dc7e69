/** What became of an event, as `watch-hub trace` tells it: with real programs, from the change to the endpoint, whatever happens on the way. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { trace as traceDecoder } from '@watch-hub/hub/http/wire-trace'
import type { Trace } from '@watch-hub/hub/trace/model'
import { decodeJson } from '@watch-hub/shared/protocol/decode'
import { type DeliveryStage, setDeliveryStage } from '../support/delivery-stage.ts'
import { manifest } from '../support/manifest.ts'
import { configMap } from '../support/objects.ts'
import type { ReceivedRequest } from '../support/receiver.ts'

const endpoint = { batch: { maxObjects: 10, maxWait: '100ms' } }

/** `watch-hub trace … -o json`, once it says what is waited for: what came of attempts is written down a moment later. */
async function traced(on: DeliveryStage, args: readonly string[], wanted: (trace: Trace) => boolean = () => true) {
  const until = performance.now() + 20_000
  for (;;) {
    const { code, output } = await on.world.cli('trace', ...args, '-o', 'json')
    assert.equal(code, 0, output)
    const trace = decodeJson(traceDecoder, output)
    if (wanted(trace)) return trace
    assert.ok(performance.now() < until, `expected another state, got ${output}`)
  }
}

const stateOf = ({ events }: Trace) => events[0]?.endpoints[0]?.state

const object = (name: string) => [`configmap/${name}`, '--cluster', 'prod']

/** The newest event of an object, and what its endpoint made of it. */
async function last(on: DeliveryStage, args: readonly string[], state?: string) {
  const { events } = await traced(on, args, (now) => state === undefined || stateOf(now) === state)
  const [event] = events
  const [out] = event?.endpoints ?? []
  if (event === undefined || out === undefined)
    throw new Error(`expected an event with an endpoint, got ${JSON.stringify(events)}`)
  return { event, out }
}

const arrived = ({ receiver }: DeliveryStage, name: string) =>
  receiver.waitFor(({ items }) => items.some((item) => item.name === name), name, 20_000)

const outcomes = (out: Awaited<ReturnType<typeof last>>['out']) =>
  out.requests.flatMap(({ attempts }) => attempts).map(({ status }) => status)

test('an event is told from its change to the answer of the endpoint, by any of its ids; what nobody knows is said so', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint })
  const { world, simulator, receiver } = on
  simulator.create('configmaps', configMap('fine', { rev: '1' }))
  await arrived(on, 'fine')
  const [item] = receiver.items
  const { event, out } = await last(on, [item?.id ?? ''], 'delivered')
  assert.deepEqual([event.id, event.cluster, event.object?.name, event.change], [item?.sequence, 'prod', 'fine', 'added'])
  assert.match(event.traceId ?? '', /^[0-9a-f]{32}$/)
  const { observedAt = 0, sentAt = 0, receivedAt = 0, storedAt = 0 } = event
  assert.ok(0 < observedAt && observedAt <= sentAt && sentAt <= receivedAt && receivedAt <= storedAt, JSON.stringify(event))
  assert.deepEqual([out.endpoint, out.type, out.watches, outcomes(out)], ['out', 'created', ['configmaps'], [200]])
  assert.ok((out.afterObservedMs ?? -1) >= 0)

  const text = async (...args: readonly string[]) => (await world.cli('trace', ...args)).output
  const told = await text(item?.id ?? '')
  assert.match(told, /^event 0000\d{16} {2}configmaps default\/fine {2}added {2}prod {2}\d{4}-\d\d-\d\d$/m)
  assert.match(told, /^ {2}trace [0-9a-f]{32}/m)
  assert.match(told, /^ {2}\d\d:\d\d:\d\d\.\d{3} .* stored$/m)
  assert.match(told, /^ {6}\d\d:\d\d:\d\d\.\d{3} .* attempt 1: 200 in \d/m)
  assert.match(told, /^ {4}delivered at the first attempt at .* after it was observed/m)
  assert.match(await text(String(Number(item?.sequence))), /delivered at the first attempt/)

  const batch = String(receiver.requests[0]?.headers['webhook-id'])
  assert.match(
    await text(batch),
    new RegExp(`^batch ${batch} {2}out {2}1 event {2}accepted[^]*event ${item?.id} {2}configmaps default/fine`),
  )

  const missing = await world.cli('trace', '12345')
  assert.equal(missing.code, 1)
  assert.match(missing.output, /expected the id of an event.*got "12345".*3 days/)
  assert.equal((await world.cli('trace', ...object('nobody'))).code, 1)
  assert.equal((await world.cli('trace', 'servces/x', '--cluster', 'prod')).code, 1)
  for (const wrong of [['configmap/fine'], ['12345', '--cluster', 'prod'], []])
    assert.equal((await world.cli('trace', ...wrong)).code, 2)
  assert.equal((await world.cli('trace', item?.id ?? '', '--endpoint', 'outt')).code, 1)
})

test('attempts that failed are told before the one that was accepted, also after a restart of the hub and without the agent', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint })
  const { world, simulator, receiver } = on
  receiver.answerWith(({ number }) => (number === 1 ? { status: 503, body: 'busy' } : {}))
  simulator.create('configmaps', configMap('late', { rev: '1' }))
  await arrived(on, 'late')
  const { out } = await last(on, object('late'), 'delivered')
  assert.deepEqual([outcomes(out), out.text], [[503, 200], 'delivered at attempt 2'])
  assert.match(out.requests[0]?.attempts[0]?.error ?? '', /503/)

  await world.agent('prod')[Symbol.asyncDispose]()
  await world.hub()[Symbol.asyncDispose]()
  await world.startHub()
  const again = await last(on, object('late'), 'delivered')
  assert.deepEqual(outcomes(again.out), [503, 200])

  const resynced = await world.cli('endpoint', 'resync', 'out')
  assert.equal(resynced.code, 0, resynced.output)
  await receiver.waitFor(({ items }) => items.some(({ reason }) => reason === 'resync'), 'the resync', 20_000)
  const scanned = receiver.items.find(({ reason }) => reason === 'resync')
  const byScan = await traced(on, [scanned?.id ?? ''], ({ events }) => events[0]?.endpoints[0]?.requests.length === 2)
  const scans = byScan.events[0]?.endpoints[0]?.requests.map(({ scan }) => scan)
  assert.equal(scans?.[0], undefined)
  assert.ok(scanned?.id.startsWith(`${scans?.[1]}-`), JSON.stringify(scans))
})

test('what is in flight, or waits for the pace, says so', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint: { ...endpoint, rateLimit: { requests: 1, per: '10m' } } })
  const { simulator, receiver, world } = on
  const answered = Promise.withResolvers<object>()
  const asked = Promise.withResolvers<void>()
  receiver.answerWith(() => {
    asked.resolve()
    return answered.promise
  })
  simulator.create('configmaps', configMap('first', { rev: '1' }))
  await asked.promise
  const flying = await last(on, object('first'), 'batch')
  assert.match(flying.out.text, /^in flight in batch .* of 1 event$/)
  answered.resolve({})
  await arrived(on, 'first')
  simulator.create('configmaps', configMap('second', { rev: '1' }))
  const paced = await last(on, object('second'), 'batch')
  assert.match(paced.out.text, /^waits in batch .* of 1 event: it waits for rateLimit \(1 per 10m\)/)
  const { output } = await world.cli('trace', ...object('second'), '--endpoint', 'out')
  assert.match(output, /^ {4}waits in batch .* rateLimit/m)
})

test('what waits for an endpoint that is paused says so; a newer state that is told instead is named; a deleted object is found', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint })
  const { world, simulator, receiver } = on
  await world.cli('endpoint', 'pause', 'out', '--reason', 'moving house')
  for (const rev of ['1', '2', '3'])
    rev === '1'
      ? simulator.create('configmaps', configMap('busy', { rev }))
      : simulator.patch('configmaps', 'default/busy', { data: { rev } })
  await world.status(({ endpoints: [out] }) => out?.backlog === 3, 'three events that wait')
  const waiting = await traced(on, [...object('busy'), '--limit', '5'])
  assert.deepEqual(
    waiting.events.map(({ endpoints: [out] }) => [out?.state, /paused by .*moving house/.test(out?.text ?? '')]),
    [
      ['log', true],
      ['log', true],
      ['log', true],
    ],
  )
  assert.match(waiting.events[0]?.endpoints[0]?.text ?? '', /2 events before it/)

  await world.cli('endpoint', 'resume', 'out')
  await arrived(on, 'busy')
  await last(on, object('busy'), 'delivered')
  const { events } = await traced(on, [...object('busy'), '--limit', '5'])
  const [newest, , oldest] = events
  assert.deepEqual([newest?.endpoints[0]?.state, oldest?.endpoints[0]?.state], ['delivered', 'passed-over'])
  assert.equal(oldest?.endpoints[0]?.instead, newest?.id)

  simulator.delete('configmaps', 'default/busy')
  await receiver.waitFor(({ items }) => items.some(({ type }) => type === 'deleted'), 'the deletion', 20_000)
  const gone = await last(on, [...object('busy'), '--limit', '5'], 'delivered')
  assert.deepEqual([gone.event.change, gone.out.type], ['gone', 'deleted'])
  const all = await traced(on, [...object('busy'), '--limit', '9'])
  assert.equal(all.events.length, 4)
  assert.match(all.notes.join(), /does not hold the object now/)
})

test('an event that is refused is parked, and a dead letter later: both say what the endpoint answered and what to do', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint: { ...endpoint, history: 'every', retry: { maxAge: '8s' } } })
  const { simulator, receiver, world } = on
  receiver.answerWith(({ items }: ReceivedRequest) => (items.some(({ name }) => name === 'poison') ? { status: 422 } : {}))
  simulator.create('configmaps', configMap('poison', { rev: '1' }))
  simulator.create('configmaps', configMap('fine', { rev: '1' }))
  await arrived(on, 'fine')
  const { out } = await last(on, object('poison'), 'parked')
  assert.match(out.text, /^parked after \d+ attempts?: .*422/)
  assert.ok(out.next !== undefined && outcomes(out).includes(422))
  const died = await last(on, object('poison'), 'dead-letter')
  const [letter] = died.out.letters
  assert.match(died.out.text, /given up after \d+ attempts?: .*422.*'watch-hub dead-letters replay /)
  assert.equal((await last(on, [letter?.id ?? ''])).event.id, died.event.id)
  assert.match((await world.cli('trace', died.event.id)).output, /given up after/)
})

test('an event that the endpoint names while it takes the others is not told as delivered; its newer state is, instead of it', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint: { batch: { maxObjects: 10, maxWait: '1s' } } })
  const { simulator, receiver } = on
  receiver.answerWith(({ items }) => ({
    body: {
      failures: items
        .filter(({ raw }) => JSON.stringify(raw).includes('"bad"'))
        .map(({ id }) => ({ id, message: 'no bad', retry: true })),
    },
  }))
  simulator.create('configmaps', configMap('poison', { rev: 'bad' }))
  simulator.create('configmaps', configMap('fine', { rev: '1' }))
  await arrived(on, 'fine')
  await last(on, object('fine'), 'delivered')
  const { event, out } = await last(on, object('poison'), 'parked')
  assert.match(out.requests[0]?.attempts[0]?.error ?? '', /^accepted, but 1 of \d events not: no bad$/)
  simulator.patch('configmaps', 'default/poison', { data: { rev: 'good' } })
  await arrived(on, 'poison')
  const newer = await last(on, object('poison'), 'delivered')
  const before = await last(on, [event.id], 'passed-over')
  assert.equal(before.out.instead, newer.event.id)
})

test('an endpoint that begins to hear a watch is told by a scan, and the trace says so', { timeout: 120_000 }, async () => {
  await using on = await setDeliveryStage({ endpoint })
  const { world, simulator, receiver } = on
  simulator.create('configmaps', configMap('old', { rev: '1' }))
  await arrived(on, 'old')
  const file = join(world.dataDir, '..', 'config', 'all.yaml')
  const text = await readFile(file, 'utf8')
  const watch = manifest('Watch', 'configmaps', { resources: ['configmaps'], endpoints: ['out', 'another'] })
  const before = text.slice(0, text.lastIndexOf('---\n'))
  await writeFile(file, [before, manifest('Endpoint', 'another', { url: receiver.url, ...endpoint }), watch].join('---\n'))
  const initial = () => receiver.items.find(({ id, sequence }) => id !== sequence)
  await receiver.waitFor(() => initial() !== undefined, 'the initial scan', 20_000)
  const { events } = await traced(on, [initial()?.id ?? '', '--endpoint', 'another'], (trace) => stateOf(trace) === 'delivered')
  const [another] = events[0]?.endpoints ?? []
  assert.equal(another?.text, 'delivered at the first attempt, by a scan or a replay')
  assert.ok(initial()?.id.startsWith(`${another?.requests[0]?.scan}-`))
  assert.deepEqual(
    (await traced(on, object('old'))).events[0]?.endpoints.map((each) => each.endpoint),
    ['another', 'out'],
  )
})
