/** Facts about endpoints that are told what commits take from them: never too early, never twice for nothing, and never of what they still want. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab, OpenedStore } from '../../store.contract.ts'
import type { Activation, ClusterRoutes, LogRow, Store, WatchRoute } from '../../store.ts'
import {
  activation,
  bare,
  cluster,
  freezeChunk,
  gone,
  indexOf,
  out,
  readAll,
  routes,
  scanAll,
  seen,
  services,
  startAgent,
  synced,
  type TestAgent,
  told,
  watch,
} from '../world.ts'

const list = { cause: 'list' } as const
const p2 = { plan: 'p2' }
const nothing = { plan: 'p2', streams: [] }
const modified = { ...list, change: 'modified' } as const

type Watches = Readonly<Record<string, WatchRoute>>

/** dns wants to be told; whoever else there is does not. */
const asked = (watches: Watches, over: Partial<ClusterRoutes> & Partial<Activation> = {}): Activation => {
  const { endpoints = ['cmdb', 'dns'], resting = [], ...cluster } = over
  return { ...activation(watches, cluster), endpoints, unwatched: ['dns'], resting }
}

const both = watch({ endpoints: ['cmdb', 'dns'] })
const cmdbs = watch({ endpoints: ['cmdb'] })

/** Under `lb`, in the stream of the plan, compared. */
async function holding(store: Store, names: readonly string[], first: Activation): Promise<TestAgent> {
  await store.activate(first)
  const agent = await startAgent(store)
  const watches = Object.entries(first.clusters[0]?.watches ?? {}).map(([name, { definition }]) => [name, definition])
  await agent.send([...names.map((name) => seen(name, list)), synced(Object.fromEntries(watches))])
  return agent
}

const scansOf = async (store: Store, endpoint = 'dns') =>
  (await store.endpoint(endpoint)).scans.map(({ reason, watch: name, total, waiting = false }) => [reason, name, total, waiting])

const ended = (rows: readonly LogRow[]) => told(rows).map((line) => line.replace(' dns deleted unwatched', ''))

