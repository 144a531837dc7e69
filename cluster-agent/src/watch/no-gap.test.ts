/**
 * No silent gap (law 2): whatever happens to the connection, the server or this process, the hub ends up with what the cluster holds, and is told
 * no more than what changed. Which break is tested where, on the agent's side:
 *
 *   connection lost, with and without history; agent restarted; hub away; many faults at random   here
 *   a deletion that the server never told                                                         here
 *   half-open, refused, cut in JSON, in a character; chunks of all sizes; 8 MB; U+2028             no-gap.bytes.test.ts
 *   410, ERROR, 401, 403, 429, 5xx, empty answers; on watches, lists and second pages              no-gap.refusals.test.ts
 *   versions that go back, recur, are no numbers; empty lists; re-creations; kinds come, go, change  no-gap.truth.test.ts
 *
 * The whole way to the receiver: test/stories/breaks.test.ts. On a real API server: test/kube/breaks.test.ts.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { change, changeEverything, fast, inStep, live, service, startWorld, story, withoutSynced } from '../testing/gap-world.ts'

suite('no silent gap', () => {
  test('after a lost connection with forgotten history: exactly what changed, the old object gone before the new one', async () => {
    await using world = await startWorld({ tls: true, token: 'secret' })
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
    const [a, b] = [cluster.get('services', 'a')?.metadata.uid, cluster.get('services', 'b')?.metadata.uid]
    await using _agent = await live(world)
    await cluster.refuse()
    const { old, recreated, e } = changeEverything(cluster)
    cluster.compact()
    await cluster.restore()
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(withoutSynced(hub.log), [
      `modified b@${b} list`,
      `gone c@${old} list`,
      `added c@${recreated} list`,
      `added e@${e} list`,
      `gone a@${a} list`,
    ])
  })

  test('after a lost connection alone: the watch goes on and no list is made', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c']) cluster.create('services', service(name))
    await using _agent = await live(world)
    await cluster.refuse()
    changeEverything(cluster)
    await cluster.restore()
    await hub.until(() => inStep(cluster, hub))
    assert.deepEqual(story(hub.log), ['gone a live', 'modified b live', 'gone c live', 'added c live', 'added e live'])
    assert.equal(cluster.requests.count({ verb: 'list' }), 0)
  })

  test('after a restart of the agent: what the hub holds is compared, deletions are found', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', service(name))
    {
      await using _first = await world.startAgent()
      await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    }
    hub.log.length = 0
    changeEverything(cluster)
    await using _second = await world.startAgent()
    await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
    assert.deepEqual(story(hub.log), ['modified b list', 'gone c list', 'added c list', 'added e list', 'gone a list'])
  })

  test('while the hub is away: the outbox fills, the watch waits, and nothing is lost', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    await using agent = await world.startAgent()
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    hub.pause()
    for (let i = 0; i < 12_000; i++) cluster.create('services', service(`n${i}`))
    while (agent.status().figures.outboxWaiting === 0) await new Promise(setImmediate)
    const held = agent.status().figures.outboxEntries
    hub.resume()
    assert.equal(held, 10_000)
    await hub.until(() => inStep(cluster, hub))
    assert.equal(agent.status().figures.lists, 1)
  })

  test('when the audit finds a deletion that the server never told', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    cluster.create('services', service('a'))
    cluster.create('services', service('b'))
    await using _agent = await world.startAgent({ settings: { ...fast, auditMs: 20, stallMs: 30 } })
    await cluster.until(() => cluster.watches('services') === 1, 'a watch')
    cluster.silently(() => cluster.delete('services', 'a'))
    await hub.until(() => inStep(cluster, hub))
  })

  test('under random changes and random faults, with the order of each object kept', async () => {
    await using world = await startWorld()
    const { cluster, hub } = world
    await using _agent = await world.startAgent()
    const random = seeded(20_261_123)
    const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(random() * of.length)]
    const faults: readonly (() => void)[] = [
      () => cluster.cutWatches('services'),
      () => cluster.cutWatches('services', 'mid-event'),
      () => cluster.endWatches('services'),
      () => cluster.compact(pick(['event', 'status'] as const)),
      () => cluster.failNext({ match: { resource: 'services' }, status: pick([410, 429, 500, 503]) ?? 500 }),
      () => cluster.failNext({ match: { resource: 'services', verb: 'watch' }, errorEvent: pick([410, 429, 500]) ?? 500 }),
      () => cluster.failNext({ match: { resource: 'services' }, reset: true }),
      () => cluster.failNext({ match: { resource: 'services', verb: 'watch' }, empty: true }),
      () => cluster.sendBookmarks(),
    ]
    for (let step = 0; step < 1_500; step++) {
      const name = `n${Math.floor(random() * 30)}`
      const known = cluster.get('services', name) !== undefined
      if (!known) cluster.create('services', service(name, `${step}`))
      else if (random() < 0.3) cluster.delete('services', name)
      else cluster.update('services', name, change(`${step}`))
      if (random() < 0.05) pick(faults)?.()
      if (random() < 0.2) await new Promise(setImmediate)
    }
    await hub.until(() => inStep(cluster, hub))
    assert.ok(hub.log.length > 100, `${hub.log.length} entries`)
  })
})

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
