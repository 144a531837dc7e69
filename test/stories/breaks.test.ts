/**
 * Breaks, the whole way from the API server to a receiver that follows the receiver's rule: processes and their data. Which break is told where:
 *
 *   an agent restarted elsewhere, replaced while the old one still talks; hub killed, both killed   here
 *   the hub's database restored from an old copy, or lost                                           here
 *   clocks that are wrong by a day                                                                  here
 *   a watch widened, narrowed, renamed, projected anew                                              breaks-commits.test.ts
 *   an object that enters and leaves scope, alone and for one of two watches                        breaks-scope.test.ts
 *   what connections, answers, versions and lists of an API server can do     cluster-agent/src/watch/no-gap*.test.ts (which has the table)
 *   the main ones on a real API server                                        test/kube/breaks.test.ts
 *   crashes at every named moment, and at random                              the kill matrix and the seeded faults
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import type { Simulator } from '../support/api-server-simulator/simulator.ts'
import { assertPicture, change, thing, told } from '../support/breaks.ts'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { manifest } from '../support/manifest.ts'
import type { Receiver } from '../support/receiver.ts'

const dayMs = 24 * 3_600_000

interface Stage extends AsyncDisposable {
  readonly lab: Lab
  readonly cluster: Simulator
  readonly receiver: Receiver
}

/** One cluster with `a` to `d`, which the receiver holds; nothing that it was sent is remembered. */
async function start(): Promise<Stage> {
  const lab = await startLab({
    clusters: ['a'],
    receivers: ['crm'],
    manifests: (url) => [
      manifest('Cluster', 'a', {}),
      manifest('Endpoint', 'crm', { url: url('crm'), batch: { maxWait: '0s' }, history: 'every' }),
      manifest('Watch', 'things', { resources: ['services'], endpoints: ['crm'] }),
    ],
  })
  const [cluster, receiver] = [lab.cluster('a'), lab.receiver('crm')]
  for (const name of ['a', 'b', 'c', 'd']) cluster.create('services', thing(name))
  await lab.quiet()
  receiver.clear()
  cluster.requests.clear()
  return { lab, cluster, receiver, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() }
}

function changeEverything(cluster: Simulator) {
  cluster.delete('services', 'a')
  cluster.update('services', 'b', change('second'))
  cluster.delete('services', 'c')
  cluster.create('services', thing('c'))
  cluster.create('services', thing('e'))
}
const seen = ['deleted live a', 'updated live b', 'deleted live c', 'created live c', 'created live e']
const recovered = [
  'updated recovered b',
  'deleted recovered c',
  'created recovered c',
  'created recovered e',
  'deleted recovered a',
]

/** The next one of the same cluster that the hub is sent is numbered above every one before. */
function assertRising({ items }: Pick<Receiver, 'items'>, above = '') {
  let last = above
  for (const { sequence, name } of items) {
    assert.ok(sequence > last, `the sequence of ${name} went back from ${last} to ${sequence}`)
    last = sequence
  }
  return last
}

