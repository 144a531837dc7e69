/** Facts about patches: when an update has one, for whom, and how long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { Activation, LogRow, Store, WatchRoute } from '../../store.ts'
import { activation, bare, gone, indexOf, seen, services, startAgent, synced, watch } from '../world.ts'

const wanting = (
  watches: Readonly<Record<string, WatchRoute>>,
  deltas: readonly string[],
  over: Parameters<typeof activation>[1] = {},
): Activation => ({ ...activation(watches, over), deltas })

const changed = (name: string, hash: string, over: Parameters<typeof seen>[1] = {}) =>
  seen(name, { hash, change: 'modified', ...over })

const patchTo = (base: LogRow | undefined, hash: string) => ({ base: base?.sequence, text: JSON.stringify({ spec: { hash } }) })
const deltas = (row: LogRow | undefined) => row?.routes.filter(({ delta }) => delta).map(({ endpoint }) => endpoint)

async function fromDisk(store: Store, rows: readonly (LogRow | undefined)[]): Promise<readonly LogRow[]> {
  return store.rows(rows.map((row) => row?.sequence ?? 0))
}

export function patchFacts(lab: MakeLab): void {
  test('an update has a patch for the endpoints that want one and were told what it replaces', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(wanting({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }, ['dns']))
    const agent = await startAgent(store)
    const [created] = await agent.send([seen('shop')])
    const rows = await agent.send([changed('shop', 'h2'), changed('shop', 'h3'), gone('shop')])
    assert.equal(created?.patch, undefined)
    assert.deepEqual(
      rows.map(({ patch }) => patch),
      [patchTo(created, 'h2'), patchTo(rows[0], 'h3'), undefined],
    )
    assert.deepEqual(rows.map(deltas), [['dns'], ['dns'], []])
    assert.deepEqual(await fromDisk(store, rows), rows)
    assert.deepEqual((await store.read('cmdb', created?.sequence ?? 0, { rows: 10, bytes: 1e6 })).rows, rows)
  })

  test('nobody wants it, nobody was told the base, or it was told under another version: no patch', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const lb = watch({ initial: 'skip' })
    await store.activate(wanting({ lb }, []))
    const agent = await startAgent(store)
    await agent.send([seen('a', { cause: 'list' }), seen('b')])
    const [unwanted] = await agent.send([changed('b', 'h2')])
    await store.activate(wanting({ lb }, ['dns']))
    const [skipped] = await agent.send([changed('a', 'h2')])
    const [otherVersion] = await agent.send([changed('b', 'h3')], { streams: [{ ...services(), version: 'v2' }] })
    const held = await agent.send([changed('a', 'h3'), changed('b', 'h4')], { streams: [{ ...services(), version: 'v2' }] })
    for (const row of [unwanted, skipped, otherVersion, held[0]]) assert.deepEqual([row?.patch, deltas(row)], [undefined, []])
    assert.deepEqual([held[1]?.patch, deltas(held[1])], [patchTo(otherVersion, 'h4'), ['dns']])
  })

  test('a change that the endpoint is not told has no patch after it', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(wanting({ lb: watch(), more: watch() }, ['dns']))
    const agent = await startAgent(store)
    await agent.send([seen('shop')])
    await agent.send([bare('shop', { change: 'modified', matches: ['lb', 'more'] })])
    const [row] = await agent.send([changed('shop', 'h2', { matches: ['lb', 'more'] })])
    assert.deepEqual([row?.patch, deltas(row)], [undefined, []])
  })

  test('what a stream holds is no base where another stream told the object since', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const both = { lb: watch(), other: watch({ endpoints: ['cmdb'] }) }
    const [one, two] = [services('one'), services('two')]
    const stream = (id: string, ...watches: readonly string[]) => ({ id, resource: 'services', watches })
    const together = wanting(both, ['dns'], { plan: 'p1', streams: [stream('one', 'lb', 'other')] })
    const apart = wanting(both, ['dns'], { plan: 'p2', streams: [stream('one', 'other'), stream('two', 'lb')] })
    await store.activate(together)
    const agent = await startAgent(store)
    const compared = synced({ lb: 'd1', other: 'd1' })
    await agent.send([seen('shop', { matches: ['lb', 'other'] }), compared], { plan: 'p1', streams: [one] })
    await store.activate(apart)
    await indexOf(store, { plan: 'p2', stream: 'two' })
    const [projected] = await agent.send([changed('shop', 'h2')], { plan: 'p2', streams: [two] })
    assert.deepEqual(deltas(projected), ['dns'])
    await store.activate(together)
    const [back] = await agent.send([changed('shop', 'h3', { matches: ['lb', 'other'] })], { plan: 'p1', streams: [one] })
    assert.deepEqual([back?.routes.map(({ type }) => type), back?.patch], [['updated', 'updated'], undefined])
  })

  test('a body that cannot be patched is told whole', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(wanting({ lb: watch() }, ['dns']))
    const agent = await startAgent(store)
    await agent.send([seen('shop', { body: '{"a":1,}' })])
    const rows = await agent.send([changed('shop', 'h2', { body: '{"b":}' }), changed('shop', 'h3', { body: '{"c":null}' })])
    assert.deepEqual(
      rows.map((row) => [row.body, row.patch, deltas(row)]),
      [
        ['{"b":}', undefined, []],
        ['{"c":null}', undefined, []],
      ],
    )
  })

  test('a patch leaves with its row, and what replaces a body whose row left has none', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(wanting({ lb: watch() }, ['dns']))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('shop'), changed('shop', 'h2')])
    const [created, updated] = rows
    const bytes = [created?.body, updated?.body, updated?.patch?.text].reduce(
      (sum, text = '') => sum + Buffer.byteLength(text),
      0,
    )
    assert.equal((await store.stats()).logBytes, 2 * 600 + bytes)
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: await store.head() })
    while (await link.call('prune', { retentionMs: -1_000 }));
    assert.deepEqual(await fromDisk(store, rows), [])
    assert.equal((await store.stats()).logBytes, 0)
    const [row] = await agent.send([changed('shop', 'h3')])
    assert.deepEqual([row?.patch, deltas(row)], [undefined, []])
  })

  test('where rows may have been compacted, no body is a base', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(wanting({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }, ['dns']))
    const agent = await startAgent(store)
    const [, updated] = await agent.send([seen('shop'), changed('shop', 'h2')])
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: await store.head() })
    await link.call('compact', { from: 0, upTo: await store.head(), merging: { endpoint: 'cmdb' } })
    const [whole, patched] = await agent.send([changed('shop', 'h3'), changed('shop', 'h4')])
    assert.deepEqual(deltas(updated), ['dns'])
    assert.deepEqual([whole?.patch, patched?.patch], [undefined, patchTo(whole, 'h4')])
  })

  test('what was appended before an endpoint came, began to want patches, lost its backlog, or the store was opened, is in doubt', async () => {
    await using world = await lab()
    const opened = await world.open()
    const { store, link } = opened
    const doubted = async (of: Store = store) => (await of.endpoint('dns')).doubted
    await store.activate(activation({ other: watch({ endpoints: [] }) }))
    const agent = await startAgent(store)
    const sent = async (name: string) => (await agent.send([seen(name, { matches: ['lb', 'other'] })]))[0]?.sequence
    const lb = { other: watch({ endpoints: [] }), lb: watch() }
    const before = await sent('a')
    await store.activate(activation(lb))
    assert.equal(await doubted(), before)
    const wants = await sent('b')
    await store.activate(wanting(lb, ['dns']))
    assert.equal(await doubted(), wants)
    await sent('c')
    await store.activate(wanting(lb, ['dns']))
    assert.equal(await doubted(), wants)
    const left = await sent('d')
    await store.activate({ ...wanting(lb, []), endpoints: [] })
    await store.activate(wanting(lb, ['dns']))
    assert.equal(await doubted(), left)
    const dropped = await sent('e')
    await link.call('dropBacklog', { endpoint: 'dns' })
    assert.equal(await doubted(), dropped)
    const crashed = await sent('f')
    await opened.kill()
    const { store: again } = await world.open()
    assert.equal(await doubted(again), crashed)
  })
}
