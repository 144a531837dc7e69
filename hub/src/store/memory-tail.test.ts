import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryTail } from './memory-tail.ts'
import type { LogRow } from './store.ts'

const row = (sequence: number, endpoint = 'dns', body = '{}'): LogRow => ({
  sequence,
  cluster: 'c',
  context: '1',
  stream: 's',
  object: {
    group: '',
    version: 'v1',
    kind: 'Service',
    resource: 'services',
    namespace: 'n',
    name: 'x',
    uid: 'u',
    resourceVersion: '1',
  },
  observedAt: 1,
  appendedAt: 1,
  cause: 'live',
  change: 'added',
  matches: ['lb'],
  routes: [{ endpoint, type: 'created', watches: ['lb'] }],
  body,
})
const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => row(from + i))
const plenty = { rows: 1_000, bytes: 1e9 }
const numbers = (found: readonly LogRow[] | undefined) => found?.map(({ sequence }) => sequence)

test('a tail covers nothing that was before it', () => {
  const tail = memoryTail({ head: 10, rows: 100, bytes: 1e6 })
  assert.deepEqual([tail.covers(9), tail.covers(10), tail.head], [false, true, 10])
  assert.equal(tail.newest(0, 5), undefined)
})

test('a tail drops its oldest rows beyond its bound of rows, and does not cover them any more', () => {
  const tail = memoryTail({ head: 0, rows: 10, bytes: 1e6 })
  for (let i = 1; i <= 100; i += 5) tail.push(rows(i, i + 4))
  assert.deepEqual([tail.covers(89), tail.covers(90), tail.head], [false, true, 100])
  assert.deepEqual(numbers(tail.read('dns', 90, plenty).rows), numbers(rows(91, 100)))
  assert.deepEqual(numbers(tail.newest(0, 10)), numbers(rows(91, 100)))
  assert.deepEqual(numbers(tail.newest(0, 3)), [98, 99, 100])
  assert.equal(tail.newest(0, 11), undefined)
  assert.equal(tail.newest(90, 100), undefined)
  assert.deepEqual(numbers(tail.newest(91, 100)), numbers(rows(91, 100)))
})

test('a tail is bounded by bytes as well: one row beyond them leaves it empty', () => {
  const tail = memoryTail({ head: 0, rows: 10, bytes: 5_000 })
  tail.push([row(1), row(2, 'dns', 'x'.repeat(3_000)), row(3, 'dns', 'x'.repeat(1_000))])
  assert.deepEqual([tail.covers(1), tail.covers(2)], [false, true])
  tail.push([row(4, 'dns', 'x'.repeat(10_000))])
  assert.deepEqual([tail.covers(3), tail.covers(4), tail.head], [false, true, 4])
  assert.deepEqual(tail.read('dns', 4, plenty), { rows: [], upTo: 4, complete: true })
})

test('a read from beyond the head stays where it is', () => {
  const tail = memoryTail({ head: 5, rows: 10, bytes: 5_000 })
  assert.deepEqual(tail.read('dns', 8, plenty), { rows: [], upTo: 8, complete: true })
})
