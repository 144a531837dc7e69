/** An endpoint that is told only what changed: its receiver holds the clusters' objects all the same, also after the hub was killed. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWorld } from '../support/world.ts'

const ref = { resource: 'services', namespace: 'default', name: 'shop' }

test('a receiver of patches holds the objects as they are, also after the hub was killed', async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-delta-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'secrets'))
  const repo = scope.use(await createGitRepo())
  const cluster = scope.use(await startSimulatedCluster('prod', dir))
  await cluster.client.create('services', service('shop'))
  const receiver = scope.use(await startReceiver())
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  await repo.write('out.yaml', manifest('Endpoint', 'out', { url: receiver.url, delta: true, batch: { maxWait: '0s' } }))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out'] }))
  await repo.commit('config')
  const world = scope.use(await startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets') }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await receiver.waitFor(({ names }) => names.length === 1, 'the service', 30_000)

  /** Changes one label, and waits until the receiver holds the object as the cluster has it. Answers with how it was told. */
  const change = async (tier: string): Promise<unknown> => {
    const { metadata, ...rest } = await cluster.client.patch(ref, { metadata: { labels: { tier } } })
    await receiver.waitFor(({ items }) => JSON.stringify(items.at(-1)?.raw).includes(`"tier":"${tier}"`), tier, 30_000)
    const [held] = receiver.table.values()
    assert.deepEqual({ ...held?.object, metadata: undefined }, { ...rest, metadata: undefined })
    assert.deepEqual(Object(held?.object?.metadata).labels, Object(metadata).labels)
    return receiver.items.at(-1)?.raw.patch
  }
  const told = (tier: string, patch: unknown) => assert.equal(Object(patch).metadata.labels.tier, tier)

  await change('first')
  told('silver', await change('silver'))
  await world.hub().end('SIGKILL')
  await world.startHub()
  assert.equal(await change('gold'), undefined, 'what was told before the hub was killed is no base')
  told('bronze', await change('bronze'))
})