suite('breaks of processes', () => {
  test('an agent that starts elsewhere, with nothing but its identity, tells exactly what was missed', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    await lab.agent('a').kill()
    changeEverything(cluster)
    await lab.agent('a').start()
    await lab.quiet()
    assert.deepEqual(told(receiver), recovered)
    assertPicture(receiver, cluster)
  })

  test('a hub that was killed gets what happened meanwhile, without a list', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    await lab.hub.kill()
    changeEverything(cluster)
    await lab.hub.start()
    await lab.quiet()
    assert.deepEqual(told(receiver), seen)
    assert.equal(cluster.requests.count({ verb: 'list' }), 0)
    assertPicture(receiver, cluster)
  })

  test('hub and agent that were both killed lose nothing, whoever comes back first', async () => {
    for (const first of ['hub', 'agent'] as const) {
      await using on = await start()
      const { lab, cluster, receiver } = on
      await Promise.all([lab.hub.kill(), lab.agent('a').kill()])
      changeEverything(cluster)
      if (first === 'agent') {
        await lab.agent('a').start()
        await new Promise(setImmediate)
      }
      await lab.hub.start()
      await lab.agent('a').start()
      await lab.quiet()
      assert.deepEqual(told(receiver), recovered)
      assertPicture(receiver, cluster)
    }
  })

  test('an agent that was replaced while it still talks is dismissed for good, and nothing is doubled', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    const old = lab.agent('a').running
    await lab.agent('a').startAnother()
    changeEverything(cluster)
    await assert.rejects(old?.done ?? Promise.resolve(), /dismissed/)
    await lab.quiet()
    assert.deepEqual(
      told(receiver)
        .map((each) => each.replace(/live|recovered/, ''))
        .toSorted(),
      seen.map((each) => each.replace('live', '')).toSorted(),
    )
    assertPicture(receiver, cluster)
  })

  test('an agent that was cut off when it was replaced is dismissed when it comes back, also by a hub that restarted, with all that it held', async () => {
    for (const restart of [false, true]) {
      await using on = await start()
      const { lab, cluster, receiver } = on
      const old = lab.agent('a').running
      old?.relay.hold()
      cluster.create('services', thing('held-by-both'))
      await lab.agent('a').startAnother()
      await receiver.waitFor(({ items }) => items.length === 1, 'what the new one tells')
      if (restart) {
        await lab.hub.kill()
        await lab.hub.start()
      }
      changeEverything(cluster)
      old?.relay.resume()
      await assert.rejects(old?.done ?? Promise.resolve(), /dismissed/)
      await lab.quiet()
      // The hub may have died between the delivery and writing that down: then the same event comes again, and says so by its id.
      const items = [...new Map(receiver.items.map((item) => [item.id, item])).values()]
      assert.deepEqual(told({ items }), ['created recovered held-by-both', ...seen])
      assertPicture({ ...receiver, ignored: [] }, cluster)
      assertRising({ items })
    }
  })
})

