/**
 * Manifests from a Git repo. Each look asks the remote for the tip of one branch and fetches only when that has moved: one request per poll,
 * however many clusters there are. A force-push is a new tip like any other; a branch, folder or remote that is gone is a reason, never a throw.
 */
import { describeError } from '@watch-hub/shared/runtime/log'
import { deadline, TimeoutError } from '@watch-hub/shared/runtime/sleep'
import { type Environment, type Git, git } from './git/git.ts'
import { ensureMirror, fetchTip, readCommit, removeMirror } from './git/mirror.ts'
import { parseTips } from './git/objects.ts'
import { type Remote, RemoteError, type RemoteSettings, resolveRemote, shownRemote } from './git/remote.ts'
import type { ConfigSource, Reading } from './source.ts'

export interface GitSourceSettings extends RemoteSettings {
  /** Absent = the branch that the remote's HEAD stands for. */
  readonly branch?: string
  /** Folder of the manifests within the repo. Absent = all of it. */
  readonly path?: string
  /** A folder for the mirror's own use, absolute. */
  readonly mirror: string
  /** The hub's own environment: where git is found, proxies, certificates. */
  readonly env: Environment
  /** @default 30 s */
  readonly pollMs?: number
  /** Of one look, everything included. @default 2 min */
  readonly timeoutMs?: number
}

export function gitSource(settings: GitSourceSettings): ConfigSource {
  const { branch, pollMs = 30_000, timeoutMs = 120_000 } = settings
  const path = settings.path?.replace(/^[./]+|\/+$/g, '') || undefined
  const shown = shownRemote(settings.url)
  let last: { readonly commit: string; readonly branch: string } | undefined

  /** What the remote has now, or why that cannot be told. */
  const look = async (remote: Remote, run: Git): Promise<{ ref: string; commit: string } | string> => {
    const wanted = branch === undefined ? [] : [`refs/heads/${branch}`]
    const { head, commits } = parseTips(await run.text('ls-remote', '--symref', remote.url, 'HEAD', ...wanted))
    const ref = branch === undefined ? head : `refs/heads/${branch}`
    const commit = ref === undefined ? undefined : commits.get(branch === undefined ? 'HEAD' : ref)
    if (ref !== undefined && commit !== undefined) return { ref, commit }
    const before = last === undefined ? '' : ` (its last commit seen was ${last.commit})`
    if (branch === undefined)
      return `expected a default branch at ${shown}, got none: the repo is empty, or its HEAD points nowhere${before}`
    return `expected the branch '${branch}' at ${shown}, got none${before}`
  }

  const read = async (signal: AbortSignal): Promise<Reading> => {
    const remote = await resolveRemote(settings)
    const run = (folder: string) => git({ folder, env: settings.env, signal, ...remote.access })
    await ensureMirror(settings.mirror, run)
    const mirror = run(settings.mirror)
    const found = await look(remote, mirror)
    if (typeof found === 'string') return { kind: 'failed', reason: found }
    if (found.commit === last?.commit) return { kind: 'unchanged' }
    try {
      const commit = await fetchTip(mirror, remote.url, found.ref)
      const reading = await readCommit(mirror, commit, path)
      last = { commit, branch: found.ref.replace('refs/heads/', '') }
      return reading
    } catch (error) {
      await removeMirror(settings.mirror) // the remote answers, so it may be the mirror that is broken
      throw error
    }
  }

  return {
    get about() {
      const shownBranch = branch ?? last?.branch
      return {
        source: shown,
        ...(shownBranch === undefined ? {} : { branch: shownBranch }),
        ...(path === undefined ? {} : { path }),
      }
    },
    pollMs,
    async read(signal) {
      using limit = deadline(timeoutMs, { parent: signal, what: `reading ${shown}` })
      try {
        return await read(limit.signal)
      } catch (error) {
        signal.throwIfAborted()
        const timedOut = limit.signal.reason instanceof TimeoutError
        return { kind: 'failed', reason: timedOut ? limit.signal.reason.message : reasonOf(error, shown) }
      }
    },
  }
}

/** Git's own last words, and what to do about the usual ones. */
function reasonOf(error: unknown, shown: string): string {
  if (error instanceof RemoteError) return describeError(error)
  const lines = describeError(error)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const said = lines.find((line) => /^(fatal|error):/.test(line)) ?? lines[0] ?? 'git failed without a word'
  const hint = hints.find(([pattern]) => lines.some((line) => pattern.test(line)))?.[1]
  return `cannot read ${shown}: ${said.replace(/^(fatal|error): /, '')}${hint === undefined ? '' : ` (${hint})`}`
}

const hints: readonly (readonly [RegExp, string])[] = [
  [/could not read Username|Authentication failed|error: 40[13]|terminal prompts disabled/i, 'look at --git-token-file'],
  [/Host key verification failed/i, 'look at --git-known-hosts'],
  [/Permission denied \(publickey/i, 'look at --git-ssh-key'],
  [/error: 30[1278]|redirect/i, 'with a token redirects are not followed: give the final URL'],
  [/dubious ownership/i, "the repo belongs to another user: see git's safe.directory"],
]
