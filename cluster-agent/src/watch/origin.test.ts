import assert from 'node:assert/strict'
import { test } from 'node:test'
import { originOf } from './origin.ts'

const metadata = { name: 'shop', namespace: 'web', uid: 'u1', resourceVersion: '7' }
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('a change was made when the server noted it last: by a field manager, at the creation, or as a deletion began', () => {
  const creationTimestamp = '2026-11-01T10:00:00Z'
  const managedFields = [{ time: '2026-11-02T10:00:00Z' }, { manager: 'no time' }, { time: '2026-11-03T10:00:00Z' }]
  const changedAt = (more: object) => originOf({ metadata: { ...metadata, ...more } }).changedAt
  assert.equal(changedAt({ creationTimestamp }), Date.parse(creationTimestamp))
  assert.equal(changedAt({ creationTimestamp, managedFields }), Date.parse('2026-11-03T10:00:00Z'))
  const deletionTimestamp = '2026-11-04T10:00:00Z'
  assert.equal(changedAt({ creationTimestamp, managedFields, deletionTimestamp }), Date.parse(deletionTimestamp))
})

test('an object that carries a trace context is linked to it', () => {
  const annotations = { 'tracing.k8s.io/traceparent': traceparent }
  assert.deepEqual(originOf({ metadata: { ...metadata, annotations } }), { linked: traceparent })
})

test('what is no time and no trace context is left out', () => {
  const annotations = { 'tracing.k8s.io/traceparent': 'see ticket 4711' }
  const more = { creationTimestamp: 'yesterday', managedFields: 'all', annotations }
  assert.deepEqual(originOf({ metadata: { ...metadata, ...more } }), {})
  assert.deepEqual(originOf({ metadata }), {})
})
