import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import { added, bookmark, coreResources, deleted, error, list, modified, service, status } from '../testing/objects.ts'
import { type Exchange, scriptedKube } from '../testing/scripted-kube.ts'
import { createReflector, type ReflectorSettings, type Sink } from './reflector.ts'

/** Runs a reflector of services against a played API server. Sleeps are written down and take no time. */
function startReflector(settings: ReflectorSettings = {}, overrides: Partial<Sink> = {}, random = () => 0.5) {
  const api = scriptedKube()
  const told: string[] = []
  const waits: number[] = []
  const clock = { now: 0 }
  const sink: Sink = {
    begin: (_kind, cause) => told.push(cause === 'audit' ? 'begin audit' : 'begin'),
    listed: async (objects) => void told.push(`listed ${objects.map(({ metadata }) => metadata.name).join(' ')}`),
    complete: async () => told.push('complete') > 0,
    event: async ({ type, object }) => void told.push(`${type} ${object.metadata.name}`),
    state: ({ state, done, total, reason }) =>
      void told.push(
        [state, ...(total === undefined ? [] : [`${done}/${total}`]), ...(reason === undefined ? [] : [reason])].join(' '),
      ),
    ...overrides,
  }
  const sleep: Sleep = async (ms) => void waits.push(ms)
  const deps = { kube: api, log: silentLog, sleep, random, now: () => clock.now }
  const reflector = createReflector({ group: '', resource: 'services' }, sink, deps, {
    backoffMs: [100, 10_000],
    longMs: 60_000,
    ...settings,
  })
  const task = new Task(async (signal) => reflector.run(signal))

  const asked = async (path: string): Promise<Exchange> => {
    const exchange = await api.next()
    assert.equal(exchange.path.split('&')[0], path)
    return exchange
  }
  return {
    api,
    told,
    waits,
    clock,
    reflector,
    done: task.done,
    discovery: async () => (await asked('/api/v1')).answer(200, coreResources),
    listing: () => asked('/api/v1/services?limit=500'),
    watching: () => asked('/api/v1/services?watch=true'),
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

type Running = ReturnType<typeof startReflector>

/** Brings it as far as an open watch. */
async function live(running: Running, version = 100) {
  await running.discovery()
  ;(await running.listing()).answer(200, list([service('a')], { version }))
  const watch = await running.watching()
  running.told.length = 0
  return { watch, body: watch.open() }
}

suite('a reflector', () => {
  test('lists, says how far it is, and watches from the version of the list', async () => {
    await using running = startReflector()
    await running.discovery()
    ;(await running.listing()).answer(200, list([service('a'), service('b')], { more: 'x', remaining: 1 }))
    ;(await running.listing()).answer(200, list([service('c')]))
    const watch = await running.watching()
    assert.equal(watch.query.get('resourceVersion'), '100')
    const body = watch.open()
    body.send(added(service('d', { version: 101 })))
    await body.drained
    assert.deepEqual(running.told, [
      'begin',
      'listed a b',
      'syncing 2/3',
      'listed c',
      'syncing 3/3',
      'complete',
      'live',
      'ADDED d',
    ])
    assert.deepEqual(running.reflector.figures(), { lists: 1, watches: 1 })
  })

  test('asks the server to end the watch after a random time between 5 and 10 minutes', async () => {
    await using running = startReflector()
    const { watch } = await live(running)
    assert.equal(watch.query.get('timeoutSeconds'), '450')
  })

  test('resumes a closed watch at once from the last event or bookmark', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    body.send(modified(service('a', { version: 'not-a-number' })))
    body.end()
    const second = await running.watching()
    assert.equal(second.query.get('resourceVersion'), 'not-a-number')
    const more = second.open()
    more.send(bookmark(170))
    running.clock.now += 1_000
    more.end()
    assert.equal((await running.watching()).query.get('resourceVersion'), '170')
    assert.deepEqual(running.waits, [])
  })

  test('reads no further while the sink has not taken an event', async () => {
    const gate = Promise.withResolvers<void>()
    const first = Promise.withResolvers<void>()
    const taken: string[] = []
    await using running = startReflector(
      {},
      {
        event: async ({ object }) => {
          taken.push(object.metadata.name)
          first.resolve()
          await gate.promise
        },
      },
    )
    const { body } = await live(running)
    body.send(added(service('one')))
    await first.promise
    body.send(added(service('two')))
    assert.deepEqual(taken, ['one'])
    gate.resolve()
    await body.drained
    assert.deepEqual(taken, ['one', 'two'])
  })

  test('lists anew after 410, as a status and as an event', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    body.send(error(410, 'Expired'))
    ;(await running.listing()).answer(200, list([service('b')], { version: 200 }))
    const watch = await running.watching()
    assert.equal(watch.query.get('resourceVersion'), '200')
    watch.answer(410, status(410, 'Expired'))
    await running.listing()
    assert.deepEqual(running.told, ['live', 'begin', 'listed b', 'syncing 1/1', 'complete'])
    assert.equal(running.waits.length, 2, 'a server that always says 410 is not asked without pause')
  })

  test('lists anew after any other ERROR event and after a line that is no event', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    body.send(error(500, 'InternalError'))
    ;(await running.listing()).answer(200, list([]))
    const again = (await running.watching()).open()
    again.write('{"type":"ADDED","object"\n')
    await running.listing()
  })

  test('waits as long as 429 says, then watches on without listing', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    body.send(bookmark(150))
    running.clock.now += 1_000
    body.end()
    ;(await running.watching()).answer(429, status(429, 'TooManyRequests'), { 'retry-after': '7' })
    assert.equal((await running.watching()).query.get('resourceVersion'), '150')
    assert.deepEqual(running.waits, [7_000])
  })

  test('backs off more and more while the server is away, says so from the second time on, and watches on', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    body.cut(new Error('read ECONNRESET'))
    for (let i = 0; i < 3; i++) (await running.watching()).fail(new Error('connect ECONNREFUSED'))
    ;(await running.watching()).answer(503, 'bad gateway')
    const back = await running.watching()
    assert.equal(back.query.get('resourceVersion'), '100')
    const opened = back.open()
    running.clock.now += 1_000
    opened.send(bookmark(101))
    await opened.drained
    assert.deepEqual(running.waits, [50, 100, 200, 400, 800])
    const refused = 'failed connect ECONNREFUSED'
    assert.deepEqual(running.told, ['live', refused, refused, refused, 'failed API server answered 503: bad gateway', 'live'])

    opened.cut()
    await running.watching()
    assert.deepEqual(running.waits.slice(5), [50], 'what worked again begins with the shortest delay')
  })

  test('says what is forbidden, tries slowly, and goes on once it is allowed', async () => {
    await using running = startReflector()
    await running.discovery()
    ;(await running.listing()).answer(403, status(403, 'Forbidden'))
    ;(await running.listing()).answer(403, status(403, 'Forbidden'))
    ;(await running.listing()).answer(200, list([]))
    ;(await running.watching()).open()
    const forbidden = 'failed forbidden: needs list,watch on services'
    assert.deepEqual(running.told.slice(0, 3), [forbidden, forbidden, 'begin'])
    assert.deepEqual(running.waits, [60_000, 60_000])
  })

  test('says that a resource is missing until it appears', async () => {
    await using running = startReflector()
    const missing = { ...coreResources, resources: coreResources.resources.filter(({ name }) => name !== 'services') }
    ;(await running.api.next()).answer(200, missing)
    ;(await running.api.next()).answer(200, missing)
    await running.discovery()
    await running.listing()
    assert.deepEqual(running.told, ['failed no such resource services', 'failed no such resource services'])
    assert.deepEqual(running.waits, [60_000, 60_000])
  })

  test('asks what is served when a watch finds nothing at its path', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    body.end()
    ;(await running.watching()).answer(404, status(404, 'NotFound'))
    await running.discovery()
    ;(await running.listing()).answer(200, list([], { version: 300 }))
    assert.equal((await running.watching()).query.get('resourceVersion'), '300')
  })

  test('does not follow a kind that cannot be watched', async () => {
    await using running = startReflector()
    const cannot = coreResources.resources.map((each) => ({ ...each, verbs: ['get', 'list'] }))
    ;(await running.api.next()).answer(200, { ...coreResources, resources: cannot })
    await running.discovery()
    await running.listing()
    assert.deepEqual(running.told, ['failed services cannot be listed and watched'])
  })

  test('takes an empty watch that ends at once for a failure, and the third for a reason to list', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    body.end()
    ;(await running.watching()).open().end()
    ;(await running.watching()).open().end()
    await running.listing()
    assert.deepEqual(running.waits, [50, 100, 200])
  })

  test('backs off more and more when watches end at once after a bookmark, as when a server is about to stop', async () => {
    await using running = startReflector()
    let { body } = await live(running)
    for (const version of [150, 151, 152]) {
      body.send(bookmark(version))
      body.end()
      if (version < 152) body = (await running.watching()).open()
    }
    await running.listing()
    assert.deepEqual(running.waits, [50, 100, 200])
  })

  test('connects anew when nothing came for too long', async () => {
    await using running = startReflector({ stallMs: 5 })
    const { body } = await live(running)
    await body.closed
    assert.equal((await running.watching()).query.get('resourceVersion'), '100')
    assert.deepEqual(running.waits, [])
  })

  test('repeats a list that the sink does not believe', async () => {
    let lists = 0
    await using running = startReflector({}, { complete: async () => ++lists > 1 })
    await running.discovery()
    ;(await running.listing()).answer(200, list([]))
    ;(await running.listing()).answer(200, list([]))
    await running.watching()
    assert.deepEqual(running.waits, [])
  })

  test('lists anew on demand: it closes the watch first', async () => {
    await using running = startReflector()
    const { body } = await live(running)
    running.reflector.relist('the test wants it')
    await body.closed
    const listing = await running.listing()
    running.reflector.relist('the test wants it again, while a list goes on')
    listing.answer(200, list([], { version: 200 }))
    ;(await running.listing()).answer(200, list([], { version: 201 }))
    assert.equal((await running.watching()).query.get('resourceVersion'), '201')
  })

  test('audits a kind whose list is old: the watch is closed, the list compared, and watched on from', async () => {
    await using running = startReflector({ auditMs: 10, auditQuietMs: 1 })
    const { body } = await live(running)
    await body.closed
    running.clock.now = 10
    ;(await running.listing()).answer(200, list([service('a')], { version: 200 }))
    assert.equal((await running.watching()).query.get('resourceVersion'), '200')
    assert.deepEqual(running.told, ['live', 'begin audit', 'listed a', 'syncing 1/1', 'complete'])
  })

  test('takes what came before it closes a watch for the audit', async () => {
    await using running = startReflector({ auditMs: 1_000, auditQuietMs: 1 })
    const { body } = await live(running)
    running.clock.now = 1_000
    body.send(modified(service('a', { version: 101 })))
    body.end()
    await running.listing()
    assert.deepEqual(running.told, ['live', 'MODIFIED a'])
  })

  test('does not call it an audit when a list had to be made, and puts the next audit off', async () => {
    await using running = startReflector({ auditMs: 1_000 })
    const { body } = await live(running)
    running.clock.now = 999
    body.send(error(410, 'Expired'))
    ;(await running.listing()).answer(200, list([], { version: 200 }))
    const second = (await running.watching()).open()
    running.clock.now = 1_998
    second.end()
    const third = (await running.watching()).open()
    running.reflector.relist('the test wants it')
    await third.closed
    running.clock.now = 10_000
    ;(await running.listing()).answer(200, list([], { version: 300 }))
    await running.watching()
    assert.deepEqual(
      running.told.filter((each) => each.startsWith('begin')),
      ['begin', 'begin'],
    )
  })

  test('goes on with an audit whose list was not believed; one that breaks off leaves a gap, which is none', async () => {
    let completed = 0
    await using running = startReflector({ auditMs: 1_000 }, { complete: async () => ++completed !== 2 })
    const { body } = await live(running)
    running.clock.now = 1_000
    body.end()
    ;(await running.listing()).answer(200, list([]))
    ;(await running.listing()).answer(200, list([]))
    const watch = (await running.watching()).open()
    running.clock.now = 2_100
    watch.end()
    ;(await running.listing()).fail(new Error('read ECONNRESET'))
    ;(await running.listing()).answer(200, list([]))
    await running.watching()
    assert.deepEqual(
      running.told.filter((each) => each.startsWith('begin')),
      ['begin audit', 'begin audit', 'begin'],
    )
  })

  test('does not call it an audit when the watch broke before: what it missed is a gap', async () => {
    await using running = startReflector({ auditMs: 1_000 })
    const { body } = await live(running)
    running.clock.now = 999
    body.end()
    const resumed = await running.watching()
    running.clock.now = 1_000
    resumed.fail(new Error('connect ECONNREFUSED'))
    ;(await running.listing()).answer(200, list([]))
    await running.watching()
    assert.deepEqual(
      running.told.filter((each) => each.startsWith('begin')),
      ['begin'],
    )
  })

  test('does not audit all kinds in the same moment', async () => {
    for (const [random, due] of [
      [0, 900],
      [0.999, 1_099],
    ] as const) {
      await using running = startReflector({ auditMs: 1_000 }, {}, () => random)
      const { body } = await live(running)
      running.clock.now = due - 1
      body.end()
      const second = (await running.watching()).open()
      running.clock.now = due + 1
      second.end()
      await running.listing()
    }
  })

  test('ends with what the sink rejects, and closes the watch', async () => {
    const bug = new Error('bug')
    const running = startReflector({}, { event: () => Promise.reject(bug) })
    const { body } = await live(running)
    body.send(deleted(service('a')))
    await assert.rejects(running.done, bug)
    await body.closed
  })
})
