import assert from 'node:assert/strict'
import test from 'node:test'
import type { FrozenBatch, LogRow } from '../store/store.ts'
import { contextText } from './contexts.ts'
import { createLedger } from './ledger.ts'
import { createQueue } from './queue.ts'
import { encodeFrame } from './render.ts'
import { logRow } from './testing/rows.ts'

const context = contextText({ cluster: { name: 'c', uid: 'u', labels: {}, metadata: {} }, watches: {} })
const frame = encodeFrame({ format: 'watch-hub', metadata: {} })
const row = (sequence: number) =>
  logRow({ sequence, namespace: 'web', body: `{"n":${sequence}}`, patch: { base: sequence - 1, text: `{"n":${sequence}}` } })
const batch = (id: string, ...sequences: readonly number[]): FrozenBatch => ({
  id,
  createdAt: 0,
  members: sequences.map((sequence) => ({ sequence, type: 'updated', watches: ['w'], base: sequence - 1 })),
  frame,
})

/** A queue of these batches, over a store that has these rows. */
async function queueOf(batches: readonly FrozenBatch[], rows: readonly LogRow[]) {
  let stored = batches
  const store = {
    endpoint: async () => ({ cursor: 9, doubted: 0, batches: stored, scans: [] }),
    rows: async (sequences: readonly number[]) => rows.filter(({ sequence }) => sequences.includes(sequence)),
    freeze: async ({
      settled,
      batches: more,
    }: {
      readonly settled: readonly string[]
      readonly batches: readonly FrozenBatch[]
    }) => {
      stored = [...stored.filter(({ id }) => !settled.includes(id)), ...more]
      return 'frozen' as const
    },
  }
  const ledger = createLedger('dns', store)
  let open = true
  const contexts = { of: async () => new Map([['ctx', context]]) }
  const queue = createQueue('dns', { store, ledger, contexts, now: () => 1, inside: () => () => open })
  await queue.restore()
  const content = async () =>
    Buffer.from((await queue.first())?.body ?? '')
      .toString()
      .match(/"(?:object|patch)":{"n":\d+}/g)
  return { ledger, queue, content, stored: () => stored, fence: (to: boolean) => (open = to) }
}

test('patches are sent as they were frozen', async () => {
  const { content, ledger } = await queueOf([batch('1', 1, 2)], [row(1), row(2)])
  assert.deepEqual(await content(), ['"patch":{"n":1}', '"patch":{"n":2}'])
  assert.equal(ledger.doubted, 0)
})

test('what follows a batch that the fence held back is told whole, under another id, in the store too', async () => {
  const { content, ledger, fence, stored } = await queueOf([batch('1', 1), batch('2', 2)], [row(1), row(2)])
  fence(false)
  assert.equal(await content(), null)
  fence(true)
  assert.deepEqual(await content(), ['"object":{"n":2}'])
  assert.equal(ledger.doubted, 9)
  assert.deepEqual(
    stored().map(({ id, members }) => [id === '2', members]),
    [[false, [{ sequence: 2, type: 'updated', watches: ['w'] }]]],
  )
})

test('where the row of an event is gone, or its patch, the rest of its batch and what follows are told whole', async () => {
  for (const rows of [
    [row(2), row(3)],
    [logRow({ sequence: 1, body: '{"n":1}' }), row(2), row(3)],
  ]) {
    const { content, queue } = await queueOf([batch('1', 1, 2), batch('2', 3)], rows)
    const first = await content()
    assert.deepEqual(first?.at(-1), '"object":{"n":2}')
    queue.accept()
    assert.deepEqual(await content(), ['"object":{"n":3}'])
  }
})
