/** Breaks of scope: an object enters and leaves what a watch wants, by itself, while it is looked at and while nobody looks. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Simulator } from '../support/api-server-simulator/simulator.ts'
import { told } from '../support/breaks.ts'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { manifest } from '../support/manifest.ts'

interface Way {
  /** What narrows the watch. */
  readonly spec: object
  readonly enter: (cluster: Simulator) => void
  readonly leave: (cluster: Simulator) => void
  /** The object itself stays as it is: its namespace moves. */
  readonly ofNamespace?: true
}

const labelled = (cluster: Simulator, tier: string | null) =>
  cluster.patch('services', 'web/shop', { metadata: { labels: { tier } } })
const ofType = (cluster: Simulator, type: string) => cluster.patch('services', 'web/shop', { spec: { type } })
const namespaceLabelled = (cluster: Simulator, team: string) =>
  cluster.patch('namespaces', 'web', { metadata: { labels: { team } } })

const ways: Readonly<Record<string, Way>> = {
  'a label': {
    spec: { labelSelector: 'tier=gold' },
    enter: (cluster) => labelled(cluster, 'gold'),
    leave: (cluster) => labelled(cluster, null),
  },
  'a field': {
    spec: { when: 'object.spec.type == "LoadBalancer"' },
    enter: (cluster) => ofType(cluster, 'LoadBalancer'),
    leave: (cluster) => ofType(cluster, 'ClusterIP'),
  },
  'a CEL expression over what may be missing': {
    spec: { when: 'has(object.metadata.labels.tier) && object.metadata.labels.tier.startsWith("g")' },
    enter: (cluster) => labelled(cluster, 'green'),
    leave: (cluster) => labelled(cluster, 'red'),
  },
  'a label of its namespace': {
    spec: { namespaces: { selector: { matchLabels: { team: 'a' } } } },
    enter: (cluster) => namespaceLabelled(cluster, 'a'),
    leave: (cluster) => namespaceLabelled(cluster, 'b'),
    ofNamespace: true,
  },
}

/** A shop that is not in scope yet. `beside`: the endpoint has another watch, which always wants it. */
async function start({ spec }: Way, beside: boolean): Promise<Lab> {
  const lab = await startLab({
    clusters: ['a'],
    receivers: ['crm'],
    manifests: (url) => [
      manifest('Cluster', 'a', {}),
      manifest('Endpoint', 'crm', { url: url('crm'), batch: { maxWait: '0s' }, history: 'every' }),
      manifest('Watch', 'scoped', { resources: ['services'], endpoints: ['crm'], ...spec }),
      ...(beside ? [manifest('Watch', 'all', { resources: ['services'], endpoints: ['crm'] })] : []),
    ],
  })
  await lab.quiet()
  const cluster = lab.cluster('a')
  cluster.create('namespaces', { metadata: { name: 'web', labels: { team: 'b' } } })
  cluster.create('services', { metadata: { name: 'shop', namespace: 'web' }, spec: { type: 'ClusterIP' } })
  await lab.quiet()
  return lab
}

/** What the receiver is told of what happens, until nothing is left to be told. */
async function hears(lab: Lab, happens: (cluster: Simulator) => unknown): Promise<readonly string[]> {
  const receiver = lab.receiver('crm')
  receiver.clear()
  await happens(lab.cluster('a'))
  await lab.quiet()
  return told(receiver)
}

/** The same while no agent runs; one is started after it. */
const hearsLater = (lab: Lab, happens: (cluster: Simulator) => unknown): Promise<readonly string[]> =>
  hears(lab, async (cluster) => {
    await lab.agent('a').kill()
    happens(cluster)
    await lab.agent('a').start()
  })

suite('an object that enters and leaves', () => {
  for (const [how, way] of Object.entries(ways)) {
    const [entered, left] = way.ofNamespace ? ['recovered', 'recovered'] : ['in-scope', 'out-of-scope']

    test(`by ${how}: told as created and deleted, each once`, async () => {
      await using lab = await start(way, false)
      assert.deepEqual(told(lab.receiver('crm')), [])
      assert.deepEqual(await hears(lab, way.enter), [`created ${entered} shop`])
      assert.deepEqual(await hears(lab, way.leave), [`deleted ${left} shop`])
      assert.deepEqual(await hears(lab, (cluster) => cluster.update('services', 'web/shop', withPort)), [])
      assert.deepEqual(await hears(lab, way.enter), [`created ${entered} shop`])
      assert.deepEqual(await hears(lab, (cluster) => cluster.delete('services', 'web/shop')), ['deleted live shop'])
      assert.deepEqual(lab.receiver('crm').ignored, [])
    })

    test(`by ${how} while no agent runs: told as recovered, each once`, async () => {
      await using lab = await start(way, false)
      assert.deepEqual(await hearsLater(lab, way.enter), ['created recovered shop'])
      assert.deepEqual(await hearsLater(lab, way.leave), ['deleted recovered shop'])
      const inAndOut = (cluster: Simulator) => {
        way.enter(cluster)
        way.leave(cluster)
      }
      assert.deepEqual(await hearsLater(lab, inAndOut), [])
      assert.deepEqual(lab.receiver('crm').ignored, [])
    })

    test(`by ${how}, for one of two watches of the endpoint: never created, never deleted`, async () => {
      await using lab = await start(way, true)
      const receiver = lab.receiver('crm')
      assert.deepEqual(told(receiver), ['created live shop'])
      const updated = way.ofNamespace ? [] : ['updated live shop']
      assert.deepEqual(await hears(lab, way.enter), updated)
      assert.deepEqual(await hears(lab, (cluster) => cluster.update('services', 'web/shop', withPort)), ['updated live shop'])
      assert.deepEqual(receiver.items.at(-1)?.watches, ['all', 'scoped'])
      assert.deepEqual(await hears(lab, way.leave), updated)
      assert.deepEqual(await hears(lab, (cluster) => cluster.update('services', 'web/shop', withoutPort)), ['updated live shop'])
      assert.deepEqual(receiver.items.at(-1)?.watches, ['all'])
      const recovered = way.ofNamespace ? [] : ['updated recovered shop']
      assert.deepEqual(await hearsLater(lab, way.enter), recovered)
      assert.deepEqual(await hearsLater(lab, way.leave), recovered)
      assert.deepEqual(receiver.names, ['web/shop'])
      assert.deepEqual(receiver.ignored, [])
    })
  }
})

const withPort = (object: Readonly<Record<string, unknown>>) => ({ ...object, data: { port: '81' } })
const withoutPort = ({ data: _data, ...object }: Readonly<Record<string, unknown>>) => object
