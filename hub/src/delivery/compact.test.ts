import assert from 'node:assert/strict'
import test from 'node:test'
import type { EventType } from '../config/model.ts'
import type { LogRow } from '../store/store.ts'
import { compact, type Span } from './compact.ts'
import { numbers } from './testing/numbers.ts'
import { logRow } from './testing/rows.ts'

const told = (spans: readonly Span[]) =>
  spans.flatMap(({ row, member }) => (member === undefined ? [] : [`${row.object.uid} ${member.type} ${member.sequence}`]))

const latest = (rows: readonly LogRow[]) => told(compact(rows, { name: 'dns', history: 'latest' }))

const story = (...types: readonly EventType[]) =>
  types.map((type, i) => logRow({ sequence: i + 1, uid: 'a', routes: [{ endpoint: 'dns', type, watches: ['w'] }] }))

test('history every tells each row that is routed to the endpoint, in order', () => {
  const rows = [
    ...story('created', 'updated'),
    logRow({ sequence: 3, uid: 'b', routes: [{ endpoint: 'other', type: 'created', watches: ['w'] }] }),
  ]
  assert.deepEqual(told(compact(rows, { name: 'dns', history: 'every' })), ['a created 1', 'a updated 2'])
})

test('an object that is new to the endpoint is created in its newest state', () => {
  assert.deepEqual(latest(story('created', 'updated', 'updated')), ['a created 3'])
})

test('an object that the endpoint has is updated once', () => {
  assert.deepEqual(latest(story('updated', 'updated')), ['a updated 2'])
})

test('an object that left and came back is updated', () => {
  assert.deepEqual(latest(story('deleted', 'created')), ['a updated 2'])
})

test('an object that came and went is not mentioned', () => {
  assert.deepEqual(latest(story('created', 'updated', 'deleted')), [])
})

test('an object that is gone in the end is deleted once', () => {
  assert.deepEqual(latest(story('updated', 'deleted', 'created', 'deleted')), ['a deleted 4'])
})

test('a re-created object is deleted under its old uid before it is created under the new one', () => {
  const rows = [
    logRow({ sequence: 1, uid: 'old', routes: [{ endpoint: 'dns', type: 'updated', watches: ['w'] }] }),
    logRow({ sequence: 2, uid: 'old', routes: [{ endpoint: 'dns', type: 'deleted', watches: ['w'] }] }),
    logRow({ sequence: 3, uid: 'new', routes: [{ endpoint: 'dns', type: 'created', watches: ['w'] }] }),
  ]
  assert.deepEqual(latest(rows), ['old deleted 2', 'new created 3'])
})

test('the reason of a compacted created is that of its entry, an update keeps only reasons that updates have', () => {
  const rows = [
    logRow({ sequence: 1, uid: 'a', routes: [{ endpoint: 'dns', type: 'created', reason: 'initial', watches: ['w'] }] }),
    logRow({ sequence: 2, uid: 'a', routes: [{ endpoint: 'dns', type: 'updated', watches: ['w'] }] }),
    logRow({ sequence: 3, uid: 'b', routes: [{ endpoint: 'dns', type: 'deleted', reason: 'out-of-scope', watches: ['w'] }] }),
    logRow({ sequence: 4, uid: 'b', routes: [{ endpoint: 'dns', type: 'created', reason: 'in-scope', watches: ['w'] }] }),
    logRow({ sequence: 5, uid: 'c', routes: [{ endpoint: 'dns', type: 'updated', reason: 'projection', watches: ['w'] }] }),
  ]
  const members = compact(rows, { name: 'dns', history: 'latest' }).map((span) => span.member)
  assert.deepEqual(members, [
    { sequence: 2, type: 'created', reason: 'initial', watches: ['w'] },
    { sequence: 4, type: 'updated', watches: ['w'] },
    { sequence: 5, type: 'updated', reason: 'projection', watches: ['w'] },
  ])
})

