/** Breaks by commit: a watch is widened, narrowed, renamed or projected anew, in the middle of changes, while the agent is away, and while the hub is. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Simulator } from '../support/api-server-simulator/simulator.ts'
import { assertPicture, change, thing, told } from '../support/breaks.ts'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { manifest } from '../support/manifest.ts'
import type { Receiver } from '../support/receiver.ts'

const gold = { tier: 'gold' }

interface Commit {
  /** The watch before and after. */
  readonly before: Watched
  readonly after: Watched
  /** What the commit alone makes the receiver hear, sorted. */
  readonly heard: readonly string[]
  /** Objects that the receiver holds at the end: those that it hears of, and those that a commit took away without a word. */
  readonly holds: (name: string) => boolean
  /** What it hears of changes that happened together with the commit while the agent was away, sorted. */
  readonly missed: readonly string[]
}

interface Watched {
  readonly name: string
  readonly spec: object
}

const all: Watched = { name: 'things', spec: {} }
const golden: Watched = { name: 'things', spec: { labelSelector: 'tier=gold' } }
const anyone = () => true

const commits: Readonly<Record<string, Commit>> = {
  widened: {
    before: golden,
    after: all,
    heard: ['created initial plain', 'created initial plain-changed', 'created initial plain-deleted'],
    holds: anyone,
    missed: [
      'created initial gold-new',
      'created initial plain',
      'created initial plain-changed',
      'created initial plain-new',
      'deleted recovered gold-deleted',
      'updated recovered gold-changed',
    ],
  },
  narrowed: {
    before: all,
    after: golden,
    heard: [],
    holds: (name) => name.startsWith('gold'),
    missed: [
      'created initial gold-new',
      'deleted recovered gold-deleted',
      'deleted recovered plain-deleted',
      'updated recovered gold-changed',
    ],
  },
  renamed: {
    before: all,
    after: { name: 'objects', spec: {} },
    heard: [],
    holds: anyone,
    missed: [
      'created recovered gold-new',
      'created recovered plain-new',
      'deleted recovered gold-deleted',
      'deleted recovered plain-deleted',
      'updated recovered gold-changed',
      'updated recovered plain-changed',
    ],
  },
  'projected anew': {
    before: all,
    after: { name: 'things', spec: { fields: { prune: ['metadata.labels'] } } },
    heard: ['updated projection gold', 'updated projection gold-changed', 'updated projection gold-deleted'],
    holds: anyone,
    missed: [
      'created recovered gold-new',
      'created recovered plain-new',
      'deleted recovered gold-deleted',
      'deleted recovered plain-deleted',
      'updated projection gold',
      'updated recovered gold-changed',
      'updated recovered plain-changed',
    ],
  },
}

/** The watch in question, and one on another kind that the commit does not concern. */
const manifests = (url: (receiver: string) => string, { name, spec }: Watched) => [
  manifest('Cluster', 'a', {}),
  manifest('Endpoint', 'crm', { url: url('crm'), batch: { maxWait: '0s' }, history: 'every' }),
  manifest('Watch', name, { resources: ['services'], endpoints: ['crm'], ...spec }),
  manifest('Watch', 'others', { resources: ['configmaps'], endpoints: ['crm'] }),
]

/** Labels are left out of what is asked for: an object without labels keeps its projection. */
const plain = (name: string, value = 'first') => ({ metadata: { name }, spec: { value } })

async function start(before: Watched): Promise<Lab> {
  const lab = await startLab({
    clusters: ['a'],
    receivers: ['crm'],
    manifests: (url) => manifests(url, before),
    reconcile: { stallMs: 60_000 },
  })
  const cluster = lab.cluster('a')
  for (const name of ['gold', 'gold-changed', 'gold-deleted']) cluster.create('services', thing(name, 'first', gold))
  for (const name of ['plain', 'plain-changed', 'plain-deleted']) cluster.create('services', plain(name))
  cluster.create('configmaps', plain('other'))
  await lab.quiet()
  lab.receiver('crm').clear()
  cluster.requests.clear()
  return lab
}

const commit = (lab: Lab, after: Watched) => lab.commit(manifests((name) => lab.receiver(name).url, after))
const heard = (lab: Lab) => told(lab.receiver('crm')).toSorted()

function changeThings(cluster: Simulator) {
  for (const tier of ['gold', 'plain']) {
    cluster.update('services', `${tier}-changed`, change('second'))
    cluster.delete('services', `${tier}-deleted`)
  }
  cluster.create('services', thing('gold-new', 'first', gold))
  cluster.create('services', plain('plain-new'))
  cluster.update('configmaps', 'other', change('second'))
}

/** Requests about a kind: none, or one comparison and the watch after it. */
const touched = (cluster: Simulator, resource: string) => [
  cluster.requests.count({ resource, verb: 'list' }),
  cluster.requests.count({ resource, verb: 'watch' }),
]

