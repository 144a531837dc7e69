/**
 * Backup and restore as operators do it: a copy taken under load, changes that the copy does not know, a hub that is stopped, restored and
 * started. Agents go on without joining; receivers end with the cluster's picture, but for the one thing that nobody can know until they sweep
 * by markers.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import { type Cluster, startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { hubProgram, startProgram } from '../support/program.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type StatusText, startWorld, type World } from '../support/world.ts'

interface Stage extends AsyncDisposable {
  readonly dir: string
  readonly cluster: Cluster
  readonly world: World
  readonly receiver: Receiver
}

async function stage(): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'secrets'))
  const repo = building.use(await createGitRepo())
  const cluster = building.use(await startSimulatedCluster('prod', dir))
  const receiver = building.use(await startReceiver({ sweeps: true }))
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  await repo.write(
    'endpoint.yaml',
    manifest('Endpoint', 'out', { url: receiver.url, batch: { maxWait: '0s' }, markers: true, delta: true }),
  )
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out'] }))
  await repo.commit('config')
  const world = building.use(await startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets') }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  const owned = building.move()
  return { dir, cluster, world, receiver, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const live = (status: StatusText) =>
  status.clusters.every(
    ({ connected, streams }) => connected && streams.length > 0 && streams.every(({ state }) => state.state === 'live'),
  )

const label = ({ client }: Cluster, name: string, tier: string) =>
  client.patch({ resource: 'services', namespace: 'default', name }, { metadata: { labels: { tier } } })

/** Changes without end, to objects of their own. */
const load = (cluster: Cluster): Task =>
  new Task(async (signal) => {
    for (let i = 0; ; i++) {
      signal.throwIfAborted()
      await label(cluster, `busy-${i % 5}`, `t${i}`)
      await sleep(2, signal)
    }
  })

/** Name → tier, as the cluster has it. */
async function clusterTable({ client }: Cluster): Promise<ReadonlyMap<string, string>> {
  const { body } = await client.call('GET', '/api/v1/services')
  return tiersOf(Array.isArray(body.items) ? body.items : [])
}

const receiverTable = ({ table }: Receiver) => tiersOf([...table.values()].map(({ object }) => object))

const tiersOf = (objects: readonly unknown[]): ReadonlyMap<string, string> => {
  const named = objects.map((object): readonly [string, string] => {
    const text = JSON.stringify(object)
    return [/"name":"([^"]+)"/.exec(text)?.[1] ?? '', /"tier":"([^"]+)"/.exec(text)?.[1] ?? '']
  })
  return new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)))
}

const follows = async (receiver: Receiver, cluster: Cluster, besides: readonly string[] = []): Promise<void> => {
  const wanted = new Map([...(await clusterTable(cluster)), ...besides.map((name): [string, string] => [name, ''])])
  const same = () => {
    const held = receiverTable(receiver)
    return held.size === wanted.size && [...wanted].every(([name, tier]) => held.get(name) === tier)
  }
  await receiver.waitFor(same, `the cluster's picture (${[...wanted.keys()]})`, 30_000)
}

test('a hub restored from a backup that was taken under load: agents go on, receivers end with the truth', async () => {
  await using on = await stage()
  const { dir, cluster, world, receiver } = on
  for (let i = 0; i < 5; i++) await cluster.client.create('services', service(`busy-${i}`))
  for (const name of ['stays', 'changes', 'goes']) await cluster.client.create('services', service(name))
  await world.startAgent(cluster)
  await world.status(live, 'a live stream')
  await receiver.waitFor(({ names }) => names.length === 8, 'the eight services')

  const file = join(dir, 'copy.db')
  {
    await using _load = load(cluster)
    await receiver.waitFor(({ items }) => items.length > 100, 'load')
    const { code, output } = await world.cli('backup', file)
    assert.equal(code, 0, output)
    assert.match(output, /copy\.db: .* MB, 8 objects, newest change 20/)
    const before = receiver.items.length
    await receiver.waitFor(({ items }) => items.length > before + 50, 'load that goes on after the backup')
  }
  // The time that will be lost.
  await cluster.client.create('services', service('comes'))
  await cluster.client.create('services', service('ghost'))
  await label(cluster, 'changes', 'gold')
  await cluster.client.delete({ resource: 'services', namespace: 'default', name: 'goes' })
  await follows(receiver, cluster)
  const newest = receiver.items.reduce((max, { sequence }) => (sequence > max ? sequence : max), '')

  const restore = async () => {
    const program = startProgram(hubProgram, ['restore', file, '--data', world.dataDir])
    return { code: await program.ended, output: program.output() }
  }
  const refused = await restore()
  assert.equal(refused.code, 1)
  assert.match(refused.output, /expected a hub that is stopped, but the one of .* answers at http/)
  assert.equal(await world.hub().end('SIGTERM'), 0)
  await cluster.client.delete({ resource: 'services', namespace: 'default', name: 'ghost' })
  await label(cluster, 'stays', 'silver')
  const restored = await restore()
  assert.equal(restored.code, 0, restored.output)
  assert.match(restored.output, /the database of before is kept as .*hub\.db\.before-restore-/)
  receiver.clear()
  await world.startHub()
  await world.status(live, 'a live stream after the restore, without a new join')

  // The stated limit: created and deleted while the hub's memory of it was lost, so nobody can tell that it is gone.
  await follows(receiver, cluster, ['ghost'])
  const reasons = new Map(receiver.items.filter(({ sequence }) => sequence > newest).map((item) => [item.name, item]))
  for (const [name, told] of Object.entries({
    comes: 'created recovered',
    changes: 'updated recovered',
    goes: 'deleted recovered',
  }))
    assert.equal(`${reasons.get(name)?.type} ${reasons.get(name)?.reason}`, told, name)
  await label(cluster, 'stays', 'gold')
  await follows(receiver, cluster, ['ghost'])
  const { code, output } = await world.cli('endpoint', 'resync', 'out')
  assert.equal(code, 0, output)
  await follows(receiver, cluster)
  assert.deepEqual(
    (await readdir(world.dataDir)).filter((name) => /restore-[0-9a-f]{12}|backup-/.test(name)),
    [],
  )
})
