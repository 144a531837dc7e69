import assert from 'node:assert/strict'
import test from 'node:test'
import type { Context } from '../store/store.ts'
import { contextText } from './contexts.ts'
import { type BatchFrame, decodeFrame, encodeFrame, envelopeOf, type Line, renderItems, renderRequest } from './render.ts'
import { logRow } from './testing/rows.ts'

const context: Context = {
  cluster: {
    name: 'prod-eu-1',
    uid: 'cluster-uid',
    labels: { env: 'prod' },
    metadata: { platform: 'baremetal', level: 'cluster' },
  },
  watches: { 'load-balancers': { assetId: 'svc' }, 'all-services': { tier: 2 } },
}
const contexts = new Map([['ctx', contextText(context)]])
const batch = { id: 'b-1', createdAt: Date.UTC(2026, 10, 23, 10, 0, 0) }

const lines: readonly Line[] = [
  {
    row: logRow({
      sequence: 1795450401978123,
      uid: 'u1',
      name: 'shop',
      body: '{"kind":"Service","spec":{"n":9007199254740993}}',
    }),
    member: { sequence: 1795450401978123, type: 'created', reason: 'in-scope', watches: ['all-services', 'load-balancers'] },
  },
  {
    row: logRow({ sequence: 1795450401978124, uid: 'u2', name: 'müller', body: '{"k":"ü"}' }),
    member: { sequence: 1795450401978124, type: 'deleted', watches: ['load-balancers'] },
  },
]

const payload = (frame: BatchFrame, scan?: string) => {
  const envelope = envelopeOf(batch, frame, 'dns')
  const items = renderItems(lines, { format: frame.format, envelope, contexts, ...(scan !== undefined && { scan }) })
  return Buffer.from(renderRequest(envelope, frame, items).body).toString('utf8')
}

const watchHubItems = (of: readonly Line[]) =>
  renderItems(of, { format: 'watch-hub', envelope: envelopeOf(batch, { format: 'watch-hub', metadata: {} }, 'dns'), contexts })

const cluster =
  '"cluster":{"name":"prod-eu-1","uid":"cluster-uid","labels":{"env":"prod"},"metadata":{"platform":"baremetal","level":"cluster"}}'

test('format watch-hub renders exactly these bytes', () => {
  assert.equal(
    payload({ format: 'watch-hub', metadata: { company: 'acme', owner: 'netops' } }),
    '{"version":"1","id":"b-1","endpoint":"dns","createdAt":"2026-11-23T10:00:00.000Z","metadata":{"company":"acme","owner":"netops"},"items":[' +
      `{"id":"00001795450401978123","type":"created","reason":"in-scope","sequence":"00001795450401978123","time":"2026-01-02T03:04:05.678Z",${cluster},` +
      '"watches":["all-services","load-balancers"],"metadata":{"tier":2,"assetId":"svc"},' +
      '"resource":{"group":"","version":"v1","kind":"Service","resource":"services","namespace":"web","name":"shop","uid":"u1","resourceVersion":"7"},' +
      '"object":{"kind":"Service","spec":{"n":9007199254740993}}},' +
      `{"id":"00001795450401978124","type":"deleted","sequence":"00001795450401978124","time":"2026-01-02T03:04:05.678Z",${cluster},` +
      '"watches":["load-balancers"],"metadata":{"assetId":"svc"},' +
      '"resource":{"group":"","version":"v1","kind":"Service","resource":"services","namespace":"web","name":"müller","uid":"u2","resourceVersion":"7"},' +
      '"object":{"k":"ü"}}]}',
  )
})

test('items of a scan have an id of their own and keep the sequence', () => {
  const items: unknown = JSON.parse(payload({ format: 'watch-hub', metadata: {} }, 'scan7')).items
  assert.ok(Array.isArray(items))
  assert.deepEqual(
    items.map(({ id, sequence }) => [id, sequence]),
    [
      ['scan7-00001795450401978123', '00001795450401978123'],
      ['scan7-00001795450401978124', '00001795450401978124'],
    ],
  )
})

test('format watch-proxy renders exactly these bytes', () => {
  const frame: BatchFrame = { format: 'watch-proxy', metadata: { company: 'acme', level: 'endpoint' }, cluster: context.cluster }
  assert.equal(
    payload(frame),
    '{"data":[' +
      '{"asset_type_id":"svc","data":{"kind":"Service","spec":{"n":9007199254740993}},"uniqueId":"prod-eu-1-u1","event":"add"},' +
      '{"asset_type_id":"svc","data":{"k":"ü"},"uniqueId":"prod-eu-1-u2","event":"delete"}' +
      '],"meta":{"company":"acme","level":"cluster","platform":"baremetal","cluster":"prod-eu-1"}}',
  )
})

test('an observation time that no calendar has is still a time', () => {
  const odd = lines.slice(0, 1).map((line) => ({ ...line, row: { ...line.row, observedAt: Number.MAX_SAFE_INTEGER } }))
  assert.match(watchHubItems(odd)[0] ?? '', /"time":"9999-12-31T23:59:59.999Z"/)
})

test('a frame is read back as it was written', () => {
  const frames: readonly BatchFrame[] = [
    { format: 'watch-hub', metadata: { nested: { a: [1, null] } } },
    {
      format: 'watch-proxy',
      metadata: {},
      cluster: { name: 'c', metadata: { a: 1 } },
    },
    { format: 'cloudevents', metadata: {}, source: 'https://hub.example.com', body: 'payload', marker: '{"type":"synced"}' },
  ]
  for (const frame of frames) assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
})

test('an item that is told as a patch has patch and base in the place of the object', () => {
  const row = logRow({
    sequence: 1795450401978123,
    uid: 'u1',
    body: '{"n":2}',
    patch: { base: 1795450401978120, text: '{"n":2}' },
  })
  const member = { sequence: row.sequence, type: 'updated' as const, watches: ['load-balancers'], base: 1795450401978120 }
  const [item] = watchHubItems([{ row, member }])
  assert.match(item ?? '', /"resourceVersion":"7"},"patch":{"n":2},"base":"00001795450401978120"}$/)
  const { patch: _, ...without } = row
  assert.throws(() => watchHubItems([{ row: without, member }]), {
    message: 'expected log row 1795450401978123 with its patch of 1795450401978120, got one of nothing',
  })
})
