/**
 * Which source `--config-repo` means. A URL, an ssh address, or a folder that is a Git repo (bare, or with `.git`): the repo, by its commits.
 * Any other folder: its files as they are, watched.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '@watch-hub/shared/runtime/log'
import { dirSource } from './dir-source.ts'
import { type GitSourceSettings, gitSource } from './git-source.ts'
import type { ConfigSource } from './source.ts'

export async function openSource(deps: { readonly log: Log }, settings: GitSourceSettings): Promise<ConfigSource> {
  if (isAddress(settings.url) || settings.branch !== undefined || (await isRepo(settings.url))) return gitSource(settings)
  return dirSource(deps, { folder: settings.path === undefined ? settings.url : join(settings.url, settings.path) })
}

/** `https://…`, `ssh://…`, `file://…`, `git@host:path`. */
const isAddress = (url: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(url) || /^[^/\s]+@[^/\s:]+:/.test(url)

async function isRepo(folder: string): Promise<boolean> {
  const has = (...names: readonly string[]) =>
    access(join(folder, ...names)).then(
      () => true,
      () => false,
    )
  return (await has('.git')) || ((await has('HEAD')) && (await has('objects')) && (await has('refs')))
}
