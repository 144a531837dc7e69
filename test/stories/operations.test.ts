/** What operators meet: missing rights and kinds, a remote that is down, strangers at the door, TLS of our own. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { selfSignedCertificate } from '../support/certificate.ts'
import { type Cluster, startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo, type GitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { agentProgram, hubProgram, startProgram } from '../support/program.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { freePort, type StatusText, startWorld, type World } from '../support/world.ts'

interface Stage extends AsyncDisposable {
  readonly dir: string
  readonly repo: GitRepo
  readonly cluster: Cluster
  readonly receiver: Receiver
}

/** One declared cluster, one endpoint, and a watch on `resources`. */
async function stage(resources: readonly string[]): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'secrets'))
  const repo = building.use(await createGitRepo())
  const cluster = building.use(await startSimulatedCluster('prod', dir))
  const receiver = building.use(await startReceiver())
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  await repo.write('endpoint.yaml', manifest('Endpoint', 'out', { url: receiver.url, batch: { maxWait: '0s' } }))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources, endpoints: ['out'] }))
  await repo.commit('config')
  const owned = building.move()
  return { dir, repo, cluster, receiver, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const worldOf = ({ dir, repo }: Stage): Promise<World> => startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets') })

const failing = (reason: string) => (status: StatusText) =>
  status.clusters.some(({ streams }) => streams.some(({ state }) => state.state === 'failed' && state.reason === reason))
const allLive = (status: StatusText) =>
  status.clusters.every(({ streams }) => streams.length > 0 && streams.every(({ state }) => state.state === 'live'))

test('a missing right is named, leaves other kinds alone, and heals without a commit', async () => {
  await using on = await stage(['services', 'configmaps'])
  const { cluster, receiver } = on
  cluster.simulator?.forbid('services')
  await using world = await worldOf(on)
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await world.status(failing('forbidden: needs list,watch on services'), 'the missing right')
  await cluster.client.create('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'default' },
  })
  await receiver.waitFor(({ names }) => names.includes('default/c'), 'the kind that is allowed')
  cluster.simulator?.allow('services')
  await cluster.client.create('services', service('s'))
  await receiver.waitFor(({ names }) => names.includes('default/s'), 'the kind that became allowed', 60_000)
})

test('a kind that the cluster does not serve is named, and delivered once it appears', async () => {
  await using on = await stage(['widgets.example.com'])
  const { cluster, receiver } = on
  await using world = await worldOf(on)
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await world.status(failing('no such resource widgets.example.com'), 'the missing kind')
  cluster.simulator?.addResource({ group: 'example.com', version: 'v1', kind: 'Widget', resource: 'widgets', namespaced: true })
  await cluster.client.create('widgets.example.com', {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'default' },
  })
  await receiver.waitFor(({ names }) => names.includes('default/w'), 'the widget', 60_000)
})

test('a hub that starts while the remote is down goes on with the last good config and says why', async () => {
  await using on = await stage(['services'])
  const { cluster, receiver, repo } = on
  await using world = await worldOf(on)
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await world.status(allLive, 'live streams')
  assert.equal(await world.hub().end('SIGTERM'), 0)
  await repo.hide()
  await world.startHub()
  await world.status(
    ({ config }) => config.live !== undefined && config.failing !== undefined,
    'the last good config, and the trouble',
  )
  await cluster.client.create('services', service('while-the-remote-is-down'))
  await receiver.waitFor(({ names }) => names.length === 1, 'a delivery', 30_000)
})

test('nobody joins under a name that Git does not declare, with a used token, or without one', async () => {
  await using on = await stage(['services'])
  const { cluster, dir } = on
  await using world = await worldOf(on)
  await world.status(({ config }) => config.live !== undefined, 'config')
  const undeclared = await world.cli('cluster', 'token', 'elsewhere')
  assert.equal(undeclared.code, 1)
  assert.match(undeclared.output, /expected a cluster that the config repo declares, got "elsewhere"/)

  const token = await world.token('prod')
  const flags = ['--hub', world.url, '--cluster', 'prod', '--kubeconfig', cluster.kubeconfig]
  const agent = (state: string, env: Readonly<Record<string, string>> = {}) =>
    startProgram(agentProgram, [...flags, '--state', join(dir, state)], { env })
  await using first = agent('first', { WATCH_HUB_JOIN_TOKEN: token })
  await first.line((line) => line.includes('connected to the hub'), 'the first agent')
  await using second = agent('second', { WATCH_HUB_JOIN_TOKEN: token })
  assert.equal(await second.ended, 1)
  assert.match(second.output(), /the hub refused to let this agent join/)
  await using third = agent('third')
  assert.equal(await third.ended, 1)
  assert.match(third.output(), /has not joined .*watch-hub cluster token prod/)
})

