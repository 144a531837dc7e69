/**
 * Index = inventory through random histories: objects that come, go and are created again, watches that commits widen, rename, project anew and take
 * away, agents and hubs that are killed. At the end of every comparison both sides must have had the same checksum, and at the end of
 * each history the kept sums must be those of the rows.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import { checksumOf } from '@watch-hub/shared/protocol/checksum'
import { array, integer, object, string } from '@watch-hub/shared/protocol/decode'
import { type Random, seeded } from '../faults/random.ts'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'

const histories = 6
const steps = 40

/** A watch that may be there, under one of its names and in one of its forms. */
const watches: readonly { readonly names: readonly string[]; readonly specs: readonly object[] }[] = [
  { names: ['all', 'every'], specs: [{}, { fields: { prune: ['metadata.labels'] } }] },
  {
    names: ['front', 'edge'],
    specs: [{ labelSelector: 'tier=front' }, { labelSelector: 'tier', fields: { prune: ['metadata.labels'] } }],
  },
  { names: ['loud'], specs: [{ when: 'object.spec.type == "LoadBalancer"', fields: { keep: ['spec.type'] } }] },
]

/** Each watch has an endpoint of its own: one endpoint gets a kind in one projection only. */
function manifests(random: Random, url: (receiver: string) => string): readonly string[] {
  const chosen = watches.flatMap(({ names, specs }, i) =>
    random.chance(0.75)
      ? [manifest('Watch', random.pick(names), { resources: ['services'], endpoints: [`e${i}`], ...random.pick(specs) })]
      : [],
  )
  const endpoints = watches.map((_, i) => manifest('Endpoint', `e${i}`, { url: url('crm'), batch: { maxWait: '0s' } }))
  return [manifest('Cluster', 'a', {}), ...endpoints, ...chosen]
}

type Step = readonly [weight: number, run: (lab: Lab, random: Random, url: (receiver: string) => string) => unknown]

const nameOf = (random: Random) => `n${random.below(12)}`
const labelsOf = (random: Random) => random.pick([{}, { tier: 'front' }, { tier: 'back' }])
const some = (random: Random, name: string) =>
  service(name, { labels: labelsOf(random), type: random.pick(['LoadBalancer', 'ClusterIP']), port: 1 + random.below(3) })

function touch(lab: Lab, random: Random): void {
  const cluster = lab.cluster('a')
  const name = nameOf(random)
  const known = cluster.get('services', name) !== undefined
  if (known && random.chance(0.4)) cluster.delete('services', name)
  if (!known || random.chance(0.3)) {
    if (cluster.get('services', name) === undefined) cluster.create('services', some(random, name))
  } else if (cluster.get('services', name) !== undefined)
    cluster.patch('services', name, { metadata: { labels: labelsOf(random) } })
}

const plays: readonly Step[] = [
  [20, touch],
  [4, (lab, random, url) => lab.commit(manifests(random, url))],
  [2, (lab) => lab.cluster('a').compact('event')],
  [
    1,
    (lab) =>
      lab
        .agent('a')
        .kill()
        .then(() => lab.agent('a').start()),
  ],
  [1, (lab) => lab.hub.kill().then(() => lab.hub.start())],
  [3, (lab) => lab.quiet()],
]

const streamRow = object({ id: integer, stream: string, objects: integer, checksum: integer })
const row = object({ uid: string, hash: string, matches: string })

test('index and inventory have the same checksum through random histories', async () => {
  let compared = 0
  for (let seed = 1; seed <= histories; seed++) {
    const random = seeded(seed)
    const url = { of: (_receiver: string) => '' }
    await using lab = await startLab({
      clusters: ['a'],
      receivers: ['crm'],
      manifests: (of) => {
        url.of = of
        return manifests(random, of)
      },
    })
    for (let i = 0; i < steps; i++) await random.weighted(plays)(lab, random, url.of)
    await lab.quiet()
    const figures = (await lab.hub.running?.store.stats())?.comparisons ?? []
    assert.deepEqual(
      figures.map(({ mismatches }) => mismatches),
      figures.map(() => 0),
      `seed ${seed}`,
    )
    compared += figures.filter(({ comparedAt }) => comparedAt !== undefined).length
    using db = openDatabase(await lab.hub.copyDatabase())
    const rows = db.query('SELECT uid, hash, matches FROM inventory WHERE stream = ?', row)
    for (const { id, objects, checksum } of db.query('SELECT id, stream, objects, checksum FROM streams', streamRow).all()) {
      const held = rows.all(id).map(({ matches, ...rest }) => ({ ...rest, matches: array(string).decode(JSON.parse(matches)) }))
      assert.deepEqual({ objects, checksum }, { objects: held.length, checksum: checksumOf(held) }, `seed ${seed}, stream ${id}`)
    }
  }
  assert.ok(compared > histories, `${compared} streams were compared`)
})
