import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { startApiServerSimulator } from '../../test/support/api-server-simulator/simulator.ts'
import { newIdentity } from './identity.ts'
import { secretKeyStore } from './secret-key-store.ts'
import { openKube } from './watch/kube.ts'

const name = { namespace: 'watch-hub', name: 'watch-hub-agent-identity' }

test('an identity is kept in the one Secret that the agent may touch, and read back from it', async () => {
  await using server = await startApiServerSimulator()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-keys-'))
  await using kube = await openKube({ kubeconfig: await server.writeKubeconfig(dir), log: silentLog })
  const store = secretKeyStore(kube, name)
  assert.equal(await store.load(), undefined)
  await assert.rejects(store.save(newIdentity({ cluster: 'c', clusterUid: 'u' })), {
    message:
      "expected to write the Secret watch-hub/watch-hub-agent-identity, got HTTP 404: create it and let the agent's Role patch it",
  })
  server.create('secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { ...name } })
  assert.equal(await store.load(), undefined)
  const record = { ...newIdentity({ cluster: 'c', clusterUid: 'u' }), hub: 'hub-1' }
  await store.save(record)
  assert.deepEqual(await store.load(), record)
  server.forbid('secrets')
  await assert.rejects(store.load(), /got HTTP 403: the agent's Role must allow get on it/)
  await rm(dir, { recursive: true })
})
