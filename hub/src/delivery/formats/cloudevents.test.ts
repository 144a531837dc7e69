import assert from 'node:assert/strict'
import test from 'node:test'
import { array, type Decoded, decodeJson, json, object, optional, record, string } from '@watch-hub/shared/protocol/decode'
import { HTTP } from 'cloudevents'
import followsTheSchema from 'cloudevents/dist/schema/v1.js' // the JSON schema of the specification, compiled by the SDK
import type { Format as FormatName } from '../../config/model.ts'
import { contextText } from '../contexts.ts'
import { envelopeOf, renderItems, renderMarker, renderRequest } from '../render.ts'
import { logRow } from '../testing/rows.ts'
import { cloudevents, cloudeventsBinary } from './cloudevents.ts'

const context = contextText({
  cluster: { name: 'prod-eu-1', uid: 'cluster-uid', labels: { env: 'prod' }, metadata: { platform: 'metal' } },
  watches: { services: { assetId: 'svc' } },
})
const contexts = new Map([['ctx', context]])
const batch = { id: 'batch-1', createdAt: Date.UTC(2026, 10, 23, 10) }

const shop = logRow({ sequence: 1795450401978123, name: 'shop', uid: 'u1', body: '{"kind":"Service","n":9007199254740993}' })
const cart = logRow({ sequence: 1795450401978124, name: 'cart', uid: 'u2', group: 'apps', resource: 'deployments' })
const created = { sequence: shop.sequence, type: 'created', reason: 'initial', watches: ['services'] } as const
const deleted = { sequence: cart.sequence, type: 'deleted', watches: ['services'] } as const
const both = [
  { row: shop, member: created },
  { row: cart, member: deleted },
]
const one = both.slice(0, 1)

const frameOf = (format: FormatName) => ({ format, metadata: { company: 'acme' }, source: 'https://hub.example.com' })

function request(format: FormatName, lines: typeof both, scan?: string) {
  const frame = frameOf(format)
  const envelope = envelopeOf(batch, frame, 'dns')
  const items = renderItems(lines, { format, envelope, contexts, ...(scan !== undefined && { scan }) })
  const { body, headers } = renderRequest(envelope, frame, items)
  return { body: Buffer.from(body).toString('utf8'), headers }
}

const attributes = {
  specversion: '1.0',
  type: 'dev.watch-hub.resource.created',
  source: 'https://hub.example.com/clusters/prod-eu-1',
  id: '00001795450401978123',
  subject: 'services/web/shop',
  time: '2026-01-02T03:04:05.678Z',
  datacontenttype: 'application/json',
  sequence: '00001795450401978123',
  partitionkey: 'prod-eu-1/services/web/shop',
  recordedtime: '2026-11-23T10:00:00.000Z',
}
const data =
  '{"endpoint":"dns","metadata":{"company":"acme"},"cluster":{"name":"prod-eu-1","uid":"cluster-uid","labels":{"env":"prod"},"metadata":{"platform":"metal"}},' +
  '"watches":["services"],"watchMetadata":{"assetId":"svc"},' +
  '"resource":{"group":"","version":"v1","kind":"Service","resource":"services","namespace":"web","name":"shop","uid":"u1","resourceVersion":"7"},' +
  '"reason":"initial","object":{"kind":"Service","n":9007199254740993}}'

test('cloudevents renders exactly these bytes', () => {
  assert.deepEqual(request('cloudevents', one), {
    body: `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}`,
    headers: { 'content-type': 'application/cloudevents+json' },
  })
})

test('cloudevents-binary has the attributes as headers and the data as body', () => {
  const { datacontenttype, ...rest } = attributes
  assert.deepEqual(request('cloudevents-binary', one), {
    body: data,
    headers: {
      'content-type': datacontenttype,
      ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [`ce-${name}`, value])),
    },
  })
})

test('cloudevents-batch is an array of such events', () => {
  const { body, headers } = request('cloudevents-batch', both)
  assert.deepEqual(headers, { 'content-type': 'application/cloudevents-batch+json' })
  assert.ok(body.startsWith(`[${request('cloudevents', one).body},{`))
  assert.deepEqual(
    decodeEvents(body).map(({ type, subject, partitionkey }) => [type, subject, partitionkey]),
    [
      ['dev.watch-hub.resource.created', 'services/web/shop', 'prod-eu-1/services/web/shop'],
      ['dev.watch-hub.resource.deleted', 'deployments.apps/web/cart', 'prod-eu-1/deployments.apps/web/cart'],
    ],
  )
})

