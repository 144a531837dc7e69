import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { bell } from '@watch-hub/shared/runtime/bell'
import { watchFolder } from './folder-watch.ts'

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'watch-hub-folder-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const fails = (error: unknown) => assert.fail(String(error))

test('a folder that does not exist yet is noticed when it appears', async () => {
  await using root = await temporaryFolder()
  const changed = bell()
  await using watch = watchFolder({ folder: join(root.path, 'later'), onChange: changed.ring, onError: fails })
  await watch.ready
  await mkdir(join(root.path, 'later'))
  await changed.wait()
})

test('the ..data swap of a mounted Secret is noticed', async () => {
  await using root = await temporaryFolder()
  const mount = join(root.path, 'dns')
  await mkdir(join(mount, '..1'), { recursive: true })
  await mkdir(join(mount, '..2'))
  await writeFile(join(mount, '..1', 'username'), 'old')
  await writeFile(join(mount, '..2', 'username'), 'new')
  await symlink('..1', join(mount, '..data'))
  await symlink('..data/username', join(mount, 'username'))
  const changed = bell()
  await using watch = watchFolder({ folder: root.path, onChange: changed.ring, onError: fails })
  await watch.ready
  await symlink('..2', join(mount, '..data_tmp'))
  await rename(join(mount, '..data_tmp'), join(mount, '..data'))
  await changed.wait()
})

test('ignored paths say nothing', async () => {
  await using root = await temporaryFolder()
  await mkdir(join(root.path, '.git'))
  let calls = 0
  const changed = bell()
  const onChange = () => {
    calls++
    changed.ring()
  }
  await using watch = watchFolder({ folder: root.path, onChange, onError: fails, ignored: (path) => path.includes('.git') })
  await watch.ready
  await writeFile(join(root.path, '.git', 'HEAD'), 'x')
  await writeFile(join(root.path, 'a.yaml'), 'x')
  await changed.wait()
  assert.equal(calls, 1)
})
