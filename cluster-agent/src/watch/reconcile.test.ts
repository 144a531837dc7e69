import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { checksumOf, emptyChecksum } from '@watch-hub/shared/protocol/checksum'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { createOutbox, type OutboxSettings } from '../outbox.ts'
import { added, deleted, modified, namespace, plan, service, streamPlan, watchPlan } from '../testing/objects.ts'
import { playedCluster } from '../testing/played-cluster.ts'
import { startReconcile } from './reconcile.ts'

interface SetUp {
  readonly outbox?: OutboxSettings
  readonly sleep?: Sleep
}

/** An agent without a link: the test takes frames out of the outbox and acknowledges them. */
function setUp({ outbox: outboxSettings, sleep = async () => {} }: SetUp = {}) {
  const cluster = playedCluster()
  const outbox = createOutbox(outboxSettings)
  const held = new Map<string, readonly IndexEntry[]>()
  const loaded: string[] = []
  let changed = Promise.withResolvers<void>()
  const reconciler = startReconcile({
    kube: cluster,
    outbox,
    async *loadIndex(stream) {
      loaded.push(stream)
      const rows = held.get(stream) ?? []
      yield rows
      return { checksum: checksumOf(rows) }
    },
    onStatus: () => {
      changed.resolve()
      changed = Promise.withResolvers<void>()
    },
    log: silentLog,
    sleep,
    random: () => 0.5,
    clock: () => 42,
  })
  /** Waits for a status that holds. */
  const until = async (holds: (status: ReturnType<typeof reconciler.status>) => boolean) => {
    while (!holds(reconciler.status())) await changed.promise
  }
  return {
    ...reconciler,
    cluster,
    outbox,
    /** What the hub holds, by stream. */
    held,
    loaded,
    until,
    live: (...streams: readonly string[]) => until((status) => streams.every((id) => status.streams[id]?.state === 'live')),
    /** What the hub would get, acknowledged: `plan stream: what`. */
    sent: () => {
      const out: string[] = []
      for (let frame = outbox.next(); frame !== undefined; frame = outbox.next()) {
        for (const entry of frame.entries) {
          const what =
            'synced' in entry
              ? `synced ${entry.synced.map(({ watch }) => watch)}`
              : `${entry.change} ${entry.name} [${entry.matches}] ${entry.cause}${entry.body === undefined ? '' : ' with body'}`
          out.push(`${frame.plan} ${frame.streams[entry.s]?.id}: ${what}`)
        }
        outbox.ack(frame.number)
      }
      return out
    },
    [Symbol.asyncDispose]: () => reconciler[Symbol.asyncDispose](),
  }
}

const row = (name: string, more: Partial<IndexEntry> = {}): IndexEntry => ({
  uid: `uid-${name}`,
  namespace: 'default',
  name,
  resourceVersion: '1',
  hash: 'of before',
  matches: ['web'],
  ...more,
})
const services = (more?: Parameters<typeof streamPlan>[1]) => streamPlan('services-all', more)
const configmaps = (more?: Parameters<typeof streamPlan>[1]) => streamPlan('configmaps-all', { resource: 'configmaps', ...more })
const teamA = watchPlan('team', { namespaces: { include: [], exclude: [], selector: { matchLabels: { team: 'a' } } } })