test('the SDK reads back what was sent, in every mode', () => {
  for (const format of ['cloudevents', 'cloudevents-binary', 'cloudevents-batch'] as const) {
    const read: unknown = JSON.parse(JSON.stringify([HTTP.toEvent(request(format, one))].flat()))
    assert.deepEqual(read, [{ ...attributes, data: JSON.parse(data) }], format)
  }
})

test('what is sent follows the schema of the specification, markers too', () => {
  const events: readonly object[] = JSON.parse(
    `[${request('cloudevents-batch', both).body.slice(1, -1)},${marker('cloudevents')}]`,
  )
  for (const each of events) assert.ok(followsTheSchema(each), JSON.stringify(each))
  assert.equal(events.length, 3)
  assert.equal(followsTheSchema({ ...events[0], source: '' }), false)
})

const event = object({
  id: string,
  type: string,
  source: string,
  subject: optional(string),
  sequence: string,
  partitionkey: optional(string),
  data: record(json),
})
const decodeEvent = (text: string): Decoded<typeof event> => decodeJson(event, text)
const decodeEvents = (text: string): readonly Decoded<typeof event>[] => decodeJson(array(event), text)

const marker = (format: FormatName, count?: number) => {
  const counted = count !== undefined && { count }
  const item = { scan: 'scan7', watch: 'services', context, time: 0, since: 5, sequence: 9, ...counted }
  return renderMarker(item, format, envelopeOf(batch, frameOf(format), 'dns')) ?? ''
}

test('a marker is an event of its own, without an object', () => {
  const { id, type, subject, partitionkey, sequence, data } = decodeEvent(marker('cloudevents-batch', 412))
  assert.deepEqual(
    { id, type, subject, partitionkey, sequence },
    {
      id: 'scan7-synced',
      type: 'dev.watch-hub.resource.synced',
      subject: undefined,
      partitionkey: undefined,
      sequence: '00000000000000000009',
    },
  )
  const { scan, since, count, watches } = data
  assert.deepEqual(
    { scan, since, count, watches },
    { scan: 'scan7', since: '00000000000000000005', count: 412, watches: ['services'] },
  )
})

test('what a scan tells has an id of its own and the sequence of what it tells', () => {
  const { id, sequence } = decodeEvent(request('cloudevents', one, 'scan7').body)
  assert.deepEqual([id, sequence], ['scan7-00001795450401978123', '00001795450401978123'])
})

const item = { row: shop, member: created, context }
const envelope = { ...envelopeOf(batch, frameOf('cloudevents'), 'dns') }

test('an object without a namespace has none in its subject', () => {
  const node = logRow({ sequence: 1, namespace: '', name: 'n1', resource: 'nodes' })
  assert.equal(decodeEvent(cloudevents.item({ ...item, row: node }, envelope)).subject, 'nodes/n1')
})

test('without a public URL the source is a reference relative to the hub', () => {
  assert.equal(decodeEvent(cloudevents.item(item, { ...envelope, source: '' })).source, '/clusters/prod-eu-1')
})

test('an event that was traced carries its trace', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const traced = cloudeventsBinary.item({ ...item, row: { ...item.row, traceparent } }, envelope)
  assert.equal(cloudeventsBinary.request(envelope, [traced]).headers['ce-traceparent'], traceparent)
})

test('headers are printable ASCII, whatever an object is called', () => {
  const odd = logRow({ sequence: 1, name: 'a "b" 100% müller €\u{1f600}\n~!' })
  const { headers } = cloudeventsBinary.request(envelope, [cloudeventsBinary.item({ ...item, row: odd }, envelope)])
  assert.equal(headers['ce-subject'], 'services/web/a%20%22b%22%20100%25%20m%C3%BCller%20%E2%82%AC%F0%9F%98%80%0A~!')
  assert.equal(decodeURIComponent(headers['ce-subject'] ?? ''), 'services/web/a "b" 100% müller €\u{1f600}\n~!')
})

test('a body with tabs is sent as it is', () => {
  const tabbed = logRow({ sequence: 1, body: '{\t"a":\t1}' })
  const { body } = cloudeventsBinary.request(envelope, [cloudeventsBinary.item({ ...item, row: tabbed }, envelope)])
  assert.match(body.join(''), /"object":\{\t"a":\t1\}\}$/)
})

test('two events in a format that has one per request are a bug', () => {
  assert.throws(() => cloudevents.request(envelope, ['{}', '{}']), { message: 'expected one event per request, got 2' })
})
