/** The shape of traces, as a collector gets it: what is a root, what has a parent, what is linked to what; all processes real. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DeliveryStage, type DeliveryStageSettings, setDeliveryStage } from '../support/delivery-stage.ts'
import type { Json } from '../support/kube-client.ts'
import { manifest } from '../support/manifest.ts'
import { configMap } from '../support/objects.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { graphOf, traceparentOf } from '../support/span-graph.ts'

interface TracedStage extends AsyncDisposable, Omit<DeliveryStage, typeof Symbol.asyncDispose> {
  readonly collector: OtlpReceiver
}

interface Settings extends Omit<DeliveryStageSettings, 'hub'> {
  readonly sampler?: string
  readonly args?: readonly string[]
}

async function setStage({ sampler = 'always_on', args = [], ...settings }: Settings): Promise<TracedStage> {
  await using building = new AsyncDisposableStack()
  const collector = building.use(await startOtlpReceiver())
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_TRACES_SAMPLER: sampler }
  const stage = building.use(await setDeliveryStage({ ...settings, hub: { env, args } }))
  const scope = building.move()
  return { ...stage, collector, [Symbol.asyncDispose]: () => scope.disposeAsync() }
}

const atOnce = { batch: { maxObjects: 500, maxWait: '0s' } }

/** Spans of events; those of commits have a test of their own. */
const eventSpans = ({ spans }: OtlpReceiver) =>
  spans.filter(({ attributes }) => 'messaging.system' in attributes || attributes['http.request.method'] === 'POST')
const named = (collector: OtlpReceiver, name: string) => eventSpans(collector).filter((span) => span.name.startsWith(name))
const one = (collector: OtlpReceiver, name: string) => {
  const [span, ...others] = named(collector, name)
  assert.ok(span !== undefined && others.length === 0, `expected one span ${name}, got ${others.length + (span ? 1 : 0)}`)
  return span
}
const arrived = ({ collector }: TracedStage, name: string, count: number) =>
  collector.waitFor((got) => named(got, name).length >= count, `${count} spans ${name}`, 20_000)

const create = (name: string) => ({
  name: `create k8s.events configmaps/default/${name}`,
  kind: 'producer',
  service: 'watch-hub-agent',
})
const processing = (...names: string[]) => ({
  name: 'process k8s.events',
  kind: 'consumer',
  service: 'watch-hub',
  links: names.map((name) => create(name).name),
})
const deliver = (endpoint: string, attempt: number, links: readonly string[]) => ({
  name: `deliver ${endpoint} #${attempt}`,
  kind: 'client',
  service: 'watch-hub',
  links,
})
const post = (parent: string) => ({ name: 'POST', kind: 'client', service: 'watch-hub', parent })

const annotated = (name: string, traceparent: string): Json => {
  const object = configMap(name, { rev: '1' })
  return { ...object, metadata: { name, namespace: 'default', annotations: { 'tracing.k8s.io/traceparent': traceparent } } }
}

const headerOf = ({ requests }: Receiver) => requests.map(({ headers }) => headers.traceparent)

test('a single event is a creation, its frame and one attempt with its request, each a trace of its own with links between them', {
  timeout: 120_000,
}, async () => {
  await using on = await setStage({ endpoint: atOnce })
  const foreign = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
  on.simulator.create('configmaps', annotated('shop', foreign))
  await arrived(on, 'deliver', 1)
  assert.deepEqual(graphOf(eventSpans(on.collector)), [
    post('deliver out #1'),
    { ...create('shop'), links: ['unknown'] },
    deliver('out', 1, [create('shop').name]),
    processing('shop'),
  ])

  const created = one(on.collector, 'create')
  const { traceId, spanId } = created.links[0] ?? {}
  assert.deepEqual([traceId, spanId], foreign.split('-').slice(1, 3), 'what the object carries is a link, never a parent')
  assert.equal(created.resource['k8s.cluster.name'], 'prod')
  assert.equal(typeof created.resource['k8s.cluster.uid'], 'string')
  const [item] = on.receiver.items
  assert.equal(item?.raw.traceparent, traceparentOf(created), 'the item carries the context in which the agent made it')
  assert.deepEqual(headerOf(on.receiver), [traceparentOf(one(on.collector, 'POST'))], 'the header carries the request')
  assert.equal(created.attributes['watch_hub.object'], 'configmaps/default/shop')
  assert.deepEqual(created.attributes['watch_hub.watches'], ['configmaps'])
  assert.match(String(created.attributes['watch_hub.commit']), /^dir-/)
  const attempt = one(on.collector, 'deliver')
  assert.deepEqual(attempt.attributes['cloudevents.event_id'], [item?.id])
  assert.equal(created.attributes['cloudevents.event_id'], item?.id)
  assert.equal(attempt.attributes['watch_hub.outcome'], 'accepted')
  const request = one(on.collector, 'POST')
  assert.equal(request.attributes['http.response.status_code'], 200)
  assert.equal(request.attributes['server.address'], '127.0.0.1')
  assert.equal(new Set([created, attempt, one(on.collector, 'process')].map((span) => span.traceId)).size, 3)
})

