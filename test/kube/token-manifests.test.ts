/** What `cluster token NAME -o yaml` prints is all that a cluster needs: a real API server takes it as it is. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startRealCluster } from '../support/cluster.ts'
import { startWorld } from '../support/world.ts'

const run = promisify(execFile)

test('the printed manifests hold the token, the name and the address, and a real API server takes them', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-token-'))
  try {
    await using cluster = await startRealCluster('prod', dir)
    const repo = join(dir, 'config')
    await mkdir(repo)
    await writeFile(join(repo, 'prod.yaml'), 'apiVersion: watch-hub.dev/v1alpha1\nkind: Cluster\nmetadata: {name: prod}\n')
    await using world = await startWorld({ dir, repo, secretsDir: dir })
    await world.status(({ config }) => config.live !== undefined, 'config')
    const { code, output } = await world.cli('cluster', 'token', 'prod', '-o', 'yaml')
    assert.equal(code, 0)
    const file = join(dir, 'agent.yaml')
    await writeFile(file, output)
    await run('kubectl', ['apply', '--kubeconfig', cluster.kubeconfig, '-f', file])

    const settings = await cluster.client.get({ resource: 'configmaps', namespace: 'watch-hub', name: 'watch-hub-agent' })
    assert.partialDeepStrictEqual(settings, { data: { WATCH_HUB_URL: world.url, WATCH_HUB_CLUSTER: 'prod' } })
    const { data } = await cluster.client.get({ resource: 'secrets', namespace: 'watch-hub', name: 'watch-hub-join' })
    const token =
      typeof data === 'object' && data !== null && 'token' in data ? Buffer.from(String(data.token), 'base64').toString() : ''
    assert.match(token, /^whj_[\w-]{43}$/)
    assert.partialDeepStrictEqual(
      await cluster.client.get({ resource: 'deployments.apps', namespace: 'watch-hub', name: 'watch-hub-agent' }),
      {
        spec: { replicas: 1, strategy: { type: 'Recreate' } },
      },
    )
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
