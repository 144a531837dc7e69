/** Facts about stories: what became of one event, of one request, and the events of one object. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesLookedAt } from '../../engine/object-events.ts'
import { attemptsTold } from '../../engine/story.ts'
import type { MakeLab } from '../../store.contract.ts'
import type { AttemptRecord, Freeze, FrozenBatch, LogRow, Sequence, Store } from '../../store.ts'
import type { NamedObject } from '../../story.ts'
import { tellStory, whileAsked } from '../../tell-story.ts'
import { activation, cluster, gone, scanChunks, seen, startAgent, synced, watch } from '../world.ts'
import { sweep } from './compaction.ts'
import { letter } from './dead-letters.ts'
import { parkingOf } from './parking.ts'

const attempt = (batch: string, over: Partial<AttemptRecord> = {}): AttemptRecord => ({
  ...{ batch, at: 2_000, durationMs: 9, events: 1, bytes: 100, outcome: 'accepted', status: 200, resends: 0 },
  ...over,
})
const refused = { outcome: 'http_5xx', status: 503, error: 'answered 503' }

const batchOf = (id: string, rows: readonly LogRow[], over: Partial<FrozenBatch> = {}): FrozenBatch => ({
  id,
  createdAt: 1_500,
  members: rows.map(({ sequence }) => ({ sequence, type: 'created', watches: ['lb'] })),
  frame: '{}',
  ...over,
})
const told = (rows: readonly LogRow[], scan?: string) => ({
  told: { sequences: rows.map(({ sequence }) => sequence), ...(scan !== undefined && { scan }) },
})

const step = (store: Store, over: Partial<Freeze>) =>
  store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: 0, ...over })

const numberOf = (row: LogRow | undefined): Sequence => row?.sequence ?? 0
const named = (name: string, over: Partial<NamedObject> = {}): NamedObject => ({
  ...{ cluster, group: '', resource: 'services', namespaces: ['', 'team-web'], name },
  ...over,
})

export function storyFacts(lab: MakeLab): void {
  const opened = async () => {
    const world = await lab()
    const { store, link, kill } = await world.open()
    await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
    return {
      ...{ store, link, kill, agent: await startAgent(store), open: world.open },
      [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
    }
  }

  test('an event that waits in the log is told with its row, its endpoints, and how many events come before it', async () => {
    await using world = await opened()
    const [a, b, c] = await world.agent.send([
      seen('a'),
      seen('b'),
      seen('c', { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`, changedAt: 900 }),
    ])
    await step(world.store, { batches: [batchOf('x', a === undefined ? [] : [a])], cursor: numberOf(a) })
    const story = await world.store.story(numberOf(c))
    const { body: _, ...row } = c ?? { body: '' }
    assert.deepEqual(story?.row, row)
    assert.deepEqual(
      story?.endpoints.map(({ endpoint, before, told, held }) => [endpoint, before, told, held]),
      [
        ['cmdb', 2, [], []],
        ['dns', 2, [], []],
      ],
    )
    assert.ok(numberOf(b) < numberOf(c))
  })

  test('what was tried is told with every attempt, also over a crash; of many attempts the newest, and how many came before', async () => {
    await using world = await opened()
    const rows = await world.agent.send([seen('a'), seen('b')])
    const cursor = numberOf(rows.at(-1))
    const traced = { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` }
    const first = attempt('x', { ...refused, ...told(rows), ...traced, answer: 'busy', resends: 1 })
    const again = Array.from({ length: attemptsTold }, (_, i) => attempt('x', { ...refused, at: 3_000 + i }))
    await step(world.store, { batches: [batchOf('x', rows)], cursor, attempts: [first] })
    assert.deepEqual((await world.store.story(cursor))?.endpoints[1], {
      ...{ endpoint: 'dns', cursor, attemptsSince: 2_000, toldBefore: 0, letters: [] },
      told: [
        {
          ...{ batch: 'x', attemptsBefore: 0 },
          attempts: [attempt('x', { ...refused, ...traced, resends: 1 })],
        },
      ],
      held: [
        {
          ...{ id: 'x', createdAt: 1_500, events: 2, before: 0, attempts: 1, firstAttemptAt: 2_000 },
          member: { sequence: cursor, type: 'created', watches: ['lb'] },
        },
      ],
    })
    await step(world.store, { attempts: [...again, attempt('x', { at: 4_000 })], settled: ['x'] })
    await world.kill()
    const { store } = await world.open()
    const story = await store.story(numberOf(rows[0]))
    const [request] = story?.endpoints[1]?.told ?? []
    assert.deepEqual([request?.attempts.length, request?.attemptsBefore], [attemptsTold, 2])
    assert.deepEqual([request?.attempts.at(-1)?.at, request?.attempts.at(-2)?.at], [4_000, 3_049])
    assert.deepEqual(story?.endpoints[1]?.held, [])
  })

  test('a parked event is told with what is in front of it and how the first of its object stands; a dead letter with its head', async () => {
    await using world = await opened()
    const { store } = world
    const [a, b] = await world.agent.send([seen('a'), seen('b')])
    const parked = (id: string, row: LogRow | undefined) =>
      batchOf(id, row === undefined ? [] : [row], {
        payload: '{}\t{}',
        parking: parkingOf('web/a', { attempts: id === 'first' ? 7 : 0 }),
      })
    await step(store, { batches: [parked('first', a), parked('second', b)], cursor: numberOf(b) })
    const held = async () => (await store.story(numberOf(b)))?.endpoints[1]?.held
    assert.partialDeepStrictEqual(await held(), [{ id: 'second', before: 1, parking: { attempts: 7 } }])
    const dead = letter('dead', { sequence: numberOf(b) })
    await step(store, { settled: ['second'], deadLetters: [dead, letter('other', { sequence: numberOf(a) })] })
    const { content: _, answer: __, ...head } = dead
    assert.deepEqual((await store.story(numberOf(b)))?.endpoints[1]?.letters, [head])
    assert.deepEqual(await held(), [])
  })

  test('an event that a newer state replaced names the event that was told instead, and the first one that waits frozen', async () => {
    await using world = await opened()
    const { store } = world
    const rows = await world.agent.send([
      seen('a'),
      seen('b'),
      seen('a', { hash: 'h2', change: 'modified' }),
      seen('a', { hash: 'h3', change: 'modified' }),
      seen('a', { hash: 'h4', change: 'modified' }),
    ])
    const [first, other, second, third, last] = rows
    if (third === undefined || other === undefined || last === undefined) throw new Error('expected rows')
    const instead = async (row: LogRow | undefined, at = 1) => (await store.story(numberOf(row)))?.endpoints[at]?.instead
    assert.equal(await instead(first), undefined)
    await step(store, { batches: [batchOf('x', [other, third])], cursor: numberOf(last) })
    assert.deepEqual(
      [await instead(first), await instead(second), await instead(third)],
      [third.sequence, third.sequence, undefined],
    )
    await step(store, { attempts: [attempt('x', told([other, third]))], settled: ['x'] })
    assert.deepEqual([await instead(first), await instead(last), await instead(first, 0)], [third.sequence, undefined, undefined])
  })

  test('an event that a scan told is known when the log has it no longer, by the state that it brought', async () => {
    await using world = await opened()
    const { store, link } = world
    const rows = await world.agent.send([seen('a')])
    const cursor = numberOf(rows[0])
    for (const endpoint of ['cmdb', 'dns']) await step(store, { endpoint, cursor })
    await step(store, { attempts: [attempt('s', told(rows, 'scan-1'))] })
    while (await link.call('prune', { retentionMs: 0, whateverAge: true, attemptRetentionMs: Date.now() }));
    const story = await store.story(cursor)
    assert.equal(story?.row, undefined)
    assert.deepEqual([story?.about?.object.name, story?.about?.cluster, story?.about?.observedAt], ['a', cluster, 1_000])
    assert.deepEqual(
      story?.endpoints.map(({ endpoint, told }) => [endpoint, told.map(({ batch, scan }) => [batch, scan])]),
      [['dns', [['s', 'scan-1']]]],
    )
  })

  test('what a batch told is known as long as it is frozen, however old its attempts are, and goes when it is not', async () => {
    await using world = await opened()
    const { store, link } = world
    const [a, b, c] = await world.agent.send([seen('a'), seen('b'), seen('c')])
    if (a === undefined || b === undefined || c === undefined) throw new Error('expected rows')
    const prune = async (attemptRetentionMs: number) => {
      while (await link.call('prune', { retentionMs: 1_000_000, attemptRetentionMs }));
    }
    const attempts = [
      attempt('x', { ...refused, ...told([a]) }),
      ...Array.from({ length: 3_000 }, (_, i) => attempt(`between-${i}`, told([c]))),
      attempt('y', { ...refused, ...told([b]) }),
    ]
    await step(store, { batches: [batchOf('x', [a]), batchOf('y', [b])], cursor: b.sequence, attempts })
    await prune(30_000)
    await step(store, { attempts: [attempt('x', { at: Date.now() })], settled: ['x'] })
    const toldBy = async (row: LogRow) => {
      const [, dns] = (await store.story(row.sequence))?.endpoints ?? []
      return dns?.told.map(({ batch, attempts }) => [batch, attempts.length])
    }
    assert.deepEqual([await toldBy(a), await toldBy(b), await toldBy(c)], [[['x', 1]], [['y', 0]], []])
    await prune(30_000)
    assert.deepEqual(await toldBy(a), [['x', 1]], 'its last attempt is young')
    await step(store, { settled: ['y'] })
    await prune(-1_000)
    assert.deepEqual([await toldBy(a), await toldBy(b)], [[], []])
  })

  test('an event that an accepted request was without is told as such, whatever its note says; the others were taken', async () => {
    await using world = await opened()
    const { store } = world
    const rows = await world.agent.send([seen('a'), seen('b'), seen('c'), seen('b', { hash: 'h2', change: 'modified' })])
    const [a, b, c, newer] = rows
    const untaken = [numberOf(c), numberOf(b)]
    const partly = attempt('x', { ...told(rows.slice(0, 3)), error: 'accepted, but 2 of 3 events not', untaken })
    const next = batchOf('y', newer === undefined ? [] : [newer])
    await step(store, { attempts: [partly], batches: [next], cursor: numberOf(newer) })
    const at = async (row: LogRow | undefined) => {
      const [, dns] = (await store.story(numberOf(row)))?.endpoints ?? []
      return [dns?.told[0]?.attempts[0]?.untaken, dns?.instead]
    }
    assert.deepEqual(await at(a), [undefined, undefined])
    assert.deepEqual(await at(b), [[numberOf(b)], numberOf(newer)])
    assert.deepEqual((await store.batchStory('x'))?.attempts[0]?.untaken, [numberOf(b), numberOf(c)])
    const { told: _, untaken: __, ...listed } = partly
    assert.deepEqual(await store.attempts({ endpoint: 'dns', limit: 1 }), [listed])
  })

  test('who asks for one endpoint is told of it alone, and no other one is looked at; who goes away is told nothing more', async () => {
    await using world = await opened()
    const rows = await world.agent.send([seen('a')])
    const sequence = numberOf(rows[0])
    const steps: unknown[] = []
    const ears = new AbortController()
    const link: typeof world.link = {
      ...{ ended: world.link.ended, hubId: world.link.hubId, head: sequence, waiting: 0 },
      call: (op, input) => {
        if (op !== 'deadLetters') steps.push(op === 'storyHead' ? op : Object(input).endpoint)
        return world.link.call(op, input)
      },
      [Symbol.asyncDispose]: async () => {},
    }
    const tell = (endpoint: string | undefined, signal?: AbortSignal) => {
      const steps = whileAsked(link, signal)
      return tellStory(steps, { sequence, endpoint, deadLetters: world.store.deadLetters })
    }
    assert.deepEqual(
      (await tell('dns'))?.endpoints.map(({ endpoint }) => endpoint),
      ['dns'],
    )
    assert.deepEqual(new Set(steps), new Set(['storyHead', 'dns']))
    assert.deepEqual((await tell('nobody'))?.endpoints, [])
    ears.abort()
    steps.length = 0
    for (const told of [
      world.store.story(sequence, { signal: ears.signal }),
      world.store.batchStory('x', ears.signal),
      world.store.objectEvents(named('a'), 1, ears.signal),
      tell(undefined, ears.signal),
    ])
      await assert.rejects(told, { name: 'AbortError' })
    assert.deepEqual(steps, [])
  })

  test('of an event that never was nothing is known, nor of a request', async () => {
    await using world = await opened()
    await world.agent.send([seen('a')])
    assert.equal(await world.store.story(7), undefined)
    assert.equal(await world.store.batchStory('nobody'), undefined)
  })

  test('one event is found among thousands of requests of scans that reach from the oldest to the newest object', async () => {
    await using world = await opened()
    const { store } = world
    const attempts = Array.from({ length: 6_000 }, (_, i) =>
      attempt(`s-${i}`, { told: { sequences: [1 + i, 20_000, 90_000 - i], scan: 'scan-1' } }),
    )
    await step(store, { attempts })
    const batches = async (sequence: number) => (await store.story(sequence))?.endpoints[0]?.told.map(({ batch }) => batch)
    assert.deepEqual(await batches(1), ['s-0'])
    assert.deepEqual(await batches(84_001), ['s-5999'])
    assert.equal(await batches(50_000), undefined)
    const often = (await store.story(20_000))?.endpoints[0]
    assert.deepEqual([often?.told.length, often?.told.at(-1)?.batch, often?.toldBefore], [20, 's-5999', 5_980])
  })

  test('a request is told with its events, while it is frozen and when it is not any more', async () => {
    await using world = await opened()
    const { store } = world
    const rows = await world.agent.send([seen('a'), seen('b')])
    const about = async () => {
      const { events = [], ...request } = (await store.batchStory('x')) ?? {}
      assert.deepEqual(
        events.map(({ sequence, about }) => [sequence, about?.object]),
        rows.map(({ sequence, object }) => [sequence, object]),
      )
      return request
    }
    await step(store, { batches: [batchOf('x', rows)] })
    const untried = { batch: 'x', endpoint: 'dns', count: 2, attempts: [], attemptsBefore: 0 }
    assert.deepEqual(await about(), { ...untried, held: true })
    await step(store, { attempts: [attempt('x', told(rows))], settled: ['x'] })
    assert.deepEqual(await about(), { ...untried, held: false, attempts: [attempt('x')] })
  })

  test('the events of an object are found by its name, the newest first, whatever uid it had', async () => {
    await using world = await opened()
    const { store } = world
    const rows = await world.agent.send([
      seen('a'),
      seen('b'),
      gone('a'),
      seen('a', { uid: 'another' }),
      seen('a', { uid: 'elsewhere', namespace: 'team-db' }),
    ])
    const [created, , deleted, again, elsewhere] = rows.map(({ sequence }) => sequence)
    const found = (over: Partial<NamedObject>, limit = 10) => store.objectEvents(named('a', over), limit)
    assert.deepEqual(await found({}), { sequences: [again, deleted, created], complete: true, lookedAt: 5, present: true })
    assert.deepEqual(await found({}, 2), { sequences: [again, deleted], complete: true, lookedAt: 5 })
    assert.deepEqual((await found({ namespaces: ['team-db'] })).sequences, [elsewhere])
    for (const over of [{ cluster: 'other' }, { resource: 'pods' }, { group: 'apps' }])
      assert.deepEqual(await found(over), {
        ...{ sequences: [], complete: true, present: false },
        lookedAt: 0,
      })
  })

  test('an object that the log tells nothing of is known by its last event', async () => {
    await using world = await opened()
    const { store, link } = world
    const [row] = await world.agent.send([seen('a'), synced({ lb: 'd1' })])
    await scanChunks(store)
    for (const endpoint of ['cmdb', 'dns']) await step(store, { endpoint, cursor: numberOf(row) })
    while (await link.call('prune', { retentionMs: 0, whateverAge: true }));
    await sweep(link)
    assert.deepEqual(await store.objectEvents(named('a'), 3), {
      sequences: [numberOf(row)],
      ...{ complete: true, lookedAt: 0, present: true },
    })
  })

  test('an object is found behind many rows of others, in steps', async () => {
    await using world = await opened()
    const { store, link } = world
    const [row] = await world.agent.send([seen('old')])
    for (let i = 0; i < 6; i++)
      await world.agent.send(
        Array.from({ length: namesLookedAt / 5 }, (_, n) => seen(`other-${n}`, { hash: `h${i}`, body: '{}' })),
      )
    const step = await link.call('objectRows', named('old'))
    assert.deepEqual([step.sequences, step.lookedAt], [[], namesLookedAt])
    assert.deepEqual(await store.objectEvents(named('old'), 1), {
      ...{ sequences: [numberOf(row)], complete: true },
      lookedAt: 6 * (namesLookedAt / 5) + 1,
    })
  })
}
