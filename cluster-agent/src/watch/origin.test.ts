import assert from 'node:assert/strict'
import { test } from 'node:test'
import { originOf } from './origin.ts'

const metadata = { name: 'shop', namespace: 'web', uid: 'u1', resourceVersion: '7' }
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('a change was made when a field manager wrote last; the creation counts only for what is new', () => {
  const creationTimestamp = '2026-11-01T10:00:00Z'
  const managedFields = [{ time: '2026-11-02T10:00:00Z' }, { manager: 'no time' }, { time: '2026-11-03T10:00:00Z' }]
  const changedAt = (more: object, created = false) => originOf({ metadata: { ...metadata, ...more } }, { created }).changedAt
  assert.equal(changedAt({ creationTimestamp }, true), Date.parse(creationTimestamp))
  assert.equal(changedAt({ creationTimestamp }), undefined)
  assert.equal(changedAt({ creationTimestamp, managedFields }), Date.parse('2026-11-03T10:00:00Z'))
})

test('an object that is to be deleted was changed when that was asked for, before its grace period; when it was gone nobody notes', () => {
  const ending = { ...metadata, deletionTimestamp: '2026-11-04T10:00:30Z', deletionGracePeriodSeconds: 30 }
  assert.equal(originOf({ metadata: ending }).changedAt, Date.parse('2026-11-04T10:00:00Z'))
  assert.equal(originOf({ metadata: { ...ending, deletionGracePeriodSeconds: 0 } }).changedAt, Date.parse('2026-11-04T10:00:30Z'))
  assert.equal(originOf({ metadata: ending }, { gone: true }).changedAt, undefined)
})

test('an object that carries a trace context is linked to it', () => {
  const annotations = { 'tracing.k8s.io/traceparent': traceparent }
  assert.deepEqual(originOf({ metadata: { ...metadata, annotations } }), { linked: traceparent })
})

test('what is no time and no trace context is left out', () => {
  const annotations = { 'tracing.k8s.io/traceparent': 'see ticket 4711' }
  const more = { creationTimestamp: 'yesterday', managedFields: 'all', annotations }
  assert.deepEqual(originOf({ metadata: { ...metadata, ...more } }, { created: true }), {})
  assert.deepEqual(originOf({ metadata }), {})
})
