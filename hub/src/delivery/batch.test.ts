import assert from 'node:assert/strict'
import test from 'node:test'
import type { EventType } from '../config/model.ts'
import { type CutLimits, closeWindow, cut, type WindowTiming } from './batch.ts'
import { compact } from './compact.ts'
import { logRow } from './testing/rows.ts'

const limits: CutLimits = { maxObjects: 3, maxBytes: 1_000, byCluster: false }
const timing: WindowTiming = { limits, maxWaitMs: 100, flush: false, now: 1_050 }

type Line = readonly [
  uid: string,
  type?: EventType,
  more?: { readonly cluster?: string; readonly body?: string; readonly appendedAt?: number },
]
const rowsOf = (...lines: readonly Line[]) =>
  lines.map(([uid, type = 'created', more = {}], i) =>
    logRow({ sequence: i + 1, uid, ...more, routes: [{ endpoint: 'dns', type, watches: ['w'] }] }),
  )

const spansOf = (rows: ReturnType<typeof rowsOf>) => compact(rows, { name: 'dns', history: 'latest' })
const uids = (cuts: ReturnType<typeof cut>) => cuts.map((each) => each.spans.map((span) => span.row.object.uid).join(' '))

test('batches are cut at maxObjects', () => {
  const cuts = cut(spansOf(rowsOf(['a'], ['b'], ['c'], ['d'])), limits)
  assert.deepEqual(uids(cuts), ['a b c', 'd'])
  assert.deepEqual(
    cuts.map((each) => each.full),
    [true, false],
  )
})

test('batches are cut before the body that would take them above maxBytes', () => {
  const body = JSON.stringify('x'.repeat(398))
  const cuts = cut(spansOf(rowsOf(['a', 'created', { body }], ['b', 'created', { body }], ['c', 'created', { body }])), limits)
  assert.deepEqual(uids(cuts), ['a b', 'c'])
  assert.deepEqual(
    cuts.map((each) => each.bytes),
    [800, 400],
  )
})

test('bytes are counted as they travel, not as characters', () => {
  const body = JSON.stringify('ä'.repeat(300))
  assert.deepEqual(uids(cut(spansOf(rowsOf(['a', 'created', { body }], ['b', 'created', { body }])), limits)), ['a', 'b'])
})

test('an object larger than maxBytes goes alone', () => {
  const body = JSON.stringify('x'.repeat(2_000))
  const cuts = cut(spansOf(rowsOf(['a'], ['big', 'created', { body }], ['b'])), limits)
  assert.deepEqual(uids(cuts), ['a', 'big', 'b'])
})

test('by cluster, no request holds two clusters and each cluster keeps its order', () => {
  const one = { cluster: 'one' }
  const two = { cluster: 'two' }
  const rows = rowsOf(
    ['a', 'created', one],
    ['b', 'created', two],
    ['c', 'created', one],
    ['d', 'created', two],
    ['e', 'created', one],
  )
  assert.deepEqual(uids(cut(spansOf(rows), { ...limits, byCluster: true })), ['a c e', 'b d'])
})

test('full batches go at once and what is left waits for its time', () => {
  const rows = rowsOf(['a'], ['b'], ['c'], ['d'])
  const window = closeWindow(rows, spansOf(rows), timing)
  assert.deepEqual(uids(window.cuts), ['a b c'])
  assert.equal(window.rows, 3)
  assert.deepEqual(window.rest, { events: 1, bytes: 18, due: 1_100 })
})

test('a batch that is not full goes when its oldest event has waited maxWait', () => {
  const rows = rowsOf(['a'], ['b', 'created', { appendedAt: 1_099 }])
  assert.deepEqual(closeWindow(rows, spansOf(rows), timing).rows, 0)
  assert.deepEqual(uids(closeWindow(rows, spansOf(rows), { ...timing, now: 1_100 }).cuts), ['a b'])
})

test('the wait of an object that changes on counts from its oldest event', () => {
  const rows = rowsOf(['hot'], ['hot', 'updated', { appendedAt: 1_099 }])
  assert.deepEqual(uids(closeWindow(rows, spansOf(rows), { ...timing, now: 1_100 }).cuts), ['hot'])
})

test('without maxWait nothing waits, whatever the clock says', () => {
  const rows = rowsOf(['a', 'created', { appendedAt: 9_999 }])
  assert.deepEqual(uids(closeWindow(rows, spansOf(rows), { ...timing, maxWaitMs: 0 }).cuts), ['a'])
})

test('what cannot be told apart from a full batch goes along with it', () => {
  const rows = rowsOf(['hot'], ['a'], ['b'], ['c'], ['hot', 'updated'])
  const window = closeWindow(rows, spansOf(rows), timing)
  assert.deepEqual(uids(window.cuts), ['a b c', 'hot'])
  assert.equal(window.rows, 5)
  assert.equal(window.rest, undefined)
})

test('a full batch of one cluster that began after the rest of another takes it along', () => {
  const rows = rowsOf(['x', 'created', { cluster: 'two' }], ['a'], ['b'], ['c'])
  const window = closeWindow(rows, spansOf(rows), { ...timing, limits: { ...limits, byCluster: true } })
  assert.deepEqual(uids(window.cuts), ['a b c', 'x'])
  assert.equal(window.rows, 4)
})

test('an object that came and went is never cut in two', () => {
  const rows = rowsOf(['ghost'], ['a'], ['b'], ['c'], ['d'], ['ghost', 'deleted'])
  assert.equal(closeWindow(rows, spansOf(rows), timing).rows, 6)
})

test('a window in which nothing is left to tell is passed', () => {
  const rows = rowsOf(['ghost'], ['ghost', 'deleted'])
  assert.deepEqual(closeWindow(rows, spansOf(rows), timing), { cuts: [], rows: 2 })
})

test('what is told as a patch counts as large as the patch', () => {
  const rows = rowsOf(['a'], ['b'], ['c']).map((row) => ({
    ...row,
    body: '{}'.padEnd(1_000),
    patch: { base: 0, text: '{"n":1}' },
    routes: row.routes.map((route) => ({ ...route, delta: true as const })),
  }))
  const spans = compact(rows, { name: 'dns', history: 'latest' }, -1)
  const cuts = cut(spans, { ...limits, maxObjects: 10 })
  assert.deepEqual(
    cuts.map(({ bytes, full }) => ({ bytes, full })),
    [{ bytes: 21, full: false }],
  )
})
