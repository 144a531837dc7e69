import assert from 'node:assert/strict'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createGitRepo, type GitRepo } from './git-repo.ts'

const remoteHead = async (repo: GitRepo): Promise<string> => (await repo.git('ls-remote', repo.url, repo.branch)).slice(0, 40)
const remoteFiles = async (repo: GitRepo): Promise<string[]> =>
  (await repo.git('--git-dir', repo.remote, 'ls-tree', '-r', '--name-only', repo.branch))
    .split('\n')
    .filter((line) => line !== '')

test('a commit is at the remote with all that was written and without what was removed', async () => {
  await using repo = await createGitRepo()
  await repo.write('watches/a.yaml', 'a')
  await repo.write('endpoints/b.yaml', 'b')
  const first = await repo.commit('first')
  assert.equal(await remoteHead(repo), first)
  assert.deepEqual(await remoteFiles(repo), ['endpoints/b.yaml', 'watches/a.yaml'])
  await repo.remove('watches')
  const second = await repo.commit('second')
  assert.notEqual(second, first)
  assert.deepEqual(await remoteFiles(repo), ['endpoints/b.yaml'])
  assert.equal(await repo.head(), second)
})

test('a forced push replaces the last commit', async () => {
  await using repo = await createGitRepo({ branch: 'live' })
  await repo.write('a', '1')
  const base = await repo.commit('base')
  await repo.write('a', '2')
  await repo.commit('wrong')
  await repo.write('a', '3')
  const right = await repo.forcePush('right')
  assert.equal(await remoteHead(repo), right)
  assert.equal(await repo.git('rev-parse', 'HEAD~1'), base)
  assert.equal(await repo.git('--git-dir', repo.remote, 'show', 'live:a'), '3')
})

test('a deleted branch is gone until the next commit', async () => {
  await using repo = await createGitRepo()
  await repo.commit('empty')
  await repo.deleteBranch()
  assert.equal(await remoteHead(repo), '')
  const back = await repo.commit('back')
  assert.equal(await remoteHead(repo), back)
})

test('a hidden remote cannot be reached until it is shown', async () => {
  await using repo = await createGitRepo()
  const head = await repo.commit('empty')
  await repo.hide()
  await assert.rejects(remoteHead(repo), /does not (appear to be a git repository|exist)/)
  await repo.show()
  assert.equal(await remoteHead(repo), head)
})

test('a repo in a folder of the caller is kept, another one is removed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'git-repo-'))
  try {
    const own = await createGitRepo({ dir })
    await own[Symbol.asyncDispose]()
    await access(own.remote)
    const temporary = await createGitRepo()
    await temporary[Symbol.asyncDispose]()
    await assert.rejects(access(temporary.remote), /ENOENT/)
  } finally {
    await rm(dir, { recursive: true })
  }
})
