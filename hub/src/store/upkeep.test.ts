import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '@watch-hub/shared/runtime/log'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { createStore, type FrontSettings } from './front.ts'
import type { Link } from './link/link.ts'
import { openLocal } from './link/local.ts'
import type { LogRow, Store } from './store.ts'
import { die, letter } from './testing/facts/dead-letters.ts'
import { activation, readAll, seen, startAgent, told, watch } from './testing/world.ts'

/** Looks, one at a time. */
function looks(): { readonly sleep: Sleep; next(): Promise<void> } {
  let over = Promise.withResolvers<void>()
  let wake = () => {}
  return {
    sleep: (_ms, signal) =>
      new Promise((resolve, reject) => {
        wake = resolve
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        over.resolve()
      }),
    next: async () => {
      await over.promise
      over = Promise.withResolvers()
      wake()
      await over.promise
    },
  }
}

const kilobyte = 1_000
const bodyBytes = 9_400
/** What a row of these tests counts. */
const rowBytes = 10 * kilobyte

interface Opened extends AsyncDisposable {
  readonly store: Store
  /** The next look of its upkeep, to its end. */
  look(): Promise<void>
  /** Names of what upkeep asked the engine for. */
  readonly asked: string[]
  /** What it logged at warn and above. */
  readonly said: string[]
}