test('equal uids in two clusters or of two kinds are different objects', () => {
  const route = [{ endpoint: 'dns', type: 'created' as const, watches: ['w'] }]
  const rows = [
    logRow({ sequence: 1, uid: 'a', cluster: 'one', routes: route }),
    logRow({ sequence: 2, uid: 'a', cluster: 'two', routes: route }),
    logRow({ sequence: 3, uid: 'a', cluster: 'one', resource: 'pods', routes: route }),
  ]
  assert.equal(latest(rows).length, 3)
})

/** A receiver that follows the whole rule: created and updated put, deleted removes. */
class Receiver {
  readonly table = new Map<string, string>()
  apply(type: EventType, row: LogRow) {
    const had = this.table.has(row.object.uid)
    assert.equal(type === 'created', !had, `${type} of ${row.object.uid}, which the receiver ${had ? 'has' : 'lacks'}`)
    if (type === 'deleted') this.table.delete(row.object.uid)
    else this.table.set(row.object.uid, row.body)
  }
}

/** Valid transitions of a few objects; `present` are those that exist before. */
function randomHistory(next: (below: number) => number, present: Set<string>): readonly LogRow[] {
  const uids = ['a', 'b', 'c', 'd', 'e']
  return Array.from({ length: next(40) }, (_, i) => {
    const uid = uids[next(uids.length)] ?? 'a'
    const type: EventType = !present.has(uid) ? 'created' : next(3) === 0 ? 'deleted' : 'updated'
    if (type === 'deleted') present.delete(uid)
    else present.add(uid)
    return logRow({ sequence: i + 1, uid, body: `{"v":${i}}`, routes: [{ endpoint: 'dns', type, watches: ['w'] }] })
  })
}

test('applying what is told leaves a receiver with the same table as applying every row', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const next = numbers(seed)
    const before = ['a', 'b', 'c'].filter(() => next(2) === 0)
    const rows = randomHistory(next, new Set(before))
    for (const history of ['latest', 'every'] as const) {
      const plain = new Receiver()
      const compacted = new Receiver()
      for (const uid of before) for (const each of [plain, compacted]) each.table.set(uid, 'before')
      for (const row of rows) plain.apply(row.routes[0]?.type ?? 'updated', row)
      const spans = compact(rows, { name: 'dns', history })
      for (const { row, member } of spans) if (member) compacted.apply(member.type, row)
      assert.deepEqual([...compacted.table].sort(), [...plain.table].sort(), `seed ${seed}, history ${history}`)
      const order = spans.map((span) => span.row.sequence)
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      )
      if (history === 'latest') assert.equal(new Set(spans.map((span) => span.row.object.uid)).size, spans.length)
    }
  }
})

const patchable = (...sequences: readonly number[]) =>
  sequences.map((sequence) =>
    logRow({
      sequence,
      uid: 'a',
      routes: [{ endpoint: 'dns', type: 'updated', watches: ['w'], delta: true }],
      patch: { base: sequence - 1, text: '{"n":1}' },
    }),
  )
const bases = (spans: readonly Span[]) => spans.map(({ member }) => member?.base)

test('a row that is told by itself is told as its patch', () => {
  assert.deepEqual(bases(compact(patchable(5), { name: 'dns', history: 'latest' }, 3)), [4])
  assert.deepEqual(bases(compact(patchable(5, 6), { name: 'dns', history: 'every' }, 3)), [4, 5])
})

test('rows that come to one are told whole', () => {
  assert.deepEqual(bases(compact(patchable(5, 6), { name: 'dns', history: 'latest' }, 3)), [undefined])
})

test('a patch whose base is in doubt is not told, nor one that is for another endpoint', () => {
  assert.deepEqual(bases(compact(patchable(5), { name: 'dns', history: 'latest' }, 4)), [undefined])
  assert.deepEqual(bases(compact(patchable(5), { name: 'dns', history: 'latest' })), [undefined])
  const rows = patchable(5).map((row) => ({
    ...row,
    routes: [...row.routes, { endpoint: 'cmdb', type: 'updated' as const, watches: ['w'] }],
  }))
  assert.deepEqual(bases(compact(rows, { name: 'cmdb', history: 'every' }, 3)), [undefined])
})
