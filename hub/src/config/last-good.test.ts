import assert from 'node:assert/strict'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadLastGood, saveLastGood } from './last-good.ts'
import { temporaryFolder } from './testing/git-repo.ts'

const good = { commit: 'c1', files: [{ path: 'a.yaml', text: 'ä\n', id: '1' }] }

test('what is saved is loaded, for the owner alone, and nothing else is left', async () => {
  await using root = await temporaryFolder()
  const file = join(root.path, 'config', 'last-good.json')
  await saveLastGood(file, good)
  await saveLastGood(file, { ...good, commit: 'c2' })
  assert.deepEqual(await loadLastGood(file), { ...good, commit: 'c2' })
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(join(root.path, 'config')), ['last-good.json'])
})

test('none is none, a broken one is an error', async () => {
  await using root = await temporaryFolder()
  const file = join(root.path, 'last-good.json')
  assert.equal(await loadLastGood(file), undefined)
  await writeFile(file, '{"commit":"c"')
  await assert.rejects(loadLastGood(file), /expected JSON/)
  await writeFile(file, '{"commit":"c"}')
  await assert.rejects(loadLastGood(file), /files: expected a list, got nothing/)
})