suite('a watch that a commit changes', () => {
  for (const [how, { before, after, heard: expected, holds, missed }] of Object.entries(commits)) {
    test(`is ${how} while nothing else happens: exactly the difference is told, and no other stream is touched`, async () => {
      await using lab = await start(before)
      await commit(lab, after)
      await lab.quiet()
      assert.deepEqual(heard(lab), expected)
      assert.deepEqual(touched(lab.cluster('a'), 'services'), [1, 1])
      assert.deepEqual(touched(lab.cluster('a'), 'configmaps'), [0, 0])
      await commit(lab, after)
      await lab.quiet()
      assert.deepEqual(heard(lab), expected, 'the same commit again says nothing')
      assert.deepEqual(lab.receiver('crm').ignored, [])
    })

    test(`is ${how} in mid-stream: nothing is lost, doubled or invented`, async () => {
      await using lab = await start(before)
      const cluster = lab.cluster('a')
      const receiver = lab.receiver('crm')
      const stream = streamOfChanges(cluster)
      await stream(20)
      const committed = commit(lab, after)
      await stream(20)
      await committed
      await stream(20)
      changeThings(cluster)
      await lab.quiet()
      assert.deepEqual(falselyDeleted(receiver), [])
      const contents = receiver.items.map(({ type, key, object }) => `${type} ${key} ${JSON.stringify(object)}`)
      assert.deepEqual(
        contents.filter((each, i) => contents.indexOf(each) < i),
        [],
        'nothing is told twice',
      )
      const inScope = (name: string) => holds(name) && (how !== 'narrowed' || !name.startsWith('plain'))
      assertPicture(only(receiver, inScope), cluster, { in: inScope })
      assert.deepEqual(touched(cluster, 'services'), [1, 1])
      assert.deepEqual(touched(cluster, 'configmaps'), [0, 0])
    })

    test(`is ${how}, and back, and again, faster than it can be followed: nothing is lost or invented`, async () => {
      await using lab = await start(before)
      const cluster = lab.cluster('a')
      const receiver = lab.receiver('crm')
      const stream = streamOfChanges(cluster)
      for (const next of [after, before, after, before, after]) {
        await stream(5)
        await commit(lab, next)
      }
      changeThings(cluster)
      await lab.quiet()
      assert.deepEqual(falselyDeleted(receiver), [])
      const inScope = (name: string) => holds(name) && (how !== 'narrowed' || !name.startsWith('plain'))
      // What is heard again is scanned; by its sequence a receiver that has it already ignores it.
      assertPicture({ ...only(receiver, inScope), ignored: [] }, cluster, { in: inScope })
      assert.ok(receiver.ignored.every(({ type, reason }) => type === 'created' && reason === 'initial'))
      assert.deepEqual(touched(cluster, 'configmaps'), [0, 0])
    })

    for (const away of ['agent', 'hub', 'both'] as const) {
      test(`is ${how} while ${away === 'both' ? 'hub and agent are' : `the ${away} is`} away: what happened meanwhile is told once`, async () => {
        await using lab = await start(before)
        const cluster = lab.cluster('a')
        if (away !== 'hub') await lab.agent('a').kill()
        if (away !== 'agent') await lab.hub.kill()
        await commit(lab, after)
        changeThings(cluster)
        if (away !== 'agent') await lab.hub.start()
        if (away !== 'hub') await lab.agent('a').start()
        await lab.quiet()
        const receiver = lab.receiver('crm')
        if (away !== 'hub') assert.deepEqual(about('services', receiver), missed)
        assert.deepEqual(about('configmaps', receiver), [away === 'hub' ? 'updated live other' : 'updated recovered other'])
        assert.deepEqual(falselyDeleted(receiver), [])
        assertPicture(only(receiver, holds), cluster, { in: holds })
        assert.deepEqual(touched(cluster, 'configmaps'), away === 'hub' ? [0, 0] : [1, 1])
      })
    }
  }
})

/** Objects of both scopes that are created and changed, turn by turn of the event loop. */
function streamOfChanges(cluster: Simulator) {
  let made = 0
  return async (count: number) => {
    for (let i = 0; i < count; i++) {
      for (const tier of ['gold', 'plain']) cluster.create('services', thing(`${tier}-made-${made}`, 'first', labels(tier)))
      cluster.update('services', 'gold-changed', change(`${made++}`))
      await new Promise(setImmediate)
    }
  }
}

const falselyDeleted = ({ items }: Receiver) =>
  items.filter(({ type, name }) => type === 'deleted' && !name.endsWith('-deleted')).map(({ name }) => name)

const labels = (tier: string) => (tier === 'gold' ? gold : {})
const about = (resource: string, { items }: Receiver) =>
  told({ items: items.filter((item) => item.resource === resource) }).toSorted()
const only = (receiver: Receiver, holds: (name: string) => boolean): Receiver => ({
  ...receiver,
  table: new Map([...receiver.table].filter(([, { name }]) => holds(name))),
})