export function removalFacts(lab: MakeLab): void {
  test('an endpoint that is taken out of a watch is told that its objects are gone, with what they were; nobody else is', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await holding(store, ['a', 'b'], asked({ lb: both }))
    await store.activate(asked({ lb: cmdbs }))
    assert.deepEqual(await scansOf(store), [['unwatched', 'lb', 2, false]])
    const rows = await scanAll(store)
    assert.deepEqual(told(rows), ['a dns deleted unwatched lb', 'b dns deleted unwatched lb'])
    assert.match(rows[0]?.body ?? '', /"name":"a"/)
    assert.deepEqual([await scansOf(store), await scansOf(store, 'cmdb')], [[], []])
    assert.deepEqual(told(await agent.send([gone('a'), seen('b', { hash: 'h2', change: 'modified' })])), [
      'a cmdb deleted - lb',
      'b cmdb updated - lb',
    ])
  })

  test('who did not ask is told nothing of what a commit takes', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await holding(store, ['a'], asked({ lb: both }))
    await store.activate(asked({ lb: watch({ endpoints: ['dns'] }) }))
    assert.deepEqual([await scansOf(store), await scansOf(store, 'cmdb')], [[], []])
  })

  test('a watch that goes with its stream is told from the inventory, and the cluster that goes too', async () => {
    for (const after of [
      { endpoints: ['dns'], unwatched: ['dns'], clusters: [routes({}, nothing)] },
      { endpoints: ['dns'], unwatched: ['dns'], clusters: [] },
    ]) {
      await using world = await lab()
      const { store } = await world.open()
      await holding(store, ['a', 'b'], asked({ lb: watch() }))
      await store.activate(after)
      assert.deepEqual(ended(await scanAll(store)), ['a lb', 'b lb'])
    }
  })

  test('what a narrowed watch leaves is told by the comparison under its new definition, and not before', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await holding(store, ['a', 'b'], asked({ lb: watch({ definition: 'wide' }) }))
    await store.activate(asked({ lb: watch({ definition: 'narrow' }) }, p2))
    assert.deepEqual(await scansOf(store), [])
    const rows = await agent.send([out('b', list), synced({ lb: 'narrow' })], p2)
    assert.deepEqual(told(rows), ['b dns deleted unwatched lb'])
    assert.deepEqual(await scansOf(store), [])
  })

  test('what another watch of the endpoint wants is not told as gone', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const first = asked({ lb: both, web: watch() })
    await store.activate(first)
    const agent = await startAgent(store)
    await agent.send([seen('a', { ...list, matches: ['lb', 'web'] }), seen('b', list), synced({ lb: 'd1', web: 'd1' })])
    await store.activate(asked({ lb: cmdbs, web: watch() }))
    assert.deepEqual(ended(await scanAll(store)), ['b lb'])
    assert.deepEqual(told(await agent.send([gone('a')])), ['a cmdb deleted - lb', 'a dns deleted - web'])
  })

  test('a renamed watch is told nothing but what the new one does not want', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await holding(store, ['a', 'b'], asked({ lb: watch() }))
    await store.activate(asked({ balancers: watch({ definition: 'd2' }) }, p2))
    assert.deepEqual(await scansOf(store), [['unwatched', 'lb', 0, true]])
    const rows = await agent.send(
      [bare('a', { ...modified, matches: ['balancers'] }), out('b', list), synced({ balancers: 'd2' })],
      p2,
    )
    assert.deepEqual(told(rows), ['b dns deleted unwatched lb'])
    assert.deepEqual([await scansOf(store), await scanAll(store)], [[], []])
  })

  test('while it is open whether another watch wants an object, its changes are told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await holding(store, ['a', 'b', 'c'], asked({ lb: both }))
    await store.activate(asked({ lb: cmdbs, web: watch() }, p2))
    const late = await agent.send([seen('a', { hash: 'h2', change: 'modified' }), gone('b')])
    assert.deepEqual(
      told(late).filter((line) => line.includes(' dns ')),
      ['a dns updated - lb', 'b dns deleted - lb'],
    )
    await agent.send([bare('a', { ...modified, hash: 'h2', matches: ['lb', 'web'] }), synced({ lb: 'd1', web: 'd1' })], p2)
    assert.deepEqual(ended(await scanAll(store)), ['c lb'])
  })

  test('a kind that a watch gives up is told like a watch that ends, and told again when it comes back', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const kinds = (...names: readonly string[]) => names.map((name) => ({ id: name, resource: name, watches: ['lb'] }))
    const first = asked({ lb: watch() }, { streams: kinds('pods', 'services') })
    await store.activate(first)
    const agent = await startAgent(store)
    const pods = { ...services('pods'), resource: 'pods', kind: 'Pod' }
    const streams = [services('services'), pods]
    await agent.send([seen('shop', list), seen('pod', { ...list, s: 1 }), synced({ lb: 'd1' }), synced({ lb: 'd1' }, 1)], {
      streams,
    })
    await store.activate(asked({ lb: watch() }, { plan: 'p2', streams: kinds('services') }))
    assert.deepEqual(ended(await scanAll(store)), ['pod lb'])
    await store.activate(first)
    assert.deepEqual(told(await scanAll(store)), ['pod dns created initial lb', 'shop dns created initial lb'])
  })

  test('a paused watch takes nothing away; taking it away does', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await holding(store, ['a'], asked({ lb: watch() }))
    const resting = [{ watch: 'lb', clusters: [cluster], endpoints: ['dns'] }]
    await store.activate(asked({}, { ...nothing, resting }))
    assert.deepEqual(await scansOf(store), [])
    await store.activate(asked({}, nothing))
    assert.deepEqual(ended(await scanAll(store)), ['a lb'])
  })

  test('a paused watch leaves objects of other watches to their endpoints, silently', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(asked({ lb: watch(), web: cmdbs }))
    const agent = await startAgent(store)
    await agent.send([seen('a', { ...list, matches: ['lb', 'web'] }), synced({ lb: 'd1', web: 'd1' })])
    await store.activate(
      asked({ web: cmdbs }, { plan: 'p2', resting: [{ watch: 'lb', clusters: [cluster], endpoints: ['dns'] }] }),
    )
    assert.deepEqual(told(await agent.send([bare('a', { ...modified, matches: ['web'] }), synced({ web: 'd1' })], p2)), [])
  })

  test('what was taken before the endpoint asked stays untold', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await holding(store, ['a', 'b'], activation({ lb: both }))
    await store.activate(activation({ lb: cmdbs, web: watch() }, p2))
    await agent.send([synced({ lb: 'd1', web: 'd1' })], p2)
    await store.activate(asked({ lb: cmdbs, web: watch() }, p2))
    assert.deepEqual(await scansOf(store), [])
    assert.deepEqual(told(await agent.send([out('a', list)], p2)), ['a cmdb deleted recovered lb'])
  })

  test('a commit that is taken back before anything was told takes the deletions back', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const first = asked({ lb: both })
    await holding(store, ['a'], first)
    await store.activate(asked({ lb: cmdbs }))
    await store.activate(first)
    assert.deepEqual(told(await scanAll(store)), ['a dns created initial lb'])
  })

  test('a commit that is taken back while it is told brings back what was told, whatever `initial` says', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const skipping = asked({ lb: watch({ endpoints: ['cmdb', 'dns'], initial: 'skip' }) })
    await holding(store, ['a', 'b'], skipping)
    await store.activate(asked({ lb: watch({ endpoints: ['cmdb'], initial: 'skip' }) }))
    const { scans, cursor } = await store.endpoint('dns')
    const id = scans[0]?.id ?? ''
    const chunk = await store.readScan(id, { rows: 1, bytes: 1e9 })
    assert.deepEqual(ended(chunk.rows), ['a lb'])
    await freezeChunk(store, { endpoint: 'dns', cursor, id, chunk })
    await store.activate(skipping)
    assert.deepEqual(told(await scanAll(store)), ['a dns updated resync lb', 'b dns updated resync lb'])
  })

  test('an object that goes before its turn has come is told by the log', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await holding(store, ['a', 'b', 'c'], asked({ lb: both }))
    await store.activate(asked({ lb: cmdbs }))
    const rows = await agent.send([gone('a'), out('b')])
    assert.deepEqual(
      told(rows).filter((line) => line.includes(' dns ')),
      ['a dns deleted - lb', 'b dns deleted unwatched lb'],
    )
    assert.deepEqual(ended(await scanAll(store)), ['c lb'])
  })

  test('an object that another watch takes up before its turn has come is put, and not told as gone', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(asked({ lb: both, web: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1', web: 'd1' })])
    await store.activate(asked({ lb: cmdbs, web: watch() }))
    const rows = await agent.send([bare('a', { change: 'modified', matches: ['lb', 'web'] })])
    assert.deepEqual(told(rows), ['a dns created in-scope web'])
    assert.deepEqual(await scanAll(store), [])
  })

  test('once it was told, frames of an older plan bring nothing back', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const agent = await holding(store, ['a'], asked({ lb: watch() }))
    await store.activate({ endpoints: ['dns'], unwatched: ['dns'], clusters: [] })
    assert.deepEqual(ended(await scanAll(store)), ['a lb'])
    assert.deepEqual(told(await agent.send([seen('a', { hash: 'h2', change: 'modified' }), seen('b')])), [])
  })

  test('an object of two watches that end is told once', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(asked({ lb: both, web: both }))
    const agent = await startAgent(store)
    await agent.send([seen('a', { ...list, matches: ['lb', 'web'] }), synced({ lb: 'd1', web: 'd1' })])
    await store.activate(asked({ lb: cmdbs, web: cmdbs }))
    assert.deepEqual(ended(await scanAll(store)), ['a lb'])
  })

  test('what a changed projection hands on takes along of what somebody has still to be told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(asked({ lb: watch(), web: cmdbs }))
    const agent = await startAgent(store)
    await agent.send([seen('a', { ...list, matches: ['lb', 'web'] }), synced({ lb: 'd1', web: 'd1' })])
    const pruned = { plan: 'p2', streams: [{ id: 'pruned', resource: 'services', watches: ['web'] }] }
    await store.activate(asked({ web: cmdbs }, pruned))
    assert.deepEqual(
      (await indexOf(store, { plan: 'p2', stream: 'pruned' })).map(({ matches }) => matches),
      [['lb', 'web']],
    )
    assert.deepEqual(ended(await scanAll(store)), ['a lb'])
  })

  test('deletions have numbers of their own, above all that was told and below all that comes, also over a restart', async () => {
    await using world = await lab()
    const first = await world.open()
    await holding(first.store, ['a', 'b'], asked({ lb: both }))
    const before = Math.max(...(await readAll(first.store)).map(({ sequence }) => sequence))
    await first.store.activate(asked({ lb: cmdbs }))
    const [a = 0, b = 0] = (await scanAll(first.store)).map(({ sequence }) => sequence)
    await first.store[Symbol.asyncDispose]()
    const { store } = await world.open()
    const [later] = await (await startAgent(store)).send([seen('c')])
    assert.ok(before < a && a < b && b < (later?.sequence ?? 0), JSON.stringify([before, a, b, later?.sequence]))
  })

  guardFacts(lab)
}

