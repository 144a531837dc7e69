import assert from 'node:assert/strict'
import test from 'node:test'
import type { Freeze, FreezeOutcome, FrozenBatch } from '../store/store.ts'
import { createLedger } from './ledger.ts'

const batch = (id: string): FrozenBatch => ({ id, createdAt: 1, members: [], frame: '{}' })

/** Records each step; steps end when told. */
function recordingStore() {
  const steps: Freeze[] = []
  const under: { readonly resolve: (outcome: FreezeOutcome) => void; readonly reject: (error: Error) => void }[] = []
  const freeze = (step: Freeze) => {
    steps.push(step)
    return new Promise<FreezeOutcome>((resolve, reject) => under.push({ resolve, reject }))
  }
  const turn = () => new Promise(setImmediate)
  return {
    steps,
    freeze,
    commit: async (outcome: FreezeOutcome = 'frozen') => {
      under.shift()?.resolve(outcome)
      await turn()
    },
    fail: async (error: Error) => {
      under.shift()?.reject(error)
      await turn()
    },
    turn,
  }
}

test('what is accepted while a step is under way goes along with the next one', async () => {
  const store = recordingStore()
  const settled: number[] = []
  const ledger = createLedger('dns', { store, onSettled: () => settled.push(ledger.accepted.size) })
  ledger.accept('b1')
  await store.turn()
  ledger.accept('b2')
  ledger.accept('b3')
  await store.turn()
  assert.equal(store.steps.length, 1)
  await store.commit()
  await store.commit()
  assert.deepEqual(
    store.steps.map((step) => step.settled),
    [['b1'], ['b2', 'b3']],
  )
  assert.deepEqual(settled, [2, 0])
})

test('attempts and how parked objects stand go along with the next step, and are given back where it wrote nothing', async () => {
  const store = recordingStore()
  const ledger = createLedger('dns', { store })
  const attempt = { batch: 'b1', at: 1, durationMs: 2, events: 3, bytes: 4, outcome: 'accepted', resends: 0 }
  const parking = { object: 'o', attempts: 1, nextAttemptAt: 9, reason: 'answered 422' }
  ledger.note(attempt)
  ledger.park('p1', parking)
  ledger.park('gone', parking)
  assert.equal(ledger.unwritten, 'soon')
  const step = { batches: [batch('b2')], given: ['gone'] }
  const refused = ledger.freeze(step)
  await store.turn()
  await store.commit('full')
  assert.equal(await refused, 'full')
  const frozen = ledger.freeze(step)
  await store.turn()
  await store.commit()
  await frozen
  for (const { attempts, parking: standing } of store.steps)
    assert.deepEqual([attempts, standing], [[attempt], [{ id: 'p1', parking }]])
  assert.equal(ledger.unwritten, undefined)
})

test('a freeze settles what was accepted and moves the cursor in one step', async () => {
  const store = recordingStore()
  const ledger = createLedger('dns', { store })
  ledger.begin({ cursor: 5, doubted: 0 })
  const frozen = ledger.freeze({ batches: [batch('b2')], cursor: 9, given: ['b0'] })
  ledger.accept('b1')
  await store.turn()
  await store.commit()
  await frozen
  assert.deepEqual(store.steps, [{ endpoint: 'dns', settled: ['b1', 'b0'], batches: [batch('b2')], cursor: 9 }])
  assert.deepEqual([...ledger.accepted], [])
  assert.equal(ledger.cursor, 9)
})

test('a flush writes only what is not written yet', async () => {
  const store = recordingStore()
  const ledger = createLedger('dns', { store })
  ledger.begin({ cursor: 5, doubted: 0 })
  await ledger.flush()
  assert.equal(store.steps.length, 0)
  ledger.pass(7)
  const flushed = ledger.flush()
  await store.turn()
  await store.commit()
  await flushed
  assert.deepEqual(store.steps, [{ endpoint: 'dns', settled: [], batches: [], cursor: 7 }])
  await ledger.flush()
  assert.equal(store.steps.length, 1)
})

test('what was accepted stays accepted when its write fails, and the failure is heard', async () => {
  const store = recordingStore()
  const ledger = createLedger('dns', { store })
  ledger.accept('b1')
  await store.turn()
  await store.fail(new Error('disk full'))
  await assert.rejects(ledger.flush(), { message: 'disk full' })
  assert.deepEqual([...ledger.accepted], ['b1'])
  ledger.begin({ cursor: 0, doubted: 0 })
  const flushed = ledger.flush()
  await store.turn()
  await store.commit()
  await flushed
  assert.deepEqual(store.steps.at(-1)?.settled, ['b1'])
})

test('a freeze that has to be read again changes nothing, and what was passed over is counted with the write that counts', async () => {
  const store = recordingStore()
  const ledger = createLedger('dns', { store })
  ledger.begin({ cursor: 5, doubted: 0 })
  ledger.pass(6, 2)
  const refused = ledger.freeze({ batches: [batch('b2')], cursor: 9, skipped: 3 })
  ledger.accept('b1')
  await store.turn()
  await store.commit('read-again')
  assert.equal(await refused, 'read-again')
  assert.deepEqual([ledger.cursor, ...ledger.accepted], [6, 'b1'])
  const frozen = ledger.freeze({ batches: [batch('b2')], cursor: 8, skipped: 1 })
  await store.turn()
  await store.commit()
  assert.equal(await frozen, 'frozen')
  assert.deepEqual(
    store.steps.map(({ cursor, skipped }) => [cursor, skipped]),
    [
      [9, 5],
      [8, 3],
    ],
  )
  ledger.pass(9)
  const flushed = ledger.flush()
  await store.turn()
  await store.commit()
  await flushed
  assert.equal(store.steps.at(-1)?.skipped, undefined)
})

test('doubt begins with what the store doubts, and is never taken back', () => {
  const ledger = createLedger('dns', { store: recordingStore() })
  ledger.begin({ cursor: 5, doubted: 8 })
  assert.equal(ledger.doubted, 8)
  ledger.doubt(9)
  ledger.doubt(7)
  ledger.begin({ cursor: 5, doubted: 8 })
  assert.equal(ledger.doubted, 9)
})

test('how parked ones stood before it begins anew is not written any more: the store says how they stand', async () => {
  const steps: Freeze[] = []
  const freeze = async (step: Freeze): Promise<FreezeOutcome> => {
    steps.push(step)
    return 'frozen'
  }
  const ledger = createLedger('dns', { store: { freeze } })
  ledger.begin({ cursor: 0, doubted: 0 })
  ledger.park('gone', { object: 'a', attempts: 2, nextAttemptAt: 9, reason: 'answered 400' })
  ledger.begin({ cursor: 0, doubted: 0 })
  await ledger.freeze({ cursor: 1 })
  assert.equal(steps[0]?.parking, undefined)
})
