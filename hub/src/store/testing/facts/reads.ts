/** Facts about reading the log: from memory near its head, from disk behind it, with the same answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link } from '../../link/link.ts'
import type { MakeLab } from '../../store.contract.ts'
import type { LogRow, ReadLimits, Store } from '../../store.ts'
import { activation, bodyOf, gone, out, readAll, seen, startAgent, watch } from '../world.ts'

const plenty = { rows: 10_000, bytes: 1e9 }
const routed = (rows: readonly LogRow[], endpoint: string) =>
  rows.filter(({ routes }) => routes.some((route) => route.endpoint === endpoint))

/** Rows for one endpoint, for both, and for nobody. */
async function withRows(store: Store): Promise<readonly LogRow[]> {
  await store.activate(activation({ lb: watch(), nodes: watch({ endpoints: ['cmdb', 'dns'] }), quiet: watch({ endpoints: [] }) }))
  const agent = await startAgent(store)
  const first = await agent.send([seen('a'), seen('b', { matches: ['nodes'] }), seen('c', { matches: ['quiet'] })])
  const second = await agent.send([seen('a', { hash: 'h2', change: 'modified' }), out('b'), seen('d'), gone('a')])
  return [...first, ...second]
}

export function readFacts(lab: MakeLab): void {
  test('a read gives the rows that are routed to the endpoint, in order, and how far it looked', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const rows = await withRows(store)
    const read = await store.read('cmdb', 0, plenty)
    assert.deepEqual(read, { rows: routed(rows, 'cmdb'), upTo: await store.head(), complete: true })
    assert.deepEqual(await store.read('cmdb', read.upTo, plenty), { rows: [], upTo: read.upTo, complete: true })
    assert.deepEqual(await store.read('nobody', 0, plenty), { rows: [], upTo: read.upTo, complete: true })
  })

  test('a read stops at its limits, and goes on from where it stopped', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const rows = routed(await withRows(store), 'dns')
    const first = await store.read('dns', 0, { rows: 2, bytes: 1e9 })
    assert.deepEqual(first, { rows: rows.slice(0, 2), upTo: rows[1]?.sequence, complete: false })
    const rest = await store.read('dns', first.upTo, plenty)
    assert.deepEqual(rest.rows, rows.slice(2))
    const bytes = bodyOf('a').length * 2
    assert.deepEqual((await store.read('dns', 0, { rows: 10, bytes })).rows, rows.slice(0, 2))
    assert.deepEqual((await store.read('dns', 0, { rows: 10, bytes: 1 })).rows, rows.slice(0, 1))
  })

  test('a read does not look above its bound', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const rows = await withRows(store)
    const upTo = rows[2]?.sequence ?? 0
    assert.deepEqual(await store.read('dns', 0, { ...plenty, upTo }), {
      rows: routed(rows.slice(0, 3), 'dns'),
      upTo,
      complete: true,
    })
  })

  test('memory and disk give the same answers', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const rows = await withRows(store)
    const limits: readonly ReadLimits[] = [
      plenty,
      { rows: 1, bytes: 1e9 },
      { rows: 2, bytes: 1e9 },
      { rows: 9, bytes: 1 },
      { rows: 9, bytes: bodyOf('a').length * 2 },
      { ...plenty, upTo: rows[3]?.sequence ?? 0 },
      { rows: 1, bytes: 1e9, upTo: rows[3]?.sequence ?? 0 },
    ]
    for (const endpoint of ['cmdb', 'dns', 'nobody'])
      for (const from of [0, ...rows.map(({ sequence }) => sequence)])
        for (const limit of limits) await sameRead({ store, link }, { endpoint, from, limits: limit })
    for (const from of [0, ...rows.map(({ sequence }) => sequence)])
      for (const limit of [1, 3, 100]) assert.deepEqual(await store.tail(from, limit), await link.call('tail', { from, limit }))
  })

  test('what was appended before the store was opened is read from disk, then from memory', async () => {
    await using world = await lab()
    const first = await world.open()
    const rows = await withRows(first.store)
    await first.store[Symbol.asyncDispose]()
    const { store } = await world.open()
    const agent = await startAgent(store)
    assert.deepEqual(await readAll(store), routed(rows, 'dns'))
    const more = await agent.send([seen('e')])
    assert.deepEqual(await readAll(store), routed([...rows, ...more], 'dns'))
    assert.deepEqual(await readAll(store, 'dns', rows.at(-1)?.sequence), more)
    assert.deepEqual(await store.tail(0, 2), [...rows, ...more].slice(-2))
  })

  test('the tail is the newest rows at or after a number, whoever they are for', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const rows = await withRows(store)
    assert.deepEqual(await store.tail(0, 3), rows.slice(-3))
    assert.deepEqual(await store.tail(rows[5]?.sequence ?? 0, 100), rows.slice(5))
  })

  test('rows are given by number, in the order asked, without those that are not there', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const rows = await withRows(store)
    const [a, b] = rows
    assert.deepEqual(await store.rows([b?.sequence ?? 0, 17, a?.sequence ?? 0]), [b, a])
  })

  test('an endpoint to which little is routed finds it behind much that is not for it', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch(), rare: watch({ endpoints: ['cmdb'] }) }))
    const agent = await startAgent(store)
    const many = (n: number) => Array.from({ length: 10_500 }, (_, i) => seen(`o${n}-${i}`, { body: '{}' }))
    const [first] = await agent.send([seen('x', { matches: ['rare'] }), ...many(1)])
    const rest = await agent.send([...many(2), seen('y', { matches: ['rare'] })])
    const found: LogRow[] = []
    let from = 0
    for (let complete = false; !complete; ) {
      const read = await link.call('read', { endpoint: 'cmdb', from, limits: plenty })
      found.push(...read.rows)
      assert.ok(read.complete || read.upTo > from, 'a read goes forward')
      from = read.upTo
      complete = read.complete
    }
    assert.deepEqual(found, [first, rest.at(-1)])
  })
}

async function sameRead(
  { store, link }: { readonly store: Store; readonly link: Link },
  of: { readonly endpoint: string; readonly from: number; readonly limits: ReadLimits },
) {
  const { endpoint, from, limits } = of
  assert.deepEqual(await store.read(endpoint, from, limits), await link.call('read', of), JSON.stringify(of))
}