/** What a courier would freeze next of the log. */
async function freezeLog(store: Store, rows: readonly LogRow[]) {
  const members = rows.flatMap(({ sequence, routes: all }) =>
    all.flatMap(({ endpoint, type, reason, watches }) =>
      endpoint === 'dns' ? [{ sequence, type, watches, ...(reason !== undefined && { reason }) }] : [],
    ),
  )
  const batch = { id: `batch-${members[0]?.sequence}`, createdAt: 1, frame: '{}', members }
  return store.freeze({ endpoint: 'dns', settled: [], batches: [batch], cursor: rows.at(-1)?.sequence ?? 0 })
}

/** What a courier would freeze next of the first scan, in one batch. */
async function freezeScan({ store }: Pick<OpenedStore, 'store'>) {
  const { scans, cursor } = await store.endpoint('dns')
  const id = scans[0]?.id ?? ''
  const { rows, position, done } = await store.readScan(id, { rows: 100, bytes: 1e9 })
  const members = rows.map(({ sequence }) => ({ sequence, type: 'deleted', reason: 'unwatched', watches: ['lb'] }) as const)
  const batch = { id: `scan-${members[0]?.sequence}`, createdAt: 1, frame: '{}', members, payload: 'lines' }
  return store.freeze({ endpoint: 'dns', settled: [], batches: [batch], cursor, scan: { id, position, sent: rows.length, done } })
}

