/** Facts about trace contexts: what an agent drew for a change stays with it, wherever it is kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { AttemptRecord, FrozenBatch } from '../../store.ts'
import { activation, gone, readAll, scanAll, seen, startAgent, watch } from '../world.ts'

const context = (n: number): string => `00-${String(n).padStart(32, 'a')}-${String(n).padStart(16, 'b')}-01`
const lb = { lb: watch() }

const batch = (id: string, over: Partial<FrozenBatch> = {}): FrozenBatch => ({
  ...{ id, createdAt: 5, frame: '{}', members: [{ sequence: 7, type: 'created', watches: ['lb'] }] },
  ...over,
})
const attempt = (of: string, over: Partial<AttemptRecord> = {}): AttemptRecord => ({
  ...{ batch: of, at: 1_000, durationMs: 1, events: 1, bytes: 9, outcome: 'http_5xx', resends: 0 },
  ...over,
})
const step = { endpoint: 'dns', settled: [], batches: [], cursor: 0 }

export function traceFacts(lab: MakeLab): void {
  test('a row keeps the context of its change and when it was made, sent and received, in memory and on disk', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation(lb))
    const agent = await startAgent(crashed.store)
    const frame = agent.frame([seen('shop', { traceparent: context(1), changedAt: 500 }), seen('bare')])
    await crashed.store.append('prod-eu-1', { ...frame, sentAt: 1_100, receivedAt: 1_200 })
    const fromMemory = await readAll(crashed.store)
    assert.partialDeepStrictEqual(fromMemory[0], { traceparent: context(1), changedAt: 500, sentAt: 1_100, receivedAt: 1_200 })
    assert.ok(fromMemory[1] !== undefined && !('traceparent' in fromMemory[1]) && !('changedAt' in fromMemory[1]))
    await crashed.kill()
    const { store } = await world.open()
    assert.deepEqual(await readAll(store), fromMemory)
    assert.deepEqual(await store.rows(fromMemory.map(({ sequence }) => sequence)), fromMemory)
  })

  test('a scan tells each object under the context of its last change', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation(lb))
    const agent = await startAgent(store)
    await agent.send([seen('shop', { traceparent: context(1) }), seen('bar', { traceparent: context(2) }), seen('old')])
    await agent.send([seen('shop', { traceparent: context(3), hash: 'h2', resourceVersion: '2', change: 'modified' })])
    await store.resync({ endpoint: 'dns' })
    const told = (await scanAll(store)).map(({ object, traceparent }) => [object.name, traceparent])
    assert.deepEqual(told.toSorted(), [
      ['bar', context(2)],
      ['old', undefined],
      ['shop', context(3)],
    ])
  })

  test('an event names the commit that made the plan it was seen under; one that changes nothing for the cluster makes no new plan', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agentOf = async (commit: string) => {
      await store.activate({ ...activation(lb), commit })
    }
    await agentOf('c1')
    const agent = await startAgent(store)
    const commitOf = async (name: string) => {
      const [row] = await agent.send([seen(name)])
      return (await store.context(row?.context ?? '')).commit
    }
    assert.equal(await commitOf('one'), 'c1')
    await agentOf('c2')
    assert.equal(await commitOf('two'), 'c1')
    await store.activate({ ...activation({ lb: watch({ metadata: { assetId: 'svc' } }) }), commit: 'c3' })
    assert.equal(await commitOf('three'), 'c3')
    await agentOf('c4')
    assert.equal(await commitOf('four'), 'c4', 'what is as it was once is so by the commit that made it so again')
  })

  test('a frozen batch knows the last attempt of it, and so does what takes its place, over a crash', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation(lb))
    await crashed.store.freeze({ ...step, batches: [batch('whole'), batch('calm')] })
    await crashed.store.freeze({ ...step, attempts: [attempt('whole', { traceparent: context(1) })] })
    const replaced = [
      {
        id: 'whole',
        by: [
          batch('left', { lastAttempt: { number: 2, traceparent: context(2) } }),
          batch('right', { lastAttempt: { number: 2, traceparent: context(2) } }),
        ],
      },
    ]
    await crashed.store.freeze({ ...step, replaced, attempts: [attempt('whole', { traceparent: context(2) })] })
    await crashed.store.freeze({ ...step, attempts: [attempt('right', { traceparent: context(3) }), attempt('right')] })
    await crashed.kill()
    const { store } = await world.open()
    const { batches } = await store.endpoint('dns')
    assert.deepEqual(
      batches.map(({ id, lastAttempt }) => [id, lastAttempt]),
      [
        ['left', { number: 2, traceparent: context(2) }],
        ['right', { number: 4, traceparent: context(3) }],
        ['calm', undefined],
      ],
    )
    assert.deepEqual(
      (await store.attempts({ endpoint: 'dns', limit: 2 })).map(({ traceparent }) => traceparent),
      [undefined, context(3)],
    )
  })

  test('a deletion that a comparison found has a context of its own', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation(lb))
    const agent = await startAgent(store)
    await agent.send([seen('shop', { traceparent: context(1) })])
    const [row] = await agent.send([gone('shop', { cause: 'list', traceparent: context(2) })])
    assert.equal(row?.traceparent, context(2))
    assert.equal(row?.routes[0]?.reason, 'recovered')
  })
}