test('a batch of 300 events links to 128 of them and counts the others', { timeout: 120_000 }, async () => {
  await using on = await setStage({ endpoint: atOnce })
  await on.world.api('/endpoints/out/pause', 'POST', { by: 'test' })
  for (let i = 0; i < 300; i++) on.simulator.create('configmaps', configMap(`cm-${i}`, { rev: '1' }))
  await on.world.status(({ endpoints: [out] }) => out?.backlog === 300, 'a backlog of 300')
  await on.world.api('/endpoints/out/resume', 'POST')
  await arrived(on, 'deliver', 1)
  await arrived(on, 'create', 300)
  const attempt = one(on.collector, 'deliver')
  assert.equal(attempt.attributes['messaging.batch.message_count'], 300)
  assert.equal(attempt.links.length, 128)
  assert.equal(attempt.droppedLinksCount, 172)
  assert.deepEqual([attempt.attributes['watch_hub.links.total'], attempt.attributes['watch_hub.links.dropped']], [300, 172])
  const created = new Set(named(on.collector, 'create').map(({ spanId }) => spanId))
  assert.equal(created.size, 300)
  assert.ok(attempt.links.every(({ spanId }) => created.has(spanId)))
  const linked = named(on.collector, 'process').reduce(
    (sum, { attributes }) => sum + Number(attributes['watch_hub.links.total']),
    0,
  )
  assert.equal(linked, 300)
})

test('two endpoints that are told of one event make two traces that link to one creation', { timeout: 120_000 }, async () => {
  await using other = await startReceiver()
  await using on = await setStage({
    endpoint: atOnce,
    manifests: () => [
      manifest('Endpoint', 'other', { url: other.url, ...atOnce }),
      manifest('Watch', 'too', { resources: ['configmaps'], endpoints: ['other'] }),
    ],
  })
  on.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await arrived(on, 'deliver', 2)
  assert.deepEqual(graphOf(eventSpans(on.collector)), [
    post('deliver other #1'),
    post('deliver out #1'),
    create('shop'),
    deliver('other', 1, [create('shop').name]),
    deliver('out', 1, [create('shop').name]),
    processing('shop'),
  ])
  assert.equal(new Set(named(on.collector, 'deliver').map(({ traceId }) => traceId)).size, 2)
  assert.deepEqual(
    other.items.map(({ raw }) => raw.traceparent),
    on.receiver.items.map(({ raw }) => raw.traceparent),
  )
})

test('each attempt is a trace of its own that links to the event and to the attempt before it', {
  timeout: 120_000,
}, async () => {
  await using on = await setStage({ endpoint: atOnce })
  on.receiver.answerWith(({ number }) => (number < 3 ? { status: 503 } : {}))
  on.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await arrived(on, 'deliver', 3)
  const { name } = create('shop')
  const failed = { error: true }
  assert.deepEqual(graphOf(eventSpans(on.collector)), [
    { ...post('deliver out #1'), ...failed },
    { ...post('deliver out #2'), ...failed },
    post('deliver out #3'),
    create('shop'),
    { ...deliver('out', 1, [name]), ...failed },
    { ...deliver('out', 2, ['deliver out #1', name]), ...failed },
    deliver('out', 3, ['deliver out #2', name]),
    processing('shop'),
  ])
  assert.equal(new Set(named(on.collector, 'deliver').map(({ traceId }) => traceId)).size, 3)
  assert.equal(new Set(headerOf(on.receiver)).size, 3)
  assert.equal(new Set(on.receiver.requests.map(({ headers }) => headers['webhook-id'])).size, 1)
  assert.equal(new Set(on.receiver.requests.map(({ raw }) => raw)).size, 1, 'the body is the same at every attempt')
  const log = on.world.hub().output()
  const line = log.split('\n').find((each) => each.includes('delivery failed'))
  const { trace_id: traceId, span_id: spanId } = JSON.parse(line ?? '{}')
  const [first] = named(on.collector, 'deliver out').filter(({ attributes }) => attributes['watch_hub.attempt'] === 1)
  assert.deepEqual([traceId, spanId], [first?.traceId, first?.spanId], 'the log names the trace')
})