suite('breaks of the hub’s data', () => {
  /** What happened after the copy was made, delivered and then forgotten. */
  async function restoreYesterday({ lab, cluster }: Stage, meanwhile: () => unknown = () => {}) {
    const yesterday = await lab.hub.copyDatabase()
    changeEverything(cluster)
    await lab.quiet()
    await lab.hub.kill()
    await lab.hub.replaceDatabase(yesterday)
    await meanwhile()
  }

  test('a database of yesterday: the agent that ran on tells all that happened since, numbered above what was sent before', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    await restoreYesterday(on)
    const last = assertRising(receiver)
    receiver.clear()
    await lab.hub.start()
    await lab.quiet()
    assert.deepEqual(told(receiver), recovered)
    assertRising(receiver, last)
    assertPicture(receiver, cluster)
  })

  test('a database of yesterday, and another agent process: the same', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    await restoreYesterday(on, async () => {
      await lab.agent('a').kill()
      cluster.delete('services', 'd')
    })
    receiver.clear()
    await lab.hub.start()
    await lab.agent('a').start()
    await lab.quiet()
    assert.deepEqual(told(receiver).toSorted(), [...recovered, 'deleted recovered d'].toSorted())
    assertPicture(receiver, cluster)
  })

  test('a database of yesterday, and an agent that had been replaced since: the newest process counts, and the old one stays out', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    const old = lab.agent('a').running
    await restoreYesterday(on, async () => {
      old?.relay.hold()
    })
    await lab.hub.start()
    const numbered = async () => (await lab.hub.running?.store.agents())?.[0]?.process ?? 0
    const before = await numbered()
    await lab.agent('a').startAnother()
    while ((await numbered()) === before) await new Promise(setImmediate) // the newest is the one that the hub numbered last
    old?.relay.resume()
    await assert.rejects(old?.done ?? Promise.resolve(), /dismissed/)
    cluster.create('services', thing('f'))
    await lab.quiet()
    assertPicture(receiver, cluster)
  })

  for (const agentToo of [false, true])
    test(`a database of yesterday, and an object that is again what it was then, though something else was sent since${agentToo ? '; the agent restarted as well' : ''}`, async () => {
      await using on = await start()
      const { lab, cluster, receiver } = on
      const label = (value: string | null) => cluster.patch('services', 'd', { metadata: { labels: { tier: value } } })
      const yesterday = await lab.hub.copyDatabase()
      label('gold')
      await lab.quiet()
      await lab.hub.kill()
      if (agentToo) {
        await lab.agent('a').kill()
        using db = openDatabase(yesterday)
        db.exec("DELETE FROM meta WHERE key = 'generation'") // as `restore` does
      }
      await lab.hub.replaceDatabase(yesterday)
      label(null)
      receiver.clear()
      await lab.hub.start()
      if (agentToo) await lab.agent('a').start()
      await lab.quiet()
      assert.deepEqual(told(receiver), ['updated recovered d'], 'what did not change is not told again')
      assertPicture(receiver, cluster)
    })

  test('a lost database: the agent joins anew by a token, everything is told anew, and only what was deleted meanwhile is not', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    await lab.hub.kill()
    await lab.hub.replaceDatabase()
    const last = assertRising(receiver)
    cluster.update('services', 'b', change('second'))
    cluster.create('services', thing('e'))
    cluster.delete('services', 'a')
    await lab.hub.start()
    await lab.quiet()
    assert.deepEqual(
      told(receiver),
      ['b', 'c', 'd', 'e'].map((name) => `created initial ${name}`),
    )
    assertRising(receiver, last)
    assert.deepEqual(
      receiver.names,
      ['a', 'b', 'c', 'd', 'e'].map((name) => `default/${name}`),
      'the stated limit',
    )
    cluster.delete('services', 'b')
    await lab.quiet()
    assert.equal(told(receiver).at(-1), 'deleted live b')
  })
})

suite('clocks that are wrong by a day', () => {
  for (const [whose, byMs] of [
    ['the agent’s', dayMs],
    ['the agent’s', -dayMs],
    ['the hub’s', dayMs],
    ['the hub’s', -dayMs],
  ] as const) {
    test(`${whose}, ${byMs > 0 ? 'ahead' : 'behind'}, while it runs and over restarts: numbers never go back, nothing waits for the clock`, async () => {
      await using on = await start()
      const { lab, cluster, receiver } = on
      const clock = whose === 'the hub’s' ? lab.hub.clock : lab.agent('a').clock
      let made = 0
      const more = async () => {
        cluster.create('services', thing(`more-${made++}`))
        cluster.update('services', 'b', change(`${made}`))
        await lab.quiet()
      }
      await more()
      clock.setWrong(byMs)
      await more()
      await lab.hub.kill()
      await lab.hub.start()
      await more()
      await lab.agent('a').kill()
      await lab.agent('a').start()
      await more()
      clock.setWrong(0)
      await more()
      await lab.hub.kill()
      await lab.hub.start()
      await more()
      assertRising(receiver)
      assert.equal(receiver.items.length, 2 * made)
      assertPicture(receiver, cluster)
    })
  }

  test('the hub’s goes back by a day while an endpoint fails: it is tried again in the same time as ever', async () => {
    await using on = await start()
    const { lab, cluster, receiver } = on
    lab.hub.clock.setWrong(dayMs)
    receiver.answerWith(() => ({ status: 503 }))
    cluster.update('services', 'b', change('second'))
    await receiver.waitFor(({ requests }) => requests.length > 1, 'tries in vain')
    lab.hub.clock.setWrong(0)
    receiver.answerWith(() => ({}))
    await lab.quiet()
    assert.deepEqual(told(receiver), ['updated live b'])
    assertPicture(receiver, cluster)
  })
})
