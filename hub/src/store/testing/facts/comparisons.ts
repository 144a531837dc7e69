/** Facts about comparisons: what they found is counted, and a checksum proves that both sides hold the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksumOf } from '@watch-hub/shared/protocol/checksum'
import type { SyncedEntry } from '@watch-hub/shared/protocol/frames'
import type { MakeLab } from '../../store.contract.ts'
import type { Append, ComparisonFigures, Store } from '../../store.ts'
import {
  activation,
  bare,
  cluster,
  gone,
  indexOf,
  out,
  seen,
  services,
  startAgent,
  streamId,
  synced,
  type TestAgent,
  watch,
} from '../world.ts'

const list = { cause: 'list' } as const
const audit = { cause: 'audit' } as const

/** The stream's figures; `found`: corrections, and those by audits. */
const figures = async (
  store: Store,
  of = streamId,
): Promise<Partial<ComparisonFigures> & { readonly found: readonly number[] }> => {
  const found = (await store.stats()).comparisons.find(({ stream }) => stream === of)
  return { ...found, found: [found?.corrections ?? 0, found?.auditCorrections ?? 0] }
}

/** As the agent would: over objects whose hash is `h1` and which only `lb` matches. */
const proof = (names: readonly string[], cause: SyncedEntry['cause'] = 'list'): SyncedEntry => ({
  ...synced({ lb: 'd1' }),
  cause,
  checksum: checksumOf(names.map((name) => ({ uid: `uid-${name}`, hash: 'h1', matches: ['lb'] }))),
})

const mismatchesOf = (appended: Append) => (appended.kind === 'stored' ? (appended.mismatches ?? []) : appended.kind)
const append = async (store: Store, agent: TestAgent, entries: Parameters<TestAgent['frame']>[0]) =>
  mismatchesOf(await store.append(cluster, agent.frame(entries)))

export function comparisonFacts(lab: MakeLab): void {
  test('what a first comparison finds corrects nothing; what a later one finds was missed', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), seen('c', list), synced({ lb: 'd1' })])
    assert.deepEqual((await figures(store)).found, [0, 0])
    await agent.send([seen('live', { change: 'modified' }), gone('live')])
    assert.deepEqual((await figures(store)).found, [0, 0], 'a watch told it')
    const began = Date.now()
    await agent.send([
      gone('a', list),
      seen('b', { ...list, change: 'modified', hash: 'h2', resourceVersion: '2' }),
      seen('new', audit),
      out('c', audit),
      synced({ lb: 'd1' }),
    ])
    const { found, correctedAt = 0, comparedAt = 0 } = await figures(store)
    assert.deepEqual(found, [4, 2])
    assert.ok(correctedAt >= began && comparedAt >= began)
  })

  test('what a commit or a projection changed corrects nothing', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch({ definition: 'd2' }) }, { plan: 'p2' }))
    await agent.send([seen('more', list), out('a', list), synced({ lb: 'd2' })], { plan: 'p2' })
    const stream = 'services-pruned'
    const streams = [{ id: stream, resource: 'services', watches: ['lb'] }]
    await store.activate(activation({ lb: watch({ definition: 'd2' }) }, { plan: 'p3', streams }))
    await indexOf(store, { plan: 'p3', stream })
    const under = { plan: 'p3', streams: [services(stream)] }
    await agent.send([seen('b', { ...list, change: 'modified', hash: 'pruned' }), synced({ lb: 'd2' })], under)
    assert.deepEqual((await figures(store, stream)).found, [0, 0])
    await agent.send([bare('b', { ...list, hash: 'pruned' }), synced({ lb: 'd2' })], under)
    assert.deepEqual((await figures(store, stream)).found, [0, 0], 'nothing differs')
    await agent.send([seen('b', { ...list, change: 'modified', hash: 'of a server from a backup' })], under)
    assert.deepEqual((await figures(store, stream)).found, [1, 0], 'the version is the same, the projection too')
  })

  test('an index that is the inventory agrees, through all that happens to objects', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    assert.deepEqual(await append(store, agent, [seen('a', list), seen('b', list), proof(['a', 'b'])]), [])
    assert.deepEqual(await append(store, agent, [gone('a'), seen('c'), out('b'), seen('d'), proof(['c', 'd'])]), [])
    const again = [seen('c', { hash: 'h2', change: 'modified' }), seen('c', { change: 'modified' }), gone('d'), gone('c')]
    assert.deepEqual(await append(store, agent, [...again, proof([], 'audit')]), [])
    assert.equal((await figures(store)).mismatches, 0)
  })

  test('an index that is another one is named, and proves nothing', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch({ initial: 'skip' }) }))
    const agent = await startAgent(store)
    const wrong = proof(['a', 'never told'])
    assert.deepEqual(await append(store, agent, [seen('a', list), wrong]), [
      { stream: streamId, agent: wrong.checksum, hub: proof(['a']).checksum },
    ])
    const rows = await agent.send([seen('b', list)])
    assert.deepEqual(rows[0]?.routes, [], 'the watch is not in step: what a list shows is not new')
    assert.deepEqual(await append(store, agent, [proof(['a', 'b'])]), [])
    assert.equal((await figures(store)).mismatches, 1)
  })

  test('an index that is read brings a sum of the hub in order that does not follow from its rows', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const wrong = proof(['a', 'b'])
    assert.equal((await append(store, agent, [seen('a', list), wrong])).length, 1)
    assert.equal((await indexOf(store)).length, 1)
    assert.deepEqual(await append(store, agent, [proof(['a'])]), [])
    assert.equal((await figures(store)).mismatches, 1, 'it was counted once')
  })
}
