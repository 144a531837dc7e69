import assert from 'node:assert/strict'
import test from 'node:test'
import type { EndpointConfig, SecretRef } from '../config/model.ts'
import { createBodies } from './body/bodies.ts'
import { createEgress } from './egress.ts'
import { sendSample } from './sample.ts'
import { type Answer, startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'

const live = new AbortController().signal
const now = Date.UTC(2026, 10, 23)
const values: Readonly<Record<string, string>> = { token: 't0ken-t0ken', signing: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
const secrets = {
  read: async (ref: SecretRef) => {
    const value = 'secret' in ref ? values[ref.secret] : undefined
    return value === undefined ? { kind: 'missing' as const, reason: 'no such file' } : { kind: 'found' as const, value }
  },
}

async function sample(parts: Partial<EndpointConfig>, answer: Answer = 200, allow = ['127.0.0.0/8']) {
  await using receiver = await startReceiver()
  await using bodies = createBodies()
  receiver.otherwise(answer)
  const endpoint = endpointConfig({ url: `${receiver.url}/hooks?key=1`, ...parts })
  const deps = { secrets, bodies, egress: createEgress(allow), now: () => now }
  const settings = { release: '0.1.0', allowInsecureCredentials: true, signal: live }
  const told = await sendSample({ endpoint, attach: { company: 'acme' } }, deps, settings)
  return { told, url: `${receiver.url}/hooks`, received: receiver.received }
}

test('a sample is one marked event in the format, with auth and signature, and the answer is told', async () => {
  const parts = { auth: { kind: 'bearer', token: { secret: 'token' } }, signing: [{ secret: 'signing' }] } as const
  const said: Answer = (response) => response.end('thanks, t0ken-t0ken')
  const { told, url, received } = await sample({ ...parts, attach: { owner: 'netops' } }, said)
  const [request] = received
  assert.ok(request)
  assert.deepEqual(told, {
    ...{ id: request.id, url, format: 'watch-hub', outcome: 'accepted', status: 200, answer: 'thanks, ***', ms: 0 },
    bytes: Buffer.byteLength(request.body),
  })
  assert.equal(request.headers['webhook-test'], 'true')
  assert.equal(request.headers.authorization, 'Bearer t0ken-t0ken')
  assert.match(String(request.headers['webhook-signature']), /^v1,/)
  const { metadata, items } = JSON.parse(request.body)
  assert.deepEqual(metadata, { company: 'acme', owner: 'netops' })
  assert.equal(items.length, 1)
  const [{ id, type, reason, cluster, sequence, object }] = items
  assert.deepEqual([type, reason, cluster.name, sequence], ['created', 'test', 'watch-hub.test', '00001795392000000000'])
  assert.equal(id, `${request.id}-${sequence}`)
  assert.match(object.data.note, /sample/)
})

test('every format has a sample', async () => {
  const formats = ['watch-proxy', 'cloudevents', 'cloudevents-binary', 'cloudevents-batch'] as const
  for (const format of formats) {
    const { told, received } = await sample({ format })
    assert.equal(told.outcome, 'accepted', format)
    assert.equal(received[0]?.headers['webhook-test'], 'true', format)
    assert.match(`${JSON.stringify(received[0]?.headers)} ${received[0]?.body}`, /watch-hub\.test/, format)
  }
})

test('the own body of an endpoint is made of it; where none can be made nothing is sent', async () => {
  const { told, received } = await sample({ body: '{"who": payload.endpoint, "count": size(payload.items)}' })
  assert.equal(told.outcome, 'accepted')
  assert.deepEqual([JSON.parse(received[0]?.body ?? ''), told.bytes], [{ who: 'dns', count: 1 }, received[0]?.body.length])
  const failing = await sample({ body: 'payload.nothing' })
  assert.deepEqual([failing.told.outcome, failing.told.failure, failing.told.bytes], ['refused', 'body_error', 0])
  assert.equal(failing.received.length, 0)
})

test('it also goes to an endpoint that is paused, and past what it allows', async () => {
  const { told } = await sample({ paused: true, allow: { clusters: ['prod-*'] } })
  assert.equal(told.outcome, 'accepted')
})

test('an answer means what it means for events, by the own outcomes of the endpoint too', async () => {
  const unprocessable: Answer = (response) => response.writeHead(422).end('no such zone')
  const { told } = await sample({}, unprocessable)
  assert.deepEqual([told.outcome, told.failure, told.status, told.answer], ['refused', 'http_4xx', 422, 'no such zone'])
  assert.match(told.reason ?? '', /422/)
  assert.equal((await sample({ outcomes: { '4xx': 'try-later', '422': 'try-later' } }, unprocessable)).told.outcome, 'try-later')
  assert.equal((await sample({}, 410)).told.outcome, 'gone')
  assert.equal((await sample({}, 503)).told.outcome, 'try-later')
})

test('what it would not take is told by name', async () => {
  const named: Answer = (response, request) =>
    response.end(
      JSON.stringify({ failures: [{ id: `${request.headers['webhook-id']}-00001795392000000000`, message: 'no zone' }] }),
    )
  const { told } = await sample({}, named)
  assert.equal(told.outcome, 'accepted')
  assert.equal(told.failures?.[0]?.message, 'no zone')
})

test('nothing is sent where the hub does not go, or while a secret is missing', async () => {
  const closed = await sample({}, 200, [])
  assert.deepEqual([closed.told.outcome, closed.told.bytes, closed.received.length], ['blocked', 0, 0])
  assert.match(closed.told.reason ?? '', /loopback/)
  const missing = await sample({ auth: { kind: 'bearer', token: { secret: 'none' } } })
  assert.deepEqual([missing.told.outcome, missing.told.reason, missing.received.length], ['blocked', 'no such file', 0])
})
