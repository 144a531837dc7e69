/** Facts about where endpoints stand: cursors, frozen batches, pauses, backlogs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { FrozenBatch, LogRow } from '../../store.ts'
import { activation, seen, startAgent, watch } from '../world.ts'

const nothingApart = { parked: { objects: 0, bytes: 0 }, deadLetters: { count: 0, bytes: 0 } }

const batch = (id: string, rows: readonly Pick<LogRow, 'sequence'>[], over: Partial<FrozenBatch> = {}): FrozenBatch => ({
  id,
  createdAt: 5_000,
  members: rows.map(({ sequence }) => ({ sequence, type: 'created', reason: 'initial', watches: ['lb'] })),
  frame: '{"format":"watch-hub"}',
  ...over,
})

export function endpointFacts(lab: MakeLab): void {
  test('a step freezes batches, settles others and moves the cursor, at once', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('a'), seen('b'), seen('c')])
    const [a, b, c] = [
      batch('a', rows.slice(0, 1)),
      batch('b', rows.slice(1, 2)),
      batch('c', rows.slice(2), { payload: '{"x":1}' }),
    ]
    await store.freeze({ endpoint: 'dns', settled: [], batches: [b, a], cursor: rows[1]?.sequence ?? 0 })
    assert.deepEqual(await store.endpoint('dns'), { cursor: rows[1]?.sequence, doubted: 0, batches: [b, a], scans: [] })
    await store.freeze({ endpoint: 'dns', settled: ['b', 'unknown'], batches: [c], cursor: rows[2]?.sequence ?? 0 })
    assert.deepEqual(await store.endpoint('dns'), { cursor: rows[2]?.sequence, doubted: 0, batches: [a, c], scans: [] })
  })

  test('a cursor never goes back', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 10 })
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 5 })
    assert.equal((await store.endpoint('dns')).cursor, 10)
  })

  test('a step that cannot be done leaves nothing of itself', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const step = { endpoint: 'dns', settled: [], batches: [batch('a', [])], cursor: 1 }
    await store.freeze(step)
    await assert.rejects(store.freeze({ ...step, settled: ['a'], batches: [batch('b', []), batch('b', [])], cursor: 2 }))
    assert.deepEqual(await store.endpoint('dns'), { cursor: 1, doubted: 0, batches: [batch('a', [])], scans: [] })
  })

  test('one endpoint does not settle what another one froze', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    await store.freeze({ endpoint: 'dns', settled: [], batches: [batch('a', [])], cursor: 0 })
    await store.freeze({ endpoint: 'cmdb', settled: ['a'], batches: [], cursor: 0 })
    assert.equal((await store.endpoint('dns')).batches.length, 1)
  })

  test('a backlog counts what is routed and not settled, and knows its oldest', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }), nodes: watch({ endpoints: ['cmdb'] }) }))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('a'), seen('b'), seen('c', { matches: ['nodes'] })])
    const backlogOf = async (endpoint: string) => (await store.stats()).endpoints.find((each) => each.endpoint === endpoint)
    const oldestAt = rows[0]?.appendedAt
    assert.deepEqual(await backlogOf('dns'), { endpoint: 'dns', events: 2, skipped: 0, ...nothingApart, oldestAt, scans: [] })
    assert.deepEqual(await backlogOf('cmdb'), { endpoint: 'cmdb', events: 3, skipped: 0, ...nothingApart, oldestAt, scans: [] })
    await store.freeze({ endpoint: 'dns', settled: [], batches: [batch('a', rows.slice(0, 1))], cursor: rows[0]?.sequence ?? 0 })
    assert.deepEqual(await backlogOf('dns'), { endpoint: 'dns', events: 2, skipped: 0, ...nothingApart, oldestAt, scans: [] })
    await store.freeze({ endpoint: 'dns', settled: ['a'], batches: [], cursor: rows[1]?.sequence ?? 0 })
    assert.deepEqual(await backlogOf('dns'), { endpoint: 'dns', events: 0, skipped: 0, ...nothingApart, scans: [] })
  })

  test('a scan that waits frozen waits since its batch was made', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const rows = await (await startAgent(store)).send([seen('a')])
    const scanned = batch('s', rows, { payload: '{}' })
    await store.freeze({ endpoint: 'dns', settled: [], batches: [scanned], cursor: rows[0]?.sequence ?? 0 })
    assert.deepEqual((await store.stats()).endpoints, [
      { endpoint: 'dns', events: 1, skipped: 0, ...nothingApart, oldestAt: 5_000, scans: [] },
    ])
  })

  test('a pause is kept, replaced and lifted', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.setPaused('dns', { since: 1, by: 'ops' })
    await store.setPaused('dns', { since: 2, by: 'admin' })
    assert.deepEqual([...(await store.paused())], [['dns', { since: 2, by: 'admin' }]])
    await store.setPaused('dns', undefined)
    assert.deepEqual([...(await store.paused())], [])
  })

  test('stats count the log and the inventory', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('a'), seen('b'), seen('a', { hash: 'h2' })])
    const { logRows, logBytes, inventory, commitMs } = await store.stats()
    assert.deepEqual([logRows, logBytes], [3, rows.reduce((sum, { body }) => sum + 600 + Buffer.byteLength(body), 0)])
    assert.deepEqual(inventory, [{ cluster: 'prod-eu-1', resource: 'services', objects: 2 }])
    assert.ok(commitMs.last > 0 && commitMs.p50 > 0 && commitMs.p99 >= commitMs.p50)
  })
}