test('agents come to a port of their own with a certificate of our own', async () => {
  await using on = await stage(['services'])
  const { dir, repo, cluster, receiver } = on
  const { cert, key } = selfSignedCertificate()
  await writeFile(join(dir, 'cert.pem'), cert)
  await writeFile(join(dir, 'key.pem'), key)
  const ports = { admin: await freePort(), agents: await freePort() }
  const data = join(dir, 'tls-data')
  await using hub = startProgram(hubProgram, [
    ...[
      'serve',
      '--config-repo',
      repo.url,
      '--data',
      data,
      '--listen',
      `127.0.0.1:${ports.admin}`,
      '--allow-egress',
      '127.0.0.0/8',
    ],
    ...['--agent-listen', `127.0.0.1:${ports.agents}`, '--tls-cert', join(dir, 'cert.pem'), '--tls-key', join(dir, 'key.pem')],
  ])
  await hub.line((line) => line.includes('the hub listens'), 'listening hub')
  await hub.line((line) => line.includes('live'), 'live config')
  await using asked = startProgram(hubProgram, ['cluster', 'token', 'prod', '-o', 'json', '--data', data])
  assert.equal(await asked.ended, 0)
  const answer: unknown = JSON.parse(asked.output())
  const token = typeof answer === 'object' && answer !== null && 'token' in answer ? String(answer.token) : ''
  const flags = [
    '--hub',
    `https://127.0.0.1:${ports.agents}`,
    '--cluster',
    'prod',
    '--kubeconfig',
    cluster.kubeconfig,
    '--join-token',
    token,
  ]
  await using stranger = startProgram(agentProgram, [...flags, '--state', join(dir, 'no-ca')])
  assert.equal(await stranger.ended, 1)
  assert.match(stranger.output(), /self-signed certificate/)
  const health = await freePort()
  await using agent = startProgram(agentProgram, [
    ...[...flags, '--state', join(dir, 'with-ca')],
    ...['--ca', join(dir, 'cert.pem'), '--listen', `127.0.0.1:${health}`],
  ])
  await agent.line((line) => line.includes('connected to the hub'), 'connection by TLS')
  assert.equal((await fetch(`http://127.0.0.1:${health}/readyz`)).status, 200)
  await cluster.client.create('services', service('by-tls'))
  await receiver.waitFor(({ names }) => names.includes('default/by-tls'), 'a delivery')
})

test('an agent process that was replaced is dismissed for good, and nothing is told twice', async () => {
  await using on = await stage(['services'])
  const { cluster, receiver } = on
  await using world = await worldOf(on)
  await world.status(({ config }) => config.live !== undefined, 'config')
  const first = await world.startAgent(cluster)
  await cluster.client.create('services', service('one'))
  await receiver.waitFor(({ names }) => names.includes('default/one'), 'the first delivery')
  await world.startAgent(cluster)
  assert.equal(await first.ended, 1)
  assert.match(first.output(), /the hub dismissed this agent: /)
  await cluster.client.create('services', service('two'))
  await receiver.waitFor(({ names }) => names.includes('default/two'), 'a delivery by the new process')
  assert.deepEqual(
    receiver.items.map(({ name }) => name),
    ['one', 'two'],
  )
})

test('a dead endpoint delays nobody, and is given what waited, in order, when it returns', async () => {
  await using on = await stage(['services'])
  const { cluster, receiver, repo } = on
  await using broken = await startReceiver({ answer: () => ({ status: 500 }) })
  await repo.write('broken.yaml', manifest('Endpoint', 'broken', { url: broken.url, history: 'every', batch: { maxWait: '0s' } }))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out', 'broken'] }))
  await repo.commit('a second endpoint')
  await using world = await worldOf(on)
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await world.status(allLive, 'live streams')
  await cluster.client.create('services', service('shop'))
  for (const port of [81, 82, 83])
    await cluster.client.patch(
      { resource: 'services', namespace: 'default', name: 'shop' },
      { metadata: { labels: { port: `${port}` } } },
    )
  await receiver.waitFor(
    ({ items }) => JSON.stringify(items.at(-1)?.object ?? {}).includes('"port":"83"'),
    'the endpoint that is well',
  )
  await world.status(
    ({ endpoints }) => endpoints.some(({ name, phase, backlog }) => name === 'broken' && phase === 'retrying' && backlog > 0),
    'the retry',
  )
  broken.answerWith(() => ({}))
  await broken.waitFor(({ items }) => items.length === 4, 'what waited', 30_000)
  assert.deepEqual(
    broken.items.map(({ type }) => type),
    ['created', 'updated', 'updated', 'updated'],
  )
  assert.deepEqual(broken.ignored, [])
})
