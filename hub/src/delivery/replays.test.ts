import assert from 'node:assert/strict'
import test from 'node:test'
import type { EventType } from '../config/model.ts'
import type { Replay } from '../store/store.ts'
import { contextText } from './contexts.ts'
import { keep } from './kept.ts'
import { replayBatches } from './replays.ts'
import { endpointConfig, logRow } from './testing/rows.ts'

const context = contextText({ cluster: { name: 'prod-eu-1', uid: 'c', labels: {}, metadata: {} }, watches: {} })
const contexts = { of: async () => new Map([['ctx', context]]) }
const making = { endpoint: endpointConfig(), attach: {}, source: '', contexts, now: () => 1_000, inside: () => true }

function replayOf(id: string, sequence: number, of: { readonly type: EventType; readonly uid: string }): Replay {
  const row = logRow({ sequence, uid: of.uid, name: 'shop' })
  const { object, cluster } = row
  const told = { endpoint: 'dns', cluster, object, sequence, type: of.type }
  const died = { cause: 'http_4xx', reason: 'answered 400', attempts: 3, firstAttemptAt: 1, diedAt: 2 }
  return {
    letter: { id, ...told, ...died, content: keep({ row, member: { sequence, type: of.type, watches: [] }, context }) },
    standing: 'same',
  }
}

test('of a name that several objects had, the end of each is told, in their order', async () => {
  const replays = [replayOf('second', 20, { type: 'deleted', uid: 'b' }), replayOf('first', 10, { type: 'deleted', uid: 'a' })]
  const ids = replays.map(({ letter }) => letter.id)
  const { batches, replayed } = await replayBatches({ head: 30, ids, replays }, { parked: () => false, making })
  const told = batches.flatMap(({ frozen }) => frozen.members.map(({ type, sequence }) => `${type} ${sequence}`))
  assert.deepEqual(told, ['deleted 10', 'deleted 20'])
  assert.deepEqual(replayed.toSorted(), ['first', 'second'])
})
