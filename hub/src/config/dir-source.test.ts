import assert from 'node:assert/strict'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { bell } from '@watch-hub/shared/runtime/bell'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { dirSource } from './dir-source.ts'
import type { Reading } from './source.ts'
import { temporaryFolder, writeTree } from './testing/git-repo.ts'

const never = new AbortController().signal
const source = (folder: string) => dirSource({ log: silentLog }, { folder, quietMs: 20 })
const texts = (reading: Reading) =>
  reading.kind === 'read' ? Object.fromEntries(reading.files.map(({ path, text }) => [path, text])) : reading

test('a folder is read by the rules of a commit; its id is made from what is in it', async () => {
  await using root = await temporaryFolder()
  await writeTree(root.path, {
    'a.yaml': 'a',
    'x/b.yml': 'b',
    'README.md': '-',
    '.github/c.yaml': '-',
    '.git/d.yaml': '-',
    'charts/e.yaml': '-',
    '.watchhubignore': 'charts\n',
  })
  const dir = source(root.path)
  const one = await dir.read(never)
  assert.deepEqual(texts(one), { 'a.yaml': 'a', 'x/b.yml': 'b' })
  assert.deepEqual(await dir.read(never), { kind: 'unchanged' })
  await writeTree(root.path, { 'a.yaml': 'changed', 'README.md': 'changed' })
  const two = await dir.read(never)
  await writeTree(root.path, { 'a.yaml': 'a' })
  const three = await dir.read(never)
  const commits = [one, two, three].map((reading) => (reading.kind === 'read' ? reading.commit : ''))
  assert.match(commits[0] ?? '', /^dir-[\w-]{22}$/)
  assert.equal(commits[0], commits[2])
  assert.notEqual(commits[0], commits[1])
})

test('links that leave the folder are refused, those inside it are followed', async () => {
  await using root = await temporaryFolder()
  await writeTree(root.path, {
    'outside.yaml': 'secret',
    'dir/..1/a.yaml': 'a',
    'dir/..data': { link: '..1' },
    'dir/a.yaml': { link: '..data/a.yaml' },
    'dir/out.yaml': { link: '../outside.yaml' },
    'dir/abs.yaml': { link: join(root.path, 'outside.yaml') },
  })
  const reading = await source(join(root.path, 'dir')).read(never)
  assert.deepEqual(texts(reading), { 'a.yaml': 'a' })
  const leaves = 'expected a link that stays below the config path, got one that leaves it'
  assert.deepEqual(reading.kind === 'read' && reading.problems.map(({ file, message }) => [file, message]), [
    ['abs.yaml', leaves],
    ['out.yaml', leaves],
  ])
})

test('a folder that is missing is a reason', async () => {
  await using root = await temporaryFolder()
  const reading = await source(join(root.path, 'none')).read(never)
  assert.match(reading.kind === 'failed' ? reading.reason : '', /^expected the folder .*none, got none/)
})

test('reading ends with its signal', async () => {
  await using root = await temporaryFolder()
  await assert.rejects(source(root.path).read(AbortSignal.abort(new Error('enough'))), /enough/)
})

test('a change is told, and reading after it shows it; also one below a new folder, and the swap of a mount', async () => {
  await using root = await temporaryFolder()
  await writeTree(root.path, {
    '..1/a.yaml': 'one',
    '..2/a.yaml': 'two',
    '..data': { link: '..1' },
    'a.yaml': { link: '..data/a.yaml' },
  })
  const dir = source(root.path)
  const changed = bell()
  await using _following = dir.follow?.(changed.ring)
  const until = async (expected: unknown) => {
    for (let seen: unknown; ; ) {
      const reading = await dir.read(never)
      if (reading.kind !== 'unchanged') seen = texts(reading)
      if (JSON.stringify(seen) === JSON.stringify(expected)) return
      await changed.wait()
    }
  }
  await until({ 'a.yaml': 'one' })
  await writeTree(root.path, { '..tmp': { link: '..2' } })
  await rename(join(root.path, '..tmp'), join(root.path, '..data'))
  await until({ 'a.yaml': 'two' })
  await writeTree(root.path, { 'new/b.yaml': 'b' })
  await until({ 'a.yaml': 'two', 'new/b.yaml': 'b' })
  await rm(join(root.path, 'new'), { recursive: true })
  await until({ 'a.yaml': 'two' })
})
