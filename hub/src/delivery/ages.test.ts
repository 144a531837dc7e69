import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasons } from '../store/store.ts'
import { agesOf } from './ages.ts'
import { contextText } from './contexts.ts'
import type { Item } from './formats/format.ts'
import { logRow } from './testing/rows.ts'

const context = contextText({ cluster: { name: 'c', uid: 'u', labels: {}, metadata: {} }, watches: {} })

const item = (parts: Partial<Item['row']> = {}, member: Partial<Item['member']> = {}): Item => ({
  row: { ...logRow({ sequence: 1 }), observedAt: 2_500, changedAt: 2_000, ...parts },
  member: { sequence: 1, type: 'updated', watches: [], ...member },
  context,
})

test('a live change is as old as it was seen, and as the API server made it', () => {
  assert.deepEqual(agesOf([item()], 4_000), [{ observedMs: 1_500, changedMs: 2_000 }])
})

test('when the API server changed it is not known of what is gone, nor where no object told', () => {
  const { changedAt: _, ...row } = item().row
  assert.deepEqual(agesOf([item({ change: 'gone' }), { ...item(), row }], 4_000), [{ observedMs: 1_500 }, { observedMs: 1_500 }])
})

test('only what is a change has an age: not what scans, replays, commits and samples tell, nor what the log has no longer', () => {
  const told = reasons.filter((reason) => agesOf([item({}, { reason })], 4_000).length === 1)
  assert.deepEqual(told, ['recovered', 'in-scope', 'out-of-scope'])
  assert.deepEqual(agesOf([undefined, { ...item(), scan: 'x' }], 4_000), [])
})

test('what a comparison found is as old as it was seen: its object may have been written long before it became news', () => {
  assert.deepEqual(agesOf([item({ cause: 'list' }, { reason: 'recovered' })], 4_000), [{ observedMs: 1_500 }])
})
