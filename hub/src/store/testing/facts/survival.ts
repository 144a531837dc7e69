/** Facts about what outlives the process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import { activation, cluster, indexOf, readAll, scanAll, seen, startAgent, synced, told, watch } from '../world.ts'

const both = activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) })

export function survivalFacts(lab: MakeLab): void {
  test('what was acknowledged is there after a crash', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation({ lb: watch() }))
    const agent = await startAgent(crashed.store)
    const rows = await agent.send([seen('a'), seen('b'), synced({ lb: 'd1' })])
    const frame = agent.frame([seen('c')])
    await crashed.store.append(cluster, frame)
    await crashed.kill()
    const { store } = await world.open()
    assert.equal(store.hubId, crashed.store.hubId)
    assert.partialDeepStrictEqual(await store.openProcess(cluster, agent.process), { kind: 'opened', process: 1, lastFrame: 2 })
    assert.deepEqual(await store.append(cluster, frame), { kind: 'duplicate', lastFrame: 2 })
    assert.deepEqual((await readAll(store)).slice(0, 2), rows)
    assert.equal((await indexOf(store)).length, 3)
  })

  test('frames keep their meaning, without another Activation', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation({ lb: watch() }))
    const agent = await startAgent(crashed.store)
    await agent.send([seen('a', { cause: 'list' }), synced({ lb: 'd1' })])
    const next = agent.frame([seen('b', { cause: 'list' })])
    await crashed.kill()
    const { store } = await world.open()
    const appended = await store.append(cluster, next)
    assert.deepEqual(appended.kind === 'stored' && told(appended.rows), ['b dns created recovered lb'])
  })

  test('cursors, batches, scans and pauses survive', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation({ lb: watch() }))
    const agent = await startAgent(crashed.store)
    const rows = await agent.send([seen('a'), seen('b'), seen('c'), synced({ lb: 'd1' })])
    await crashed.store.activate(both)
    const members = rows.map(({ sequence }) => ({ sequence, type: 'created' as const, watches: ['lb'] }))
    const batches = [{ id: 'x', createdAt: 7, members, frame: '{}' }]
    await crashed.store.freeze({ endpoint: 'dns', settled: [], batches, cursor: rows[2]?.sequence ?? 0 })
    const [scan] = (await crashed.store.endpoint('cmdb')).scans
    const chunk = await crashed.store.readScan(scan?.id ?? '', { rows: 1, bytes: 1e6 })
    const step = { id: scan?.id ?? '', position: chunk.position, sent: 1, done: false }
    await crashed.store.freeze({ endpoint: 'cmdb', settled: [], batches: [], cursor: chunk.head, scan: step })
    await crashed.store.setPaused('dns', { since: 1, by: 'ops' })
    await crashed.kill()
    const { store } = await world.open()
    await store.activate(both)
    const cursor = rows[2]?.sequence
    assert.deepEqual(await store.endpoint('dns'), { cursor, doubted: cursor, batches, scans: [] })
    assert.deepEqual((await store.endpoint('cmdb')).scans, [{ ...scan, sent: 1 }])
    assert.deepEqual(told(await scanAll(store, 'cmdb')), ['b cmdb created initial lb', 'c cmdb created initial lb'])
    assert.deepEqual([...(await store.paused()).keys()], ['dns'])
  })

  test('numbers rise from one opening to the next', async () => {
    await using world = await lab()
    const first = await world.open()
    await first.store.activate(activation({ lb: watch() }))
    const [a] = await (await startAgent(first.store)).send([seen('a')])
    await first.store[Symbol.asyncDispose]()
    const { store } = await world.open()
    const [b] = await (await startAgent(store)).send([seen('b')])
    assert.ok((b?.sequence ?? 0) > (a?.sequence ?? 0))
    assert.equal(await store.head(), b?.sequence)
  })

  test('a store that was closed says so to everyone who asks', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const waiting = store.agents()
    await store[Symbol.asyncDispose]()
    assert.deepEqual(await waiting, [])
    await store.ended
    await assert.rejects(store.agents(), ({ cause }: Error) => cause instanceof Error && cause.message === 'the store is closed')
    await store[Symbol.asyncDispose]()
  })

  test('a store that another process has opened takes no more writes', async () => {
    await using world = await lab()
    const old = await world.open()
    await old.store.activate(activation({ lb: watch() }))
    const { store } = await world.open()
    await assert.rejects(old.store.activate(both), /expected to be the only hub that writes here/)
    await store.activate(both)
  })
}
