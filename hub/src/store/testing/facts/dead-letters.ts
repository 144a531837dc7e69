/** Facts about dead letters: how they come, how they are found, and how they go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from '../../front.ts'
import { openLocal } from '../../link/local.ts'
import type { MakeLab } from '../../store.contract.ts'
import type { DeadLetter, DeadLetterFilter, Freeze, Store } from '../../store.ts'
import { activation, cluster, watch } from '../world.ts'

export const letter = (id: string, over: Partial<DeadLetter> = {}): DeadLetter => ({
  id,
  endpoint: 'dns',
  cluster,
  object: objectOf(id),
  sequence: 7,
  type: 'updated',
  cause: 'http_4xx',
  reason: 'it said 400 Bad Request for 72 h',
  attempts: 21,
  firstAttemptAt: 1_000,
  diedAt: 5_000,
  status: 400,
  answer: '{"error":"größer"}',
  content: `{"of":"${id}"}\t{"metadata":{}}`,
  ...over,
})

export const objectOf = (name: string, over: Partial<DeadLetter['object']> = {}): DeadLetter['object'] => ({
  ...{ group: '', version: 'v1', kind: 'Service', resource: 'services', namespace: 'team-web', name, uid: `uid-${name}` },
  resourceVersion: '1',
  ...over,
})

const headOf = ({ content: _, answer: __, ...head }: DeadLetter) => head

export const die = (store: Store, letters: readonly DeadLetter[], over: Partial<Freeze> = {}) =>
  store.freeze({ endpoint: letters[0]?.endpoint ?? 'dns', settled: [], batches: [], cursor: 0, deadLetters: letters, ...over })

const idsOf = async (store: Store, filter: DeadLetterFilter = {}) =>
  (await store.deadLetters({ ...filter, limit: 100 })).letters.map(({ id }) => id)

const bytesOf = ({ content, answer = '' }: DeadLetter) => Buffer.byteLength(content + answer) + 600

export function deadLetterFacts(lab: MakeLab): void {
  const opened = async () => {
    const world = await lab()
    const { store, link } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    return { store, link, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
  }

  test('a letter is kept whole, also over a crash; lists leave its long texts away', async () => {
    await using world = await lab()
    const crashed = await world.open()
    await crashed.store.activate(activation({ lb: watch() }))
    const { status: _, answer: __, ...bare } = letter('bare')
    await die(crashed.store, [letter('a'), bare])
    await crashed.kill()
    const { store } = await world.open()
    assert.deepEqual([await store.deadLetter('a'), await store.deadLetter('bare')], [letter('a'), bare])
    assert.deepEqual(await store.deadLetters({ limit: 10 }), { letters: [letter('a'), bare].map(headOf) })
    assert.equal(await store.deadLetter('b'), undefined)
  })

  test('an event is given up and its batch forgotten in one step', async () => {
    await using world = await opened()
    const { store } = world
    const batch = { id: 'x', createdAt: 1, members: [], frame: '{}' }
    await store.freeze({ endpoint: 'dns', settled: [], batches: [batch], cursor: 0 })
    await assert.rejects(die(store, [letter('a'), letter('a')], { settled: ['x'] }))
    assert.deepEqual([await idsOf(store), (await store.endpoint('dns')).batches.length], [[], 1])
    assert.equal(await die(store, [letter('a')], { settled: ['x'] }), 'frozen')
    assert.deepEqual([await idsOf(store), (await store.endpoint('dns')).batches.length], [['a'], 0])
  })

  test('letters are found by every part of a filter', async () => {
    await using world = await opened()
    const { store } = world
    await die(store, [
      letter('a', { diedAt: 1_000 }),
      letter('b', { diedAt: 2_000, cluster: 'other', sequence: 8 }),
      letter('c', { diedAt: 3_000, object: objectOf('c', { group: 'apps', resource: 'deployments' }) }),
      letter('d', { diedAt: 4_000, cause: 'timeout', object: objectOf('d', { namespace: '' }) }),
    ])
    await die(store, [letter('e', { endpoint: 'cmdb', diedAt: 5_000 })])
    const found = (filter: DeadLetterFilter) => idsOf(store, filter)
    assert.deepEqual(await found({}), ['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(await found({ endpoint: 'cmdb' }), ['e'])
    assert.deepEqual(await found({ ids: ['d', 'a', 'unknown'] }), ['a', 'd'])
    assert.deepEqual(await found({ diedBefore: 2_000 }), ['a'])
    assert.deepEqual(await found({ diedAfter: 4_000 }), ['e'])
    assert.deepEqual(await found({ cluster: 'other' }), ['b'])
    assert.deepEqual(await found({ resource: 'deployments.apps' }), ['c'])
    assert.deepEqual(await found({ namespace: '' }), ['d'])
    assert.deepEqual(await found({ name: 'b' }), ['b'])
    assert.deepEqual(await found({ cause: 'timeout' }), ['d'])
    assert.deepEqual(await found({ sequence: 8 }), ['b'])
    assert.deepEqual(await found({ cluster, diedAfter: 1_000, ids: ['a', 'c'] }), ['c'])
  })

  test('a list goes on where its page ended, whatever died or went meanwhile', async () => {
    await using world = await opened()
    const { store } = world
    await die(
      store,
      ['a', 'b', 'c', 'd'].map((id) => letter(id)),
    )
    const first = await store.deadLetters({ limit: 2 })
    assert.deepEqual(
      first.letters.map(({ id }) => id),
      ['a', 'b'],
    )
    await store.dropDeadLetters({ ids: ['a', 'c'] })
    await die(store, [letter('e')])
    const second = await store.deadLetters({ limit: 100, ...(first.next !== undefined && { after: first.next }) })
    assert.deepEqual([second.letters.map(({ id }) => id), second.next], [['d', 'e'], undefined])
  })

  test('what fits is found and dropped among many thousands that do not', async () => {
    await using world = await opened()
    const { store } = world
    for (let i = 0; i < 12; i++)
      await die(
        store,
        Array.from({ length: 1_000 }, (_, n) => letter(`${i}-${n}`, n === 999 && i > 5 ? { cause: 'timeout' } : {})),
      )
    const page = await store.deadLetters({ cause: 'timeout', limit: 3 })
    assert.deepEqual(
      page.letters.map(({ id }) => id),
      ['6-999', '7-999', '8-999'],
    )
    assert.equal(await store.dropDeadLetters({ cause: 'timeout' }), 6)
    assert.equal(await store.dropDeadLetters({ endpoint: 'dns' }), 11_994)
    assert.deepEqual(await idsOf(store), [])
  })

  test('letters that were told again are forgotten in the step that tells them, those of another endpoint are not', async () => {
    await using world = await opened()
    const { store } = world
    await die(store, [letter('a'), letter('b')])
    await die(store, [letter('c', { endpoint: 'cmdb' })])
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 0, replayed: ['a', 'c', 'unknown'] })
    assert.deepEqual(await idsOf(store), ['b', 'c'])
  })

  test('each endpoint knows how many it has and what they hold', async () => {
    await using world = await opened()
    const { store } = world
    const figures = async () => (await store.stats()).endpoints.map(({ deadLetters }) => deadLetters)
    await die(store, [letter('a'), letter('b', { content: 'größer' })])
    const [a, b] = [bytesOf(letter('a')), bytesOf(letter('b', { content: 'größer' }))]
    assert.deepEqual(await figures(), [
      { count: 0, bytes: 0 },
      { count: 2, bytes: a + b },
    ])
    await store.dropDeadLetters({ ids: ['a'] })
    assert.deepEqual((await figures())[1], { count: 1, bytes: b })
    await store.dropDeadLetters({})
    assert.deepEqual((await figures())[1], { count: 0, bytes: 0 })
  })

  test('when the letters of one endpoint are full nothing more of it is given up, and nothing of the step is done', async () => {
    const size = bytesOf(letter('a'))
    await using store = createStore(openLocal({ file: ':memory:' }), { deadLetterLimit: 2 * size })
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const batch = { id: 'x', createdAt: 1, members: [], frame: '{}' }
    await store.freeze({ endpoint: 'dns', settled: [], batches: [batch], cursor: 0 })
    assert.equal(await die(store, [letter('a'), letter('b')]), 'frozen')
    assert.equal(await die(store, [letter('c')], { settled: ['x'], cursor: 9 }), 'full')
    assert.partialDeepStrictEqual(await store.endpoint('dns'), { cursor: 0, batches: [batch] })
    assert.equal(await die(store, [letter('d', { endpoint: 'cmdb' })]), 'frozen')
    assert.equal(await die(store, [letter('c')], { replayed: ['a'] }), 'frozen')
    assert.deepEqual(await idsOf(store), ['b', 'd', 'c'])
    assert.equal((await store.stats()).deadLetterLimit, 2 * size)
  })

  test('a letter goes when its retention is over, and stays when its endpoint went before', async () => {
    await using world = await opened()
    const { store, link } = world
    const now = Date.now()
    const young = Array.from({ length: 3 }, (_, i) => letter(`young-${i}`, { diedAt: now - 1_000 }))
    const old = Array.from({ length: 1_200 }, (_, i) => letter(`old-${i}`, { diedAt: now - 60_000 }))
    await die(store, [...old, ...young])
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb'] }) }))
    let steps = 0
    while (await link.call('prune', { retentionMs: -1_000, deadLetterRetentionMs: 30_000 })) steps++
    assert.ok(steps >= 3, `expected steps of some hundreds each, got ${steps}`)
    assert.deepEqual(
      await idsOf(store),
      young.map(({ id }) => id),
    )
    await assert.rejects(store.endpoint('dns'))
  })
}
