/** Facts about how dead letters stand to what is now. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { DeadLetter, Replay, Store } from '../../store.ts'
import { activation, bodyOf, cluster, gone, out, seen, startAgent, synced, type TestAgent, told, watch } from '../world.ts'
import { die, letter, objectOf } from './dead-letters.ts'

const list = { cause: 'list' } as const
const changed = { change: 'modified', hash: 'h2', resourceVersion: '2' } as const

/** `a` and `b` are there, and the cluster was compared. */
async function begin(store: Store) {
  await store.activate(activation({ lb: watch() }))
  const agent = await startAgent(store)
  const [a, b] = await agent.send([seen('a', list), seen('b', list), synced({ lb: 'd1' })])
  return { agent, a: a?.sequence ?? 0, b: b?.sequence ?? 0 }
}

/** A letter of the newest row that says this of an object. */
async function given(store: Store, of: Pick<DeadLetter, 'sequence' | 'type'> & { readonly name?: string }) {
  const { name = 'a', ...rest } = of
  await die(store, [letter('l', { ...rest, diedAt: Date.now(), object: objectOf(name) })])
}

async function read(store: Store): Promise<Replay | undefined> {
  const { replays, rest } = await store.readReplay('dns', ['l'])
  assert.deepEqual(rest, [])
  return replays[0]
}

const short = (replay: Replay | undefined) => [replay?.standing, ...told(replay?.row === undefined ? [] : [replay.row])]
const last = async (agent: TestAgent, entries: Parameters<TestAgent['send']>[0]) =>
  (await agent.send(entries)).at(-1)?.sequence ?? 0