test('an event that was stored by a hub is delivered by the next one under the context that it had', {
  timeout: 120_000,
}, async () => {
  await using on = await setStage({ endpoint: atOnce })
  on.receiver.answerWith(() => ({ status: 503 }))
  on.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await arrived(on, 'deliver', 1)
  await on.world.hub()[Symbol.asyncDispose]()
  on.receiver.answerWith(() => ({}))
  await on.world.startHub()
  await on.receiver.waitFor(({ items }) => items.length > 0, 'the event', 30_000)
  await on.collector.waitFor((got) => named(got, 'deliver').some(({ status }) => status.code === 'unset'), 'the accepted attempt')
  const attempts = named(on.collector, 'deliver')
  const last = attempts.at(-1)
  const before = attempts.at(-2)
  const created = one(on.collector, 'create')
  assert.deepEqual(
    last?.links.map(({ spanId }) => spanId),
    [before?.spanId, created.spanId],
    'the attempt before it was made by the hub before it',
  )
  assert.equal(last?.attributes['watch_hub.attempt'], attempts.length)
  assert.equal(on.receiver.items[0]?.raw.traceparent, traceparentOf(created))
})

test('what is not sampled leaves no span, and the receiver is told so; a failure is kept all the same', {
  timeout: 120_000,
}, async () => {
  await using on = await setStage({ endpoint: atOnce, sampler: 'always_off' })
  on.receiver.answerWith(({ number }) => (number === 2 ? { status: 503 } : {}))
  on.simulator.create('configmaps', configMap('fine', { rev: '1' }))
  await on.receiver.waitFor(({ items }) => items.length === 1, 'the first event')
  on.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await on.receiver.waitFor(({ items }) => items.length === 2, 'the second event')
  await arrived(on, 'deliver', 1)
  assert.deepEqual(graphOf(eventSpans(on.collector)), [
    { ...post('deliver out #1'), error: true },
    { ...deliver('out', 1, ['unknown']), error: true },
  ])
  assert.ok(headerOf(on.receiver).every((header) => typeof header === 'string' && header.endsWith('-00')))
  assert.ok(on.receiver.items.every(({ raw }) => String(raw.traceparent).endsWith('-00')))
  const [attempt] = named(on.collector, 'deliver')
  assert.equal(attempt?.links[0]?.traceId, String(on.receiver.items[1]?.raw.traceparent).split('-')[1])
})

test('failures are sampled like everything else where the operator wants that', { timeout: 120_000 }, async () => {
  await using on = await setStage({ endpoint: atOnce, sampler: 'always_off', args: ['--trace-failures', 'sampled'] })
  on.receiver.answerWith(({ number }) => (number === 1 ? { status: 503 } : {}))
  on.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await on.receiver.waitFor(({ items }) => items.length === 1, 'the event')
  await on.world.hub()[Symbol.asyncDispose]() // hands over what it has
  assert.deepEqual(on.collector.spans, [])
})

test('a deletion that happened while nobody looked has a creation, marked as recovered', { timeout: 120_000 }, async () => {
  await using on = await setStage({ endpoint: atOnce })
  on.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await arrived(on, 'deliver', 1)
  await on.world.agent('prod')[Symbol.asyncDispose]()
  on.simulator.delete('configmaps', 'default/shop')
  on.collector.clear()
  await on.world.startAgent(on.cluster)
  await arrived(on, 'deliver', 1)
  assert.deepEqual(graphOf(eventSpans(on.collector)), [
    post('deliver out #1'),
    create('shop'),
    deliver('out', 1, [create('shop').name]),
    processing('shop'),
  ])
  const { attributes } = one(on.collector, 'create')
  assert.deepEqual(
    [attributes['watch_hub.reason'], attributes['watch_hub.change'], attributes['watch_hub.cause']],
    ['recovered', 'gone', 'list'],
  )
  assert.equal(on.receiver.items.at(-1)?.type, 'deleted')
})

test('a parked object and its dead letter keep the context, until a replay is delivered under it', {
  timeout: 120_000,
}, async () => {
  await using on = await setStage({ endpoint: { ...atOnce, history: 'every', retry: { maxAge: '1s' } } })
  on.receiver.answerWith(() => ({ status: 422 }))
  on.simulator.create('configmaps', configMap('shop', { rev: '1' }))
  await on.world.status(({ endpoints: [out] }) => out?.deadLetters.count === 1, 'the dead letter', 60_000)
  on.receiver.answerWith(() => ({}))
  await on.world.cli('dead-letters', 'replay', '--endpoint', 'out')
  await on.receiver.waitFor(({ items }) => items.length === 1, 'the replayed event', 20_000)
  await on.collector.waitFor((got) => named(got, 'deliver').some(({ status }) => status.code === 'unset'), 'the accepted attempt')
  const created = one(on.collector, 'create')
  const attempts = named(on.collector, 'deliver')
  assert.ok(attempts.length >= 3)
  assert.ok(attempts.every(({ links }) => links.some(({ spanId }) => spanId === created.spanId)))
  assert.equal(on.receiver.items[0]?.raw.traceparent, traceparentOf(created))
  const tries = attempts.slice(0, -1)
  tries.slice(1).forEach((attempt, i) => {
    assert.equal(attempt.links[0]?.spanId, tries[i]?.spanId, 'one that is parked goes on where it was')
  })
})
