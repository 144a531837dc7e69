import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTraceparent, newTrace } from '@watch-hub/shared/protocol/traceparent'
import { contextText } from '../delivery/contexts.ts'
import type { Item } from '../delivery/formats/format.ts'
import { logRow } from '../delivery/testing/rows.ts'
import { createDeliveryTracing } from './delivery-tracing.ts'
import { hubResource } from './resource.ts'
import { createSampling } from './sampling.ts'
import { type Recorded, recorded } from './testing/recorded.ts'

const hub = hubResource({ version: '1', instance: 'test' })
const context = contextText({ cluster: { name: 'prod', uid: 'u', labels: {}, metadata: {} }, watches: {}, commit: 'c0ffee' })

const item = (sequence: number, sampled: boolean | undefined): Item => ({
  row: { ...logRow({ sequence }), ...(sampled !== undefined && { traceparent: formatTraceparent(newTrace(sampled)) }) },
  member: { sequence, type: 'updated', watches: ['lb'] },
  context,
})

interface Ended {
  readonly status: number
  readonly error?: string
  readonly untaken?: number
}

function tracing(spans: Recorded, { keepsFailures = true, propagates = true } = {}) {
  const sampling = createSampling({ sampler: 'always_off' }, () => 0)
  const tracer = createDeliveryTracing({ spans, sampling, hub, keepsFailures, propagates })
  return (items: readonly Item[], outcome: Ended = { status: 200 }) => {
    const trace = tracer.begin({ endpoint: 'dns', batch: 'b1', items, bytes: 10, number: 1 })
    assert.ok(trace !== undefined)
    const request = trace.request({ url: new URL('https://user:secret@dns.example.com/hook?token=secret'), resend: 0 })
    request.end({ status: outcome.status })
    trace.end({ outcome: outcome.error === undefined ? 'accepted' : 'http_5xx', ...outcome })
    return { trace, request }
  }
}

test('an attempt is recorded if any of its events is, and links to those first', () => {
  const spans = recorded(3)
  const items = [item(1, false), item(2, false), item(3, true), item(4, false), item(5, true)]
  const { trace, request } = tracing(spans)(items)
  const [post, deliver] = spans.spans
  assert.deepEqual([post?.name, deliver?.name], ['POST', 'deliver dns'])
  const ids = deliver?.links?.map(({ attributes }) => Number(attributes?.['messaging.message.id']))
  assert.deepEqual(ids, [3, 5, 1, 2, 4])
  assert.deepEqual([deliver?.attributes['watch_hub.links.total'], deliver?.attributes['watch_hub.links.dropped']], [5, 2])
  assert.equal(post?.parent?.spanId, deliver?.context.spanId)
  assert.ok(trace.traceparent.endsWith('-01') && request.traceparent?.endsWith('-01'))
})

test('an attempt of which no event is recorded leaves nothing, and says so to the receiver', () => {
  const spans = recorded()
  const { request } = tracing(spans)([item(1, false), item(2, false)])
  assert.deepEqual(spans.spans, [])
  assert.ok(request.traceparent?.endsWith('-00'))
})

test('one that failed is kept all the same, unless failures are sampled too', () => {
  const failed = { status: 503, error: 'answered 503' }
  const spans = recorded()
  tracing(spans)([item(1, false)], failed)
  assert.deepEqual(
    spans.spans.map(({ name, error }) => [name, error]),
    [
      ['POST', 'answered 503'],
      ['deliver dns', 'answered 503'],
    ],
  )
  const none = recorded()
  tracing(none, { keepsFailures: false })([item(1, false)], failed)
  assert.deepEqual(none.spans, [])
})

test('events of a release that knew of no contexts are told without links', () => {
  const spans = recorded()
  tracing(spans)([item(1, undefined), item(2, true)])
  assert.equal(spans.spans[1]?.links?.length, 1)
  assert.equal(spans.spans[1]?.attributes['messaging.batch.message_count'], 2)
})

test('a url is shown without its credentials and its query', () => {
  const spans = recorded()
  tracing(spans)([item(1, true)])
  assert.equal(spans.spans[0]?.attributes['url.full'], 'https://dns.example.com/hook')
  assert.doesNotMatch(JSON.stringify(spans.spans), /secret/)
})

test('requests carry no trace context where the operator wants none', () => {
  const { request } = tracing(recorded(), { propagates: false })([item(1, true)])
  assert.equal(request.traceparent, undefined)
})

test('what a scan tells all at once is recorded only as far as the sampler goes along now', () => {
  const scanned = [1, 2].map((sequence) => ({ ...item(sequence, true), scan: 'scan1' }))
  const spans = recorded()
  const { request } = tracing(spans)(scanned)
  assert.deepEqual(spans.spans, [])
  assert.ok(request.traceparent?.endsWith('-00'))
  tracing(spans)([...scanned, item(3, true)])
  assert.equal(spans.spans.length, 2, 'an event of now among them counts as ever')
})

test('of a large batch the recorded events are found by their ids, wherever they stand in it', () => {
  const spans = recorded(0)
  const items = Array.from({ length: 300 }, (_, i) => item(i + 1, i === 199))
  tracing(spans)(items)
  const ids = spans.spans[1]?.attributes['cloudevents.event_id']
  assert.ok(Array.isArray(ids) && ids.length === 128 && Number(ids[0]) === 200)
})

test('a request of which some events were not taken counts as one that failed, and says how many', () => {
  const spans = recorded()
  tracing(spans)([item(1, false), item(2, false)], { status: 200, untaken: 1 })
  const [, deliver] = spans.spans
  assert.equal(deliver?.attributes['watch_hub.untaken'], 1)
  assert.equal(deliver?.error, undefined)
})