suite('reconcile', () => {
  test('brings a stream from the index of the hub to live, and then tells what happens', async () => {
    await using agent = setUp()
    agent.held.set('services-all', [row('changed'), row('gone')])
    agent.cluster.objects.set('services', [service('changed'), service('new')])
    agent.follow(plan('p1', [services()]))
    assert.deepEqual(agent.status().streams, { 'services-all': { state: 'starting' } })
    const watch = await agent.cluster.watch('services')
    await agent.live('services-all')
    assert.deepEqual(agent.sent(), [
      'p1 services-all: modified changed [web] list with body',
      'p1 services-all: added new [web] list with body',
      'p1 services-all: gone gone [] list',
      'p1 services-all: synced web',
    ])
    watch.send(added(service('live')), modified(service('new', { type: 'NodePort' })), deleted(service('changed')))
    await watch.drained
    assert.deepEqual(agent.sent(), [
      'p1 services-all: added live [web] live with body',
      'p1 services-all: modified new [web] live with body',
      'p1 services-all: gone changed [] live',
    ])
    assert.partialDeepStrictEqual(agent.status(), { received: 'p1', active: 'p1', figures: { objects: 2, lists: 1, watches: 1 } })
  })

  test('watches a kind once, however many streams and watches want it', async () => {
    await using agent = setUp()
    agent.cluster.objects.set('services', [service('a')])
    const names = services({
      id: 'services-names',
      projection: { keep: ['metadata.name'], prune: [] },
      watches: [watchPlan('names')],
    })
    agent.follow(plan('p1', [services({ watches: [watchPlan('web'), watchPlan('dns')] }), names]))
    await agent.live('services-all', 'services-names')
    assert.deepEqual(agent.sent().toSorted(), [
      'p1 services-all: added a [dns,web] list with body',
      'p1 services-all: synced web,dns',
      'p1 services-names: added a [names] list with body',
      'p1 services-names: synced names',
    ])
    assert.partialDeepStrictEqual(agent.status().figures, { lists: 1, watches: 1, objects: 2 })
  })

  test('leaves the watch of an unaffected kind open, and tells its events under the new plan', async () => {
    await using agent = setUp()
    agent.follow(plan('p1', [services(), configmaps()]))
    const untouched = await agent.cluster.watch('services')
    const changed = await agent.cluster.watch('configmaps')
    await agent.live('services-all', 'configmaps-all')
    agent.sent()
    agent.follow(plan('p2', [configmaps({ watches: [watchPlan('other')] }), services()]))
    await changed.closed
    await agent.cluster.watch('configmaps')
    await agent.until(({ active }) => active === 'p2')
    untouched.send(added(service('a')))
    await untouched.drained
    assert.equal(untouched.exchange.signal.aborted, false)
    assert.deepEqual(agent.loaded, ['services-all', 'configmaps-all', 'configmaps-all'])
    assert.deepEqual(agent.sent().toSorted(), [
      'p2 configmaps-all: synced other',
      'p2 services-all: added a [web] live with body',
    ])
  })

  test('asks for no index before everything of that resource is acknowledged', async () => {
    await using agent = setUp()
    agent.cluster.objects.set('services', [service('a')])
    agent.follow(plan('p1', [services()]))
    await agent.live('services-all')
    agent.follow(plan('p2', [services({ id: 'services-other' })]))
    await agent.until(({ active }) => active === 'p2')
    await new Promise(setImmediate)
    assert.deepEqual(agent.loaded, ['services-all'])
    agent.sent()
    await agent.live('services-other')
    assert.deepEqual(agent.loaded, ['services-all', 'services-other'])
  })

  test('compares a stream that did not change with what it remembers, when another stream of its kind changes', async () => {
    await using agent = setUp()
    agent.cluster.objects.set('services', [service('a')])
    const other = (watch: string) => services({ id: 'services-other', watches: [watchPlan(watch)] })
    agent.follow(plan('p1', [services(), other('x')]))
    await agent.live('services-all', 'services-other')
    agent.sent()
    agent.held.set('services-other', [row('a', { matches: ['x'] })])
    agent.follow(plan('p2', [services(), other('y')]))
    await agent.until(({ active, streams }) => active === 'p2' && streams['services-other']?.state === 'live')
    assert.deepEqual(agent.loaded, ['services-all', 'services-other', 'services-other'])
    assert.deepEqual(agent.sent().toSorted(), [
      'p2 services-all: synced web',
      'p2 services-other: modified a [y] list with body',
      'p2 services-other: synced y',
    ])
  })

  test('ends the watch of a kind that the plan no longer wants', async () => {
    await using agent = setUp()
    agent.follow(plan('p1', [services()]))
    const watch = await agent.cluster.watch('services')
    agent.follow(plan('p2', []))
    await watch.closed
    assert.deepEqual(agent.status().streams, {})
  })

  test('follows the last of several plans', async () => {
    await using agent = setUp()
    agent.follow(plan('p1', [configmaps()]))
    agent.follow(plan('p2', [services()]))
    await agent.live('services-all')
    assert.equal(agent.cluster.lists.get('configmaps'), undefined)
    assert.partialDeepStrictEqual(agent.status(), { received: 'p2', active: 'p2' })
  })

  test('stops everything while paused, and compares with the hub afterwards', async () => {
    await using agent = setUp()
    agent.cluster.objects.set('services', [service('a')])
    agent.follow(plan('p1', [services()]))
    const watch = await agent.cluster.watch('services')
    agent.follow(plan('p2', [services()], { paused: true }))
    await watch.closed
    await agent.until(({ active }) => active === 'p2')
    assert.deepEqual(agent.status().streams, { 'services-all': { state: 'paused' } })
    agent.sent()
    agent.held.set('services-all', [row('a'), row('gone meanwhile')])
    agent.follow(plan('p3', [services()]))
    await agent.live('services-all')
    assert.deepEqual(agent.sent(), [
      'p3 services-all: modified a [web] list with body',
      'p3 services-all: gone gone meanwhile [] list',
      'p3 services-all: synced web',
    ])
  })

  test('tells nothing that it compared with lost data, and begins again with the index of the hub', async () => {
    await using agent = setUp({ outbox: { maxEntries: 1 } })
    agent.follow(plan('p1', [services()]))
    const watch = await agent.cluster.watch('services')
    await agent.live('services-all')
    watch.send(added(service('a')), added(service('b')))
    while (agent.outbox.figures().waiting === 0) await new Promise(setImmediate)
    agent.cluster.objects.set('services', [service('b')])
    agent.resync()
    assert.deepEqual(agent.sent(), [])
    await watch.closed
    const sent: string[] = []
    while (sent.length < 2) {
      sent.push(...agent.sent())
      await new Promise(setImmediate)
    }
    assert.deepEqual(agent.loaded, ['services-all', 'services-all'])
    assert.deepEqual(sent, ['p1 services-all: added b [web] list with body', 'p1 services-all: synced web'])
  })

  test('says why a stream is not live, and that it may pass', async () => {
    await using agent = setUp({
      sleep: (_ms, signal) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    })
    agent.cluster.forbidden.add('services')
    agent.follow(plan('p1', [services(), configmaps(), streamPlan('widgets', { resource: 'widgets' })]))
    await agent.live('configmaps-all')
    await agent.until(({ streams }) => streams['services-all']?.state === 'failed' && streams.widgets?.state === 'failed')
    assert.deepEqual(agent.status().streams, {
      'services-all': { state: 'failed', reason: 'forbidden: needs list,watch on services', transient: true },
      'configmaps-all': { state: 'live' },
      widgets: { state: 'failed', reason: 'no such resource widgets', transient: true },
    })
    assert.equal(agent.status().active, 'p1')
  })

  test('says for good that it does not understand a stream', async () => {
    await using agent = setUp({
      sleep: (_ms, signal) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    })
    agent.follow(plan('p1', [services({ watches: [watchPlan('odd', { when: 'object.(' })] })]))
    await agent.until(({ streams }) => streams['services-all']?.state === 'failed')
    assert.partialDeepStrictEqual(agent.status().streams['services-all'], { transient: false })
  })

  test('asks the hub again when it could not tell an index', async () => {
    const cluster = playedCluster()
    let asked = 0
    const reconciler = startReconcile({
      kube: cluster,
      outbox: createOutbox(),
      async *loadIndex() {
        yield []
        if (++asked === 1) throw new Error('the connection to the hub broke')
        return { checksum: emptyChecksum }
      },
      onStatus: () => {},
      log: silentLog,
      sleep: async () => {},
    })
    await using _ended = reconciler
    reconciler.follow(plan('p1', [services()]))
    await cluster.watch('services')
    assert.equal(asked, 2)
  })

  test('loads one index anew, and compares its kind; other kinds and other streams keep theirs', async () => {
    await using agent = setUp()
    const pruned = services({ id: 'services-pruned', projection: { keep: [], prune: ['spec'] } })
    agent.cluster.objects.set('services', [service('a')])
    agent.follow(plan('p1', [services(), pruned, configmaps()]))
    const watch = await agent.cluster.watch('services')
    const untouched = await agent.cluster.watch('configmaps')
    await agent.live('services-all', 'configmaps-all')
    agent.sent()
    agent.loaded.length = 0
    agent.reload('services-all', 'the test says so')
    agent.reload('services-all', 'and again, at once')
    await agent.cluster.watch('services')
    await agent.live('services-all')
    assert.equal(watch.exchange.signal.aborted, true)
    assert.equal(untouched.exchange.signal.aborted, false)
    assert.deepEqual(agent.loaded, ['services-all'])
    assert.equal(agent.status().figures.reloads, 1)
    // The hub holds nothing of it, so everything is told again; the other stream has nothing to tell.
    assert.deepEqual(agent.sent().sort(), [
      'p1 services-all: added a [web] list with body',
      'p1 services-all: synced web',
      'p1 services-pruned: synced web',
    ])
    agent.reload('of another plan', 'late')
    assert.equal(agent.status().figures.reloads, 1)
  })

  test('does not call a stream live while it waits to load its index anew', async () => {
    const waits = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    await using agent = setUp({
      sleep: async () => {
        waits.resolve()
        await go.promise
      },
    })
    agent.follow(plan('p1', [services()]))
    await agent.cluster.watch('services')
    await agent.live('services-all')
    agent.sent()
    agent.reload('services-all', 'the test says so')
    await waits.promise
    const { streams } = agent.status()
    go.resolve()
    assert.notEqual(streams['services-all']?.state, 'live')
  })

  test('an index that is wrong is loaded anew also when a plan comes while that waits', async () => {
    const waits = Promise.withResolvers<void>()
    await using agent = setUp({
      sleep: (_ms, signal) =>
        new Promise((_resolve, reject) => {
          waits.resolve()
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        }),
    })
    agent.follow(plan('p1', [services()]))
    await agent.cluster.watch('services')
    await agent.live('services-all')
    agent.sent()
    agent.loaded.length = 0
    agent.reload('services-all', 'the test says so')
    await waits.promise
    const pruned = services({ id: 'services-pruned', projection: { keep: [], prune: ['spec'] } })
    agent.follow(plan('p2', [services(), pruned]))
    await agent.cluster.watch('services')
    assert.deepEqual(agent.loaded.sort(), ['services-all', 'services-pruned'])
  })

  test('does not believe an index that is not what the hub says it is, and asks again', async () => {
    const cluster = playedCluster()
    const waits: number[] = []
    let asked = 0
    await using reconciler = startReconcile({
      kube: cluster,
      outbox: createOutbox(),
      async *loadIndex() {
        asked++
        yield [{ uid: 'u', namespace: '', name: 'a', resourceVersion: '1', hash: 'h', matches: ['web'] }]
        return { checksum: asked === 1 ? emptyChecksum : checksumOf([{ uid: 'u', hash: 'h', matches: ['web'] }]) }
      },
      onStatus: () => {},
      log: silentLog,
      sleep: async (ms) => void waits.push(ms),
      random: () => 0.5,
    })
    reconciler.follow(plan('p1', [services()]))
    await cluster.watch('services')
    assert.equal(asked, 2)
    assert.deepEqual(waits, [250])
  })

  test('restarts a kind whose `when` sees the labels of the cluster, when those change; not the others', async () => {
    await using agent = setUp()
    const byLabel = configmaps({ watches: [watchPlan('prod', { when: 'cluster.labels.env == "prod"' })] })
    const withLabels = (hash: string, env: string): Plan =>
      plan(hash, [services(), byLabel], { cluster: { name: 'c', labels: { env } } })
    agent.cluster.objects.set('configmaps', [service('a')])
    agent.follow(withLabels('p1', 'test'))
    const untouched = await agent.cluster.watch('services')
    await agent.cluster.watch('configmaps')
    await agent.live('services-all', 'configmaps-all')
    agent.sent()
    agent.follow(withLabels('p2', 'prod'))
    await agent.cluster.watch('configmaps')
    assert.deepEqual(agent.sent(), ['p2 configmaps-all: added a [prod] list with body', 'p2 configmaps-all: synced prod'])
    assert.equal(untouched.exchange.signal.aborted, false)
  })

  test('selects by the labels of namespaces, and compares anew when a namespace comes or goes by them', async () => {
    const settles: number[] = []
    await using agent = setUp({ sleep: async (ms) => void settles.push(ms) })
    agent.cluster.objects.set('namespaces', [namespace('one', { team: 'a' }), namespace('two', { team: 'b' })])
    agent.cluster.objects.set('services', [service('in', { namespace: 'one' }), service('out', { namespace: 'two' })])
    agent.follow(plan('p1', [services({ watches: [teamA] }), configmaps()]))
    const labels = await agent.cluster.watch('namespaces')
    const unaffected = await agent.cluster.watch('configmaps')
    await agent.live('services-all')
    assert.deepEqual(
      agent.sent().filter((each) => each.includes('services-all')),
      ['p1 services-all: added in [team] list with body', 'p1 services-all: synced team'],
    )

    const first = await agent.cluster.watch('services')
    labels.send(modified(namespace('two', { team: 'a' }, 2)), modified(namespace('one', { team: 'a', noise: '1' }, 3)))
    await first.closed
    const second = await agent.cluster.watch('services')
    assert.deepEqual(agent.sent(), ['p1 services-all: added out [team] list with body', 'p1 services-all: synced team'])

    labels.send(modified(namespace('one', { team: 'b' }, 4)))
    await second.closed
    await agent.cluster.watch('services')
    assert.deepEqual(agent.sent(), ['p1 services-all: modified in [] list', 'p1 services-all: synced team'])
    assert.deepEqual(settles, [1_000, 1_000])
    assert.equal(unaffected.exchange.signal.aborted, false)
    assert.equal(agent.cluster.lists.get('namespaces'), 1)
  })

  test('watches namespaces once when a stream wants them too', async () => {
    await using agent = setUp()
    agent.cluster.objects.set('namespaces', [namespace('one', { team: 'a' })])
    agent.cluster.objects.set('services', [service('in', { namespace: 'one' })])
    const all = streamPlan('namespaces-all', { resource: 'namespaces', watches: [watchPlan('ns')] })
    agent.follow(plan('p1', [services({ watches: [teamA] }), all]))
    await agent.live('services-all', 'namespaces-all')
    assert.deepEqual(agent.sent().toSorted(), [
      'p1 namespaces-all: added one [ns] list with body',
      'p1 namespaces-all: synced ns',
      'p1 services-all: added in [team] list with body',
      'p1 services-all: synced team',
    ])
    assert.equal(agent.cluster.lists.get('namespaces'), 1)
  })

  test('says what keeps a kind from knowing the labels of namespaces', async () => {
    await using agent = setUp({
      sleep: (_ms, signal) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    })
    agent.cluster.forbidden.add('namespaces')
    agent.follow(plan('p1', [services({ watches: [teamA] })]))
    await agent.until(({ streams }) => streams['services-all']?.state === 'failed')
    assert.equal(agent.status().streams['services-all']?.reason, 'forbidden: needs list,watch on namespaces')
    assert.equal(agent.cluster.lists.get('services'), undefined)
  })

  test('ends when it is disposed, also while it waits for the hub, and closes its watches', async () => {
    const agent = setUp({ outbox: { maxEntries: 1 } })
    agent.cluster.objects.set('configmaps', [service('a'), service('b')])
    agent.follow(plan('p1', [services()]))
    const watch = await agent.cluster.watch('services')
    agent.follow(plan('p2', [services(), configmaps()]))
    while (agent.outbox.figures().waiting === 0) await new Promise(setImmediate)
    await agent[Symbol.asyncDispose]()
    await watch.closed
    await agent.done
    assert.equal(agent.outbox.figures().waiting, 0)
  })

  test('starts nothing any more once it is disposed, however far the change to another plan has come', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const agent = setUp()
      agent.follow(plan('p1', [services()]))
      await agent.live('services-all')
      agent.sent()
      agent.follow(plan('p2', [services({ watches: [watchPlan('other')] })]))
      for (let i = 0; i < turns; i++) await null
      await agent[Symbol.asyncDispose]()
      const lists = agent.cluster.lists.get('services')
      for (let i = 0; i < 5; i++) await new Promise(setImmediate)
      assert.equal(agent.cluster.lists.get('services'), lists, `after ${turns} turns`)
    }
  })
})
