/** Receivers that lost something, and endpoints that were dead for long: the present state is sent again, from what the hub holds. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Cluster, startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo, type GitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type StatusText, startWorld, type World } from '../support/world.ts'

interface Stage extends AsyncDisposable {
  readonly repo: GitRepo
  readonly cluster: Cluster
  readonly receiver: Receiver
  readonly world: World
}

/** One cluster with these services, all of them told to one endpoint; `weight` makes each of them that many bytes larger. */
async function stage(endpoint: object, names: readonly string[], weight = 0): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-scans-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'secrets'))
  const repo = building.use(await createGitRepo())
  const cluster = building.use(await startSimulatedCluster('prod', dir))
  for (const name of names) await cluster.client.create('services', { ...service(name), status: { text: 'x'.repeat(weight) } })
  const receiver = building.use(await startReceiver({ sweeps: true }))
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  await repo.write('out.yaml', manifest('Endpoint', 'out', { url: receiver.url, ...endpoint }))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out'] }))
  await repo.commit('config')
  const world = building.use(await startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets') }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await receiver.waitFor(() => receiver.names.length === names.length, 'what exists', 30_000)
  const owned = building.move()
  return { repo, cluster, receiver, world, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const atOnce = { batch: { maxWait: '0s' } }
const ref = (name: string) => ({ resource: 'services', namespace: 'default', name })
const named = (...names: readonly string[]) => names.map((name) => `default/${name}`)
const scansOver = ({ text, endpoints }: StatusText) =>
  endpoints.every(({ backlog }) => backlog === 0) && text.includes('"scans": []')

/** An object that this receiver holds although nobody has it any more. */
async function plantGhost({ url, items }: Receiver): Promise<void> {
  const [real] = items
  if (real === undefined) throw new Error('expected an item to copy')
  const ghost = {
    ...real.raw,
    id: '1',
    sequence: '1'.padStart(20, '0'),
    resource: { name: 'ghost', namespace: 'default', uid: 'g' },
  }
  await fetch(url, { method: 'POST', body: JSON.stringify({ version: '1', id: 'ghost', items: [ghost] }) })
}

test('a resync by command tells everything again, and its marker heals a receiver that holds a ghost', async () => {
  await using on = await stage({ ...atOnce, markers: true }, ['a', 'b', 'c'])
  const { receiver, world, cluster } = on
  await receiver.waitFor(({ markers }) => markers.length === 1, 'the marker of the first comparison')
  assert.equal(receiver.markers[0]?.count, 3)
  await plantGhost(receiver)
  await cluster.client.delete(ref('c'))
  await receiver.waitFor(({ names }) => names.length === 3, 'two services and a ghost')
  receiver.clear()
  const asked = cluster.simulator?.requests.count({ verb: 'list' })
  const { code, output } = await world.cli('endpoint', 'resync', 'out')
  assert.equal(code, 0, output)
  assert.match(output, /resync: 1 scan began\. 'watch-hub endpoint show out' and 'watch-hub status' show how far it is\./)
  await receiver.waitFor(({ markers }) => markers.length === 2, 'the marker of the resync')
  assert.deepEqual(receiver.items.map(({ type, reason, name }) => `${type} ${reason} ${name}`).sort(), [
    'updated resync a',
    'updated resync b',
  ])
  assert.deepEqual(receiver.names, named('a', 'b'))
  assert.equal(receiver.markers[1]?.count, 2)
  assert.equal(cluster.simulator?.requests.count({ verb: 'list' }), asked, 'the agent was not asked for anything')
  await world.status(scansOver, 'no scan')

  const none = await world.cli('endpoint', 'resync', 'out', '--watch', 'elsewhere')
  assert.equal(none.code, 1)
  assert.match(none.output, /expected a watch that out hears in a cluster, but it hears nothing of watch elsewhere/)
})

test('a dead endpoint whose backlog is dropped is told deletions and the present state, and no old versions', async () => {
  await using on = await stage({ ...atOnce, history: 'every', markers: true }, ['stays', 'goes', 'frozen'])
  const { receiver, world, cluster } = on
  await receiver.waitFor(({ markers }) => markers.length === 1, 'the marker of the first comparison')
  receiver.answerWith(() => ({ status: 500 }))
  receiver.clear()
  await cluster.client.delete(ref('frozen'))
  await world.status(({ endpoints }) => endpoints.some(({ phase }) => phase === 'retrying'), 'a dead endpoint')
  for (const port of [81, 82, 83]) await cluster.client.patch(ref('stays'), { metadata: { labels: { port: `${port}` } } })
  await cluster.client.create('services', service('comes'))
  await cluster.client.delete(ref('goes'))
  await world.status(({ endpoints }) => endpoints.some(({ backlog }) => backlog === 6), 'a backlog')
  const { code, output } = await world.cli('endpoint', 'resync', 'out', '--drop-backlog')
  assert.equal(code, 0, output)
  assert.match(output, /resync: 4 waiting events passed over, 1 scan began\./)
  receiver.answerWith(() => ({}))
  await receiver.waitFor(({ markers }) => markers.length === 2, 'the marker of the resync', 30_000)
  assert.deepEqual(receiver.items.map(({ type, reason = 'live', name }) => `${type} ${reason} ${name}`).sort(), [
    'deleted live frozen',
    'deleted live goes',
    'updated resync comes',
    'updated resync stays',
  ])
  assert.deepEqual(receiver.names, named('comes', 'stays'))
  assert.deepEqual([receiver.ignored, receiver.swept], [[], []])
  assert.match(JSON.stringify(receiver.items.find(({ name }) => name === 'stays')?.object), /"port":"83"/)
  const show = await world.cli('endpoint', 'show', 'out')
  assert.match(show.output, /4 versions were skipped/)
  await cluster.client.delete(ref('comes'))
  await receiver.waitFor(({ names }) => names.length === 1, 'what happens afterwards')
})

test('a hub that is killed in the middle of a scan neither loses an object nor passes over one', async () => {
  const names = Array.from({ length: 120 }, (_, i) => `s${String(i).padStart(3, '0')}`)
  // Three chunks of 2 MiB each.
  await using on = await stage({ batch: { maxObjects: 5, maxWait: '0s' }, markers: true }, names, 40_000)
  const { receiver, world, cluster } = on
  await receiver.waitFor(({ markers }) => markers.length === 1, 'the marker of the first comparison', 30_000)
  for (const hang of [3, 13]) {
    receiver.clear()
    receiver.answerWith(() => (receiver.requests.length > hang ? { hang: true } : {}))
    const marked = receiver.markers.length
    await world.cli('endpoint', 'resync', 'out')
    await receiver.waitFor(({ requests }) => requests.length > hang, 'a request in the middle of the scan')
    await cluster.client.patch(ref(names[hang] ?? ''), { metadata: { labels: { round: `${hang}` } } })
    await world.hub().end('SIGKILL')
    receiver.answerWith(() => ({}))
    await world.startHub()
    await receiver.waitFor(({ markers }) => markers.length > marked, 'the marker of the resync', 60_000)
    const told = Map.groupBy(receiver.items, ({ name }) => name)
    assert.deepEqual([...told.keys()].sort(), names)
    const twice = [...told.values()].filter(({ length }) => length > 1).length
    assert.ok(twice <= 10, `${twice} objects were told twice: more than the batches in flight`)
    await world.status(scansOver, 'no scan')
  }
  assert.deepEqual([receiver.names, receiver.swept], [named(...names), []])
})

test('an endpoint that is added to an old watch is told what there is, without asking the cluster', async () => {
  await using on = await stage(atOnce, ['a', 'b'])
  const { repo, world, cluster } = on
  await using late = await startReceiver({ sweeps: true })
  await world.status(
    ({ clusters }) => clusters.every(({ streams }) => streams.every(({ state }) => state.state === 'live')),
    'live',
  )
  const asked = cluster.simulator?.requests.count({ verb: 'list' })
  await repo.write('late.yaml', manifest('Endpoint', 'late', { url: late.url, markers: true, ...atOnce }))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out', 'late'] }))
  await repo.commit('a second endpoint')
  await late.waitFor(({ markers }) => markers.length === 1, 'the marker of the first scan', 30_000)
  assert.deepEqual(late.items.map(({ type, reason, name }) => `${type} ${reason} ${name}`).sort(), [
    'created initial a',
    'created initial b',
  ])
  assert.deepEqual([late.names, late.markers[0]?.count], [named('a', 'b'), 2])
  assert.equal(cluster.simulator?.requests.count({ verb: 'list' }), asked)
})
