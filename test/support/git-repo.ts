/**
 * A real Git repo for tests and the demo: a bare remote and a work tree beside it, in a folder of their own. What people do with a config
 * repo is one call; commits are pushed at once. Nothing of the user's own Git configuration is read.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface GitRepo extends AsyncDisposable {
  /** `file://…` of the bare remote. */
  readonly url: string
  /** Folder of the bare remote. */
  readonly remote: string
  /** Folder of the work tree, for people who edit by hand. */
  readonly folder: string
  readonly branch: string
  /** Relative to the work tree, with `/`; folders are made. Takes effect with the next commit. */
  write(path: string, text: string): Promise<void>
  /** A file or a whole folder; one that is not there is no error. */
  remove(path: string): Promise<void>
  /** Everything that changed, also when nothing did; pushed. Resolves to the commit id. */
  commit(message: string): Promise<string>
  /** Puts what changed in place of the last commit and pushes with force: history is rewritten. Resolves to the new id. */
  forcePush(message: string): Promise<string>
  /** At the remote. The next commit brings the branch back. */
  deleteBranch(): Promise<void>
  head(): Promise<string>
  /** The remote cannot be reached until `show`. */
  hide(): Promise<void>
  show(): Promise<void>
  /** `git ARGS` in the work tree; resolves to what it printed. */
  git(...args: readonly string[]): Promise<string>
}

export interface GitRepoOptions {
  /** An empty or missing folder to use, which is kept. @default a new temporary one, removed at the end */
  readonly dir?: string
  /** @default 'main' */
  readonly branch?: string
}

export async function createGitRepo({ dir, branch = 'main' }: GitRepoOptions = {}): Promise<GitRepo> {
  const root = dir ?? (await mkdtemp(join(tmpdir(), 'watch-hub-git-')))
  const remote = join(root, 'remote.git')
  const folder = join(root, 'work')
  const env = environment(root)
  const git = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await run('git', args, { cwd: folder, env })
    return stdout.trim()
  }

  await mkdir(folder, { recursive: true })
  await git('init', '--quiet', '--bare', `--initial-branch=${branch}`, remote)
  await git('init', '--quiet', `--initial-branch=${branch}`)
  await git('remote', 'add', 'origin', remote)
  // Without it the remote refuses to lose the branch that its HEAD names.
  await git('--git-dir', remote, 'config', 'receive.denyDeleteCurrent', 'ignore')

  const push = async (...options: readonly string[]): Promise<string> => {
    await git('push', '--quiet', ...options, 'origin', branch)
    return git('rev-parse', 'HEAD')
  }
  return {
    url: pathToFileURL(remote).href,
    remote,
    folder,
    branch,
    git,
    write: async (path, text) => {
      const file = join(folder, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
    },
    remove: (path) => rm(join(folder, path), { recursive: true, force: true }),
    commit: async (message) => {
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message', message)
      return push()
    },
    forcePush: async (message) => {
      await git('add', '--all')
      await git('commit', '--quiet', '--amend', '--allow-empty', '--message', message)
      return push('--force')
    },
    deleteBranch: async () => {
      await git('push', '--quiet', 'origin', '--delete', branch)
    },
    head: () => git('rev-parse', 'HEAD'),
    hide: () => rename(remote, `${remote}.hidden`),
    show: () => rename(`${remote}.hidden`, remote),
    [Symbol.asyncDispose]: async () => {
      if (dir === undefined) await rm(root, { recursive: true, force: true })
    },
  }
}

const environment = (home: string): Readonly<Record<string, string>> => ({
  PATH: process.env.PATH ?? '',
  HOME: home,
  LANG: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
})
