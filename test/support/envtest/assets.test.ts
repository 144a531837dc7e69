import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findAssets } from './assets.ts'

test('KUBEBUILDER_ASSETS is taken before the cache', async () => {
  await using dir = await temporaryFolder()
  const own = await servers(join(dir.path, 'own'))
  const cache = join(dir.path, 'cache')
  await servers(join(cache, '1.20.2'))
  assert.equal(await findAssets({ KUBEBUILDER_ASSETS: own, WATCH_HUB_ENVTEST_CACHE: cache }), own)
})

test('the cache is taken where KUBEBUILDER_ASSETS is not set or lacks a server', async () => {
  await using dir = await temporaryFolder()
  const cached = await servers(join(dir.path, '1.20.2'))
  assert.equal(await findAssets({ WATCH_HUB_ENVTEST_CACHE: dir.path }), cached)
  assert.equal(await findAssets({ KUBEBUILDER_ASSETS: dir.path, WATCH_HUB_ENVTEST_CACHE: dir.path }), cached)
})

test('a machine without servers has none, which is no error', async () => {
  await using dir = await temporaryFolder()
  assert.equal(await findAssets({ WATCH_HUB_ENVTEST_CACHE: dir.path }), undefined)
})

async function servers(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  for (const name of ['etcd', 'kube-apiserver']) await writeFile(join(folder, name), '', { mode: 0o755 })
  return folder
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'watch-hub-assets-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