function guardFacts(lab: MakeLab): void {
  const guarded = (watches: Watches, commit: string, over: Parameters<typeof asked>[1] = {}): Activation => ({
    ...asked(watches, over),
    guards: { dns: 2 },
    commit,
  })

  test('a commit that takes more than the guard lets pass holds the endpoint before anything goes; letting it go tells all', async () => {
    await using world = await lab()
    const opened = await world.open()
    const { store } = opened
    await holding(store, ['a', 'b', 'c'], guarded({ lb: both }, 'c1'))
    await store.activate(guarded({ lb: cmdbs }, 'c2'))
    const { since = 0, ...pause } = (await store.paused()).get('dns') ?? {}
    assert.ok(since > 0)
    assert.deepEqual(pause, {
      by: 'c2',
      cause: 'guard',
      reason: 'the commit reports 3 deletions of objects that it took from the endpoint, its guard lets 2 pass',
    })
    assert.equal(await freezeScan(opened), 'held')
    await store.setPaused('dns', undefined)
    assert.deepEqual([...(await store.paused())], [])
    assert.equal(await freezeScan(opened), 'frozen')
    assert.deepEqual(await scansOf(store), [])
  })

  test('as many as the guard lets pass, pass', async () => {
    await using world = await lab()
    const opened = await world.open()
    await holding(opened.store, ['a', 'b'], guarded({ lb: both }, 'c1'))
    await opened.store.activate(guarded({ lb: cmdbs }, 'c2'))
    assert.equal(await freezeScan(opened), 'frozen')
  })

  test('a commit that is taken back is held for no more', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const first = guarded({ lb: both }, 'c1')
    await holding(store, ['a', 'b', 'c'], first)
    await store.activate(guarded({ lb: cmdbs }, 'c2'))
    await store.activate({ ...first, commit: 'c3' })
    assert.deepEqual([...(await store.paused())], [])
    assert.deepEqual(told(await scanAll(store)), [
      'a dns created initial lb',
      'b dns created initial lb',
      'c dns created initial lb',
    ])
  })

  test('what narrows is counted in the log: the endpoint is held when it is too much, and for other events it is not', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const wide = guarded({ lb: watch({ definition: 'wide' }) }, 'c1')
    const agent = await holding(store, ['a', 'b', 'c', 'd'], wide)
    await store.activate(guarded({ lb: watch({ definition: 'narrow' }) }, 'c2', p2))
    const few = await agent.send([out('a', list), out('b', list)], p2)
    assert.equal(await freezeLog(store, few), 'frozen')
    const more = await agent.send([out('c', list), synced({ lb: 'narrow' })], p2)
    assert.equal((await store.paused()).get('dns')?.by, 'c2')
    assert.equal(await freezeLog(store, more), 'held')
    const other = await agent.send([seen('d', { hash: 'h2', change: 'modified' })], p2)
    assert.equal(await freezeLog(store, other), 'frozen')
  })

  test('narrowing that is taken back is held until the log tells that it was, and the two come to nothing there', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const wide = guarded({ lb: watch({ definition: 'wide' }) }, 'c1')
    const agent = await holding(store, ['a', 'b', 'c'], wide)
    await store.activate(guarded({ lb: watch({ definition: 'narrow' }) }, 'c2', p2))
    await agent.send([out('a', list), out('b', list), out('c', list), synced({ lb: 'narrow' })], p2)
    await store.activate({ ...wide, commit: 'c3' })
    assert.equal((await store.paused()).get('dns')?.by, 'c2')
    await agent.send([seen('a', list), seen('b', list), synced({ lb: 'wide' })])
    assert.deepEqual([...(await store.paused())], [])
    assert.deepEqual(
      told(await readAll(store))
        .slice(-5)
        .map((line) => line.replace(' lb', '')),
      [
        'a dns deleted unwatched',
        'b dns deleted unwatched',
        'c dns deleted unwatched',
        'a dns created initial',
        'b dns created initial',
      ],
    )
  })

  test('a hold by the guard outlives an operator who lifts another one, and a restart', async () => {
    await using world = await lab()
    const first = await world.open()
    await holding(first.store, ['a', 'b', 'c'], guarded({ lb: both }, 'c1'))
    await first.store.setPaused('dns', { since: 1, by: 'operator' })
    await first.store.activate(guarded({ lb: cmdbs }, 'c2'))
    assert.equal((await first.store.paused()).get('dns')?.by, 'operator')
    await first.store.setPaused('dns', undefined)
    await first.store[Symbol.asyncDispose]()
    const { store } = await world.open()
    await store.activate(guarded({ lb: cmdbs }, 'c2'))
    assert.equal((await store.paused()).get('dns')?.cause, 'guard')
  })
}
