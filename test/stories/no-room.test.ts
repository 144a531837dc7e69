/** A hub whose disk has too little room says so wherever an operator or a load balancer looks, and still ends cleanly. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { startWorld } from '../support/world.ts'

test('too little disk is said by the log, by status and by readyz; the agent waits, and the hub stops at once', async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const secretsDir = join(dir, 'secrets')
  await mkdir(secretsDir)
  const repo = scope.use(await createGitRepo())
  const cluster = scope.use(await startSimulatedCluster('prod', dir))
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  await repo.write('endpoint.yaml', manifest('Endpoint', 'out', { url: 'http://127.0.0.1:9/' }))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out'] }))
  await repo.commit('config')
  await cluster.client.create('services', service('web'))
  const hub = { args: ['--min-free-disk', '100%'] }
  const world = scope.use(await startWorld({ dir, repo: repo.url, secretsDir, hub }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.hub().line((line) => line.includes('too little disk is free: appends wait'), 'the standstill')
  await world.startAgent(cluster)
  await world.status(({ clusters }) => clusters[0]?.streams[0]?.state.state === 'live', 'an agent that has compared')
  const ready = await fetch(`${world.url}/readyz`)
  assert.equal(ready.status, 503)
  assert.match(await ready.text(), /of disk free, expected at least .* \(--min-free-disk\): nothing is taken from agents/)
  assert.match((await world.cli('status')).output, /^Store {3}STOPPED: .* make some$/m)
  assert.match((await world.cli('endpoint', 'show', 'out')).output, /^Backlog +nothing waits$/m)
  const stopped = performance.now()
  await world.hub()[Symbol.asyncDispose]()
  assert.ok(performance.now() - stopped < 8_000, 'expected frames that wait for room not to hold up the end')
})