/** In memory, with nothing in its tail: all of the log can be compacted. */
function open(settings: FrontSettings): Opened {
  const { sleep, next } = looks()
  const link = openLocal({ file: ':memory:' })
  const asked: string[] = []
  const said: string[] = []
  const recording: Link = {
    ...link,
    call: (op, input) => {
      asked.push(op)
      return link.call(op, input)
    },
  }
  const log = createLog((line) => said.push(line), 'warn')
  const store = createStore(recording, { tail: { rows: 0, bytes: 0 }, sleep, log, ...settings })
  return { store, asked, said, look: next, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

const version = (name: string, i: number, over: Parameters<typeof seen>[1] = {}) =>
  seen(name, {
    hash: `h${i}`,
    change: i === 0 ? 'added' : 'modified',
    body: JSON.stringify({ v: i, text: 'x'.repeat(bodyBytes - 20 - String(i).length) }),
    ...over,
  })
const versions = (name: string, count: number) => Array.from({ length: count }, (_, i) => version(name, i))

const pass = (store: Store, endpoint: string, rows: readonly LogRow[]) =>
  store.freeze({ endpoint, settled: [], batches: [], cursor: rows.at(-1)?.sequence ?? 0 })

test('above the bound, rows that nobody needs go first, whatever their age and place', async () => {
  await using hub = open({ logLimit: 20 * rowBytes })
  await hub.store.activate(activation({ lb: watch(), quiet: watch({ endpoints: [] }) }))
  const agent = await startAgent(hub.store)
  await agent.send([version('first', 0, { matches: ['quiet'] }), ...versions('hot', 3)])
  await agent.send(Array.from({ length: 18 }, (_, i) => version(`quiet${i}`, 0, { matches: ['quiet'] })))
  await hub.look()
  const { logRows, endpoints } = await hub.store.stats()
  // A step is over 500 rows: these were all in one.
  assert.deepEqual([logRows, endpoints[0]?.events, endpoints[0]?.skipped], [3, 3, 0])
})

test('above the bound, what is still needed is compacted', async () => {
  await using hub = open({ logLimit: 20 * rowBytes })
  await hub.store.activate(activation({ lb: watch() }))
  const agent = await startAgent(hub.store)
  await agent.send(versions('hot', 20))
  await hub.look()
  assert.equal((await hub.store.stats()).logRows, 20)
  await agent.send([version('hot', 20)])
  await hub.look()
  const { logRows, logBytes, endpoints, state } = await hub.store.stats()
  assert.deepEqual([logRows, logBytes <= 15 * rowBytes, endpoints[0]?.events, endpoints[0]?.skipped], [1, true, 1, 20])
  assert.deepEqual([state, hub.said], [{ kind: 'ok' }, []])
  assert.deepEqual(told(await readAll(hub.store)), ['hot dns created - lb'])
})

test('above the bound, endpoints are compacted one after the other, and no more of them than has to be', async () => {
  await using hub = open({ logLimit: 40 * rowBytes })
  const endpoints = ['away', 'broken', 'slow']
  await hub.store.activate(activation({ lb: watch({ endpoints }), some: watch({ endpoints: ['broken', 'slow'] }) }))
  const agent = await startAgent(hub.store)
  await agent.send(versions('hot', 36))
  const rest = await agent.send(
    [...versions('other', 3), ...versions('more', 3)].map((entry) => ({ ...entry, matches: ['some'] })),
  )
  await pass(hub.store, 'slow', await readAll(hub.store, 'slow').then((rows) => rows.slice(0, -rest.length)))
  await hub.look()
  const figures = (await hub.store.stats()).endpoints.map(({ endpoint, events, skipped }) => [endpoint, events, skipped])
  assert.deepEqual(figures, [
    ['away', 1, 35],
    ['broken', 3, 39],
    ['slow', 6, 0],
  ])
})

test('what is in memory stays as it is', async () => {
  await using hub = open({ logLimit: 20 * rowBytes, tail: { rows: 10, bytes: 1e9 } })
  await hub.store.activate(activation({ lb: watch() }))
  await (await startAgent(hub.store)).send(versions('hot', 30))
  await hub.look()
  assert.equal((await hub.store.stats()).logRows, 11)
})

test('what was appended while a log was swept is passed over within a minute, however little follows', async () => {
  await using hub = open({ logLimit: 16 * rowBytes })
  await hub.store.activate(activation({ lb: watch() }))
  const agent = await startAgent(hub.store)
  await agent.send(Array.from({ length: 20 }, (_, i) => version(`o${i}`, 0)))
  for (let i = 0; i < 3; i++) await hub.look()
  await agent.send([version('o0', 1)])
  for (let i = 0; i < 12; i++) await hub.look()
  assert.equal((await hub.store.stats()).logRows, 20, 'the older version of o0 is gone')
  const sweeps = hub.asked.length
  for (let i = 0; i < 24; i++) await hub.look()
  assert.equal(hub.asked.slice(sweeps).filter((op) => op === 'compact').length, 0, 'nothing came since')
})

test('a log that cannot be made smaller is said once, and is swept again only when it grew by an eighth of its bound', async () => {
  await using hub = open({ logLimit: 16 * rowBytes })
  await hub.store.activate(activation({ lb: watch() }))
  const agent = await startAgent(hub.store)
  const sweeps = () => hub.asked.filter((op) => op === 'compact').length
  await agent.send(Array.from({ length: 20 }, (_, i) => version(`o${i}`, 0)))
  for (let i = 0; i < 3; i++) await hub.look()
  assert.equal(sweeps(), 2, 'one for what nobody needs, one for all')
  const { state } = await hub.store.stats()
  assert.equal(state.kind, 'over-bound')
  assert.match(state.reason ?? '', /the log holds .*Ki, above its bound of .*Ki; .* or raise --log-limit/)
  assert.deepEqual(hub.store.state, state)
  await agent.send([version('more', 0), version('o0', 1)])
  await hub.look()
  assert.deepEqual([sweeps(), (await hub.store.stats()).logRows], [2, 22])
  await agent.send([version('and-more', 0)])
  await hub.look()
  assert.deepEqual([sweeps(), (await hub.store.stats()).logRows], [4, 22])
  assert.equal(hub.said.length, 1)
  assert.match(hub.said[0] ?? '', /the log is above its bound/)
  await pass(hub.store, 'dns', await readAll(hub.store))
  await hub.look()
  assert.deepEqual(hub.store.state, { kind: 'ok' })
})

/** A disk of 100 MB of which 10 % have to stay free. */
function disk(available: number) {
  const space = { total: 100 * 1_000 * kilobyte, available }
  return { space, settings: { minFreeDisk: { share: 0.1 }, diskSpace: async () => space } }
}
const megabyte = 1_000 * kilobyte
const large = (name: string, i: number) => version(name, i, { body: JSON.stringify({ i, text: 'x'.repeat(200 * kilobyte) }) })

test('below the minimum of free disk, passed rows go before their time; the log may be far below its bound', async () => {
  const { space, settings } = disk(50 * megabyte)
  await using hub = open(settings)
  await hub.store.activate(activation({ lb: watch() }))
  const rows = await (await startAgent(hub.store)).send(Array.from({ length: 20 }, (_, i) => large('hot', i)))
  await pass(hub.store, 'dns', rows)
  await hub.look()
  assert.equal((await hub.store.stats()).logRows, 20)
  space.available = 9 * megabyte
  await hub.look()
  const { logRows, state, freeBytes } = await hub.store.stats()
  assert.deepEqual([logRows, state.kind], [0, 'ok'])
  assert.ok((freeBytes ?? 0) > 12 * megabyte)
})

test('then the endpoint that needs most is compacted, and no other', async () => {
  const { space, settings } = disk(50 * megabyte)
  await using hub = open(settings)
  await hub.store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }), few: watch({ endpoints: ['cmdb'] }) }))
  const agent = await startAgent(hub.store)
  const rows = await agent.send(Array.from({ length: 20 }, (_, i) => large('hot', i)))
  await pass(hub.store, 'cmdb', rows)
  await agent.send([version('small', 0, { matches: ['few'] }), version('small', 1, { matches: ['few'] })])
  space.available = 9 * megabyte
  await hub.look()
  const { endpoints, state } = await hub.store.stats()
  assert.deepEqual(
    endpoints.map(({ endpoint, events, skipped }) => [endpoint, events, skipped]),
    [
      ['cmdb', 2, 0],
      ['dns', 1, 19],
    ],
  )
  assert.equal(state.kind, 'ok')
})

