/** An endpoint that asks to be told what commits take from it: narrowing, removing, a guard that holds, letting it go, taking it back. */
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
import { startWorld, type World } from '../support/world.ts'

interface Stage extends AsyncDisposable {
  readonly repo: GitRepo
  readonly cluster: Cluster
  readonly receiver: Receiver
  readonly world: World
  /** Commits the one watch; nothing = it is taken away. Resolves when that is live. */
  watch(spec: object | undefined): Promise<string>
}

/** One cluster with services `web-…` and `db-…`, labelled so, told to one endpoint that asks for deletions. */
async function stage(names: readonly string[], guard?: number, maxWait = '0s'): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-unwatched-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'secrets'))
  const repo = building.use(await createGitRepo())
  const cluster = building.use(await startSimulatedCluster('prod', dir))
  for (const name of names)
    await cluster.client.create('services', service(name, { labels: { tier: name.startsWith('web') ? 'web' : 'db' } }))
  const receiver = building.use(await startReceiver())
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  const out = { url: receiver.url, batch: { maxWait }, unwatched: 'delete', ...(guard && { guard: { removals: guard } }) }
  await repo.write('out.yaml', manifest('Endpoint', 'out', out))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out'] }))
  await repo.commit('config')
  const world = building.use(await startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets') }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await receiver.waitFor(() => receiver.names.length === names.length, 'what exists', 30_000)
  receiver.clear()
  const watch = async (spec: object | undefined) => {
    if (spec === undefined) await repo.remove('watch.yaml')
    else await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], ...spec }))
    const commit = await repo.commit('another watch')
    await world.cli('fetch')
    await world.status(({ config }) => config.live?.commit === commit, 'the commit')
    return commit
  }
  const owned = building.move()
  return { repo, cluster, receiver, world, watch, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const told = ({ items }: Receiver) => items.map(({ type, reason = 'live', name }) => `${type} ${reason} ${name}`).sort()
const named = (...names: readonly string[]) => names.map((name) => `default/${name}`)

test('what a commit narrows away, and then takes away, the endpoint is told as deleted; the rest goes on', async () => {
  await using on = await stage(['web-a', 'web-b', 'db-a'])
  const { receiver, watch, cluster } = on
  await watch({ endpoints: ['out'], labelSelector: 'tier=web' })
  await receiver.waitFor(({ names }) => names.length === 2, 'a table without db-a')
  assert.deepEqual(told(receiver), ['deleted unwatched db-a'])
  await cluster.client.patch(
    { resource: 'services', namespace: 'default', name: 'web-a' },
    { metadata: { labels: { more: 'x' } } },
  )
  await receiver.waitFor(({ items }) => items.length === 2, 'the change of web-a')
  receiver.clear()
  await watch(undefined)
  await receiver.waitFor(({ names }) => names.length === 0, 'an empty table')
  assert.deepEqual(told(receiver), ['deleted unwatched web-a', 'deleted unwatched web-b'])
})

test('a commit that takes too much holds the endpoint before anything is told; taking it back loses nothing; letting it go tells all', async () => {
  const names = ['web-a', 'web-b', 'web-c', 'db-a']
  await using on = await stage(names, 3)
  const { receiver, world, watch } = on
  const mistake = await watch({ endpoints: [] })
  await world.status(({ endpoints }) => endpoints.some(({ phase }) => phase === 'paused'), 'a held endpoint')
  const { output } = await world.cli('endpoint', 'show', 'out')
  assert.match(output, /guard/)
  assert.ok(output.includes(mistake.slice(0, 7)), output)
  assert.match(output, /4 deletions/)
  assert.deepEqual(told(receiver), [])

  await watch({ endpoints: ['out'] })
  await world.status(({ endpoints }) => endpoints.every(({ phase, backlog }) => phase !== 'paused' && backlog === 0), 'no hold')
  await receiver.waitFor(({ items }) => items.length >= 4, 'what is there, again')
  assert.ok(
    receiver.items.every(({ type }) => type === 'created'),
    told(receiver).join(', '),
  )
  assert.deepEqual(receiver.names, named(...names.toSorted()))

  receiver.clear()
  await watch({ endpoints: [] })
  await world.status(({ endpoints }) => endpoints.some(({ phase }) => phase === 'paused'), 'a held endpoint')
  const resumed = await world.cli('endpoint', 'resume', 'out')
  assert.equal(resumed.code, 0, resumed.output)
  await receiver.waitFor(() => receiver.names.length === 0, 'an empty table')
  assert.deepEqual(told(receiver), names.map((name) => `deleted unwatched ${name}`).sort())
})

test('narrowing that took too much and is taken back ends as if it had not been: the hold ends by itself, and no deletion is told', async () => {
  const names = ['db-a', 'db-b', 'web-a', 'web-b']
  // As many as the guard lets pass may go out before it holds: what the comparison finds has to come together before that.
  await using on = await stage(names, 3, '2s')
  const { receiver, world, watch } = on
  await watch({ endpoints: ['out'], labelSelector: 'tier=none' })
  await world.status(({ endpoints }) => endpoints.some(({ phase }) => phase === 'paused'), 'a held endpoint')
  await watch({ endpoints: ['out'] })
  await world.status(({ endpoints }) => endpoints.every(({ phase, backlog }) => phase !== 'paused' && backlog === 0), 'no hold')
  assert.ok(!told(receiver).some((line) => line.startsWith('deleted')), told(receiver).join(', '))
  assert.deepEqual(receiver.names, named(...names))
})