export function replayFacts(lab: MakeLab): void {
  test('of an object that has not changed since, the present state is told as what the letter was', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { a } = await begin(store)
    await given(store, { sequence: a, type: 'created' })
    const { head, replays } = await store.readReplay('dns', ['l'])
    const row = replays[0]?.row
    assert.deepEqual(short(replays[0]), ['same', 'a dns created replay lb'])
    assert.deepEqual([head, row?.sequence, row?.body, row?.cluster], [await store.head(), a, bodyOf('a'), cluster])
    assert.deepEqual(replays[0]?.letter, await store.deadLetter('l'))
    assert.deepEqual((await store.context(row?.context ?? '')).cluster.metadata, { platform: 'baremetal' })
  })

  test('of one that has changed since, the newest state is told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { agent, a } = await begin(store)
    await given(store, { sequence: a, type: 'created' })
    const newest = await last(agent, [seen('a', changed)])
    const replay = await read(store)
    assert.deepEqual(short(replay), ['overtaken', 'a dns updated replay lb'])
    assert.deepEqual([replay?.row?.sequence, replay?.row?.body], [newest, bodyOf('a', 'h2')])
  })

  test('of one that is gone nothing is told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { agent, a } = await begin(store)
    await given(store, { sequence: a, type: 'updated' })
    await agent.send([gone('a')])
    assert.deepEqual(short(await read(store)), ['gone'])
  })

  test('a deletion is told as long as the object is gone, also when the log has forgotten it', async () => {
    await using world = await lab()
    const { store, link } = await world.open()
    const { agent } = await begin(store)
    const sequence = await last(agent, [gone('a')])
    await given(store, { sequence, type: 'deleted' })
    assert.deepEqual(short(await read(store)), ['same'])
    await store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: sequence })
    while (await link.call('prune', { retentionMs: -1_000 }));
    assert.equal((await store.stats()).logRows, 0)
    assert.deepEqual(short(await read(store)), ['same'])
  })

  test('a deletion of an object that came back is overtaken by it; where it went again, its last deletion is the one to tell', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { agent } = await begin(store)
    const sequence = await last(agent, [out('a')])
    await given(store, { sequence, type: 'deleted' })
    await agent.send([seen('a', changed)])
    assert.deepEqual(short(await read(store)), ['overtaken', 'a dns updated replay lb'])
    const again = await last(agent, [gone('a')])
    const replay = await read(store)
    assert.deepEqual([...short(replay), replay?.deletedAgain], ['overtaken', again])
  })

  test('what the log tells others of an object does not overtake a deletion', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ all: watch({ endpoints: ['cmdb'] }), lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', { matches: ['all', 'lb'] })])
    const sequence = await last(agent, [seen('a', { ...changed, matches: ['all'] })])
    await given(store, { sequence, type: 'deleted' })
    await agent.send([seen('a', { ...changed, hash: 'h3', matches: ['all'] }), gone('a')])
    assert.deepEqual(short(await read(store)), ['same'])
  })

  test('an object that is there but not for the endpoint any more is unwatched', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ all: watch({ endpoints: ['cmdb'] }), lb: watch() }))
    const agent = await startAgent(store)
    const [a] = await agent.send([seen('a', { matches: ['all', 'lb'] })])
    await given(store, { sequence: a?.sequence ?? 0, type: 'created' })
    await agent.send([seen('a', { ...changed, matches: ['all'] })])
    assert.deepEqual(short(await read(store)), ['unwatched'])
  })

  test('when a commit took the watch from the endpoint, or the cluster away, a letter is unwatched; a deletion can still be told', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { agent, a } = await begin(store)
    const sequence = await last(agent, [gone('b')])
    await given(store, { sequence: a, type: 'updated' })
    await die(store, [letter('d', { sequence, type: 'deleted', object: objectOf('b') })])
    const standings = async () => (await store.readReplay('dns', ['d', 'l'])).replays.map(({ standing }) => standing)
    assert.deepEqual(await standings(), ['same', 'same'])
    await store.activate({ ...activation({ lb: watch({ endpoints: [] }) }, { plan: 'p2' }), endpoints: ['dns'] })
    assert.deepEqual(await standings(), ['same', 'unwatched'])
  })

  test('the events that a watch tells do not keep a replay back', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { a } = await begin(store)
    await given(store, { sequence: a, type: 'created' })
    await store.activate(activation({ lb: watch({ events: ['deleted'] }) }))
    assert.deepEqual(short(await read(store)), ['same', 'a dns created replay lb'])
  })

  test('before the cluster was compared under a new definition nobody can say how a letter stands', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { agent, a } = await begin(store)
    await given(store, { sequence: a, type: 'created' })
    await store.activate(activation({ lb: watch({ definition: 'd2' }) }, { plan: 'p2' }))
    assert.deepEqual(short(await read(store)), ['unknown'])
    await agent.send([out('a', list), synced({ lb: 'd2' })], { plan: 'p2' })
    assert.deepEqual(short(await read(store)), ['gone'])
  })

  test('nor before it was compared after a loss of data', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { a } = await begin(store)
    await given(store, { sequence: a, type: 'created' })
    const agent = await startAgent(store, cluster, { lost: true })
    assert.deepEqual(short(await read(store)), ['unknown'])
    await agent.send([synced({ lb: 'd1' })])
    assert.deepEqual(short(await read(store)), ['same', 'a dns created replay lb'])
  })

  test('letters are read in the order asked, those of others not at all, and many of them by and by', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const { a, b } = await begin(store)
    const content = 'x'.repeat(1024 * 1024)
    const letters = Array.from({ length: 12 }, (_, i) => letter(`l${i}`, { sequence: a, content, object: objectOf('a') }))
    await die(store, [...letters, letter('b', { sequence: b, object: objectOf('b') })])
    await die(store, [letter('other', { endpoint: 'cmdb' })], { endpoint: 'dns' })
    const asked = ['other', 'unknown', 'b', ...letters.map(({ id }) => id)]
    const first = await store.readReplay('dns', asked)
    assert.equal(first.replays[0]?.letter.id, 'b')
    assert.ok(first.rest.length > 0 && first.rest.length < 12)
    const second = await store.readReplay('dns', first.rest)
    assert.deepEqual(
      [...first.replays, ...second.replays].map(({ letter: { id } }) => id),
      asked.slice(2),
    )
  })
}