test('only then appends wait, loudly, in their order; freezing goes on, and so do appends when there is room', async () => {
  const { space, settings } = disk(50 * megabyte)
  await using hub = open(settings)
  await hub.store.activate(activation({ lb: watch() }))
  const agent = await startAgent(hub.store)
  const rows = await agent.send([seen('a')])
  space.available = 1 * megabyte
  await hub.look()
  assert.equal(hub.store.state.kind, 'stopped')
  assert.match(
    hub.store.state.reason ?? '',
    /^976.6Ki of disk free, expected at least 9.5Mi \(--min-free-disk\): nothing is taken/,
  )
  const done: string[] = []
  const appends = ['b', 'c'].map((name) => agent.send([seen(name)]).then(() => done.push(name)))
  assert.equal(await pass(hub.store, 'dns', rows), 'frozen')
  for (let i = 0; i < 12; i++) await hub.look()
  assert.deepEqual(done, [])
  const errors = hub.said.filter((line) => line.includes('appends wait'))
  assert.equal(errors.length, 2, 'at once, and again after a minute')
  space.available = 10.5 * megabyte
  await hub.look()
  assert.deepEqual([done, hub.store.state.kind], [[], 'stopped'], 'more has to be free than when it stopped')
  space.available = 12 * megabyte
  await hub.look()
  await Promise.all(appends)
  assert.deepEqual([done, hub.store.state], [['b', 'c'], { kind: 'ok' }])
})

test('an append that waits can be taken back, and fails when the store is closed', async () => {
  const { space, settings } = disk(1 * megabyte)
  await using hub = open(settings)
  await hub.store.activate(activation({ lb: watch() }))
  const agent = await startAgent(hub.store)
  await hub.look()
  assert.equal(hub.store.state.kind, 'stopped')
  const gone = new AbortController()
  const [taken, first, second] = [agent.frame([seen('a')]), agent.frame([seen('b')]), agent.frame([seen('c')])]
  const takenBack = assert.rejects(hub.store.append('prod-eu-1', taken, gone.signal), { name: 'AbortError' })
  const waiting = [first, second].map((frame) => assert.rejects(hub.store.append('prod-eu-1', frame), /the store is closed/))
  gone.abort()
  await takenBack
  await assert.rejects(hub.store.append('prod-eu-1', taken, gone.signal), { name: 'AbortError' })
  assert.equal(space.available, megabyte)
  await hub.store[Symbol.asyncDispose]()
  await Promise.all(waiting)
})

test('dead letters that come near their bound are said once, with what to do, and again when they do so again', async () => {
  const content = 'x'.repeat(400)
  await using hub = open({ deadLetterLimit: 10_000, pruneEveryMs: 1, lookEveryMs: 1 })
  await hub.store.activate(activation({ lb: watch() }))
  const dying = (ids: readonly string[]) =>
    die(
      hub.store,
      ids.map((id) => letter(id, { content, answer: '', diedAt: Date.now() })),
    )
  await dying(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  await hub.look()
  assert.deepEqual(hub.said, [])
  await dying(['h'])
  await hub.look()
  await hub.look()
  assert.equal(hub.said.length, 1)
  assert.match(hub.said[0] ?? '', /dead letters of an endpoint hold .* raise --dead-letter-limit.*dns/)
  await hub.store.dropDeadLetters({ ids: ['a'] })
  await hub.look()
  await dying(['i'])
  await hub.look()
  assert.equal(hub.said.length, 2)
})

test('dead letters and attempts go after the retentions that were set', async () => {
  await using hub = open({ deadLetterRetentionMs: 30_000, attemptRetentionMs: 30_000, pruneEveryMs: 1, lookEveryMs: 1 })
  await hub.store.activate(activation({ lb: watch() }))
  const now = Date.now()
  const attempt = { batch: 'x', durationMs: 1, events: 1, bytes: 1, outcome: 'accepted', resends: 0 }
  const attempts = [now - 60_000, now].map((at) => ({ ...attempt, at }))
  await die(hub.store, [letter('old', { diedAt: now - 60_000 }), letter('young', { diedAt: now })], { attempts })
  await hub.look()
  await hub.look()
  assert.deepEqual(
    (await hub.store.deadLetters({ limit: 9 })).letters.map(({ id }) => id),
    ['young'],
  )
  assert.deepEqual(
    (await hub.store.attempts({ endpoint: 'dns', limit: 9 })).map(({ at }) => at),
    [now],
  )
})

test('a disk that cannot be asked stops nothing, and is asked again', async () => {
  let asked = 0
  const diskSpace = async () => {
    asked++
    throw new Error('EIO')
  }
  await using hub = open({ diskSpace, minFreeDisk: { share: 0.1 } })
  await hub.look()
  await hub.look()
  assert.deepEqual([asked, hub.store.state.kind, hub.said.length], [3, 'ok', 3])
})
