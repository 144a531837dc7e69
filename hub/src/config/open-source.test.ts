import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { openSource } from './open-source.ts'
import { createRepo, temporaryFolder, writeTree } from './testing/git-repo.ts'

const never = new AbortController().signal

test('a folder that is a repo is read by its commits, a plain one by its files', async () => {
  await using root = await temporaryFolder()
  const repo = await createRepo(join(root.path, 'repo'))
  const commit = await repo.commit({ 'sub/a.yaml': 'committed' })
  await repo.git('clone', '--quiet', '--bare', repo.folder, join(root.path, 'bare'))
  await writeTree(repo.folder, { 'sub/a.yaml': 'not committed' })
  const read = async (url: string, path?: string) => {
    const more = path === undefined ? {} : { path }
    const source = await openSource({ log: silentLog }, { url, mirror: join(root.path, 'mirror.git'), env: process.env, ...more })
    const reading = await source.read(never)
    return reading.kind === 'read'
      ? [reading.commit.slice(0, 4), reading.files.map(({ path, text }) => `${path}: ${text}`)]
      : reading
  }
  for (const url of [repo.folder, join(root.path, 'bare'), `file://${repo.folder}`])
    assert.deepEqual(await read(url), [commit.slice(0, 4), ['sub/a.yaml: committed']], url)
  assert.deepEqual(await read(join(repo.folder, 'sub')), ['dir-', ['a.yaml: not committed']])
  await mkdir(join(root.path, 'plain'))
  await writeTree(join(root.path, 'plain'), { 'x/b.yaml': 'b', 'c.yaml': 'c' })
  assert.deepEqual(await read(join(root.path, 'plain'), 'x'), ['dir-', ['b.yaml: b']])
})
