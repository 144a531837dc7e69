/** What `watch-hub status` says about the configuration. */
import type { ConfigProblem } from './model.ts'

export interface ConfigStatus {
  /** URL without credentials, or folder. */
  readonly source: string
  readonly branch?: string
  readonly path?: string
  /** The Snapshot that runs; absent before the first good one. */
  readonly live?: { readonly commit: string; readonly hash: string; readonly since: number }
  /** The newest commit seen, when it is not the live one, and why. */
  readonly rejected?: { readonly commit: string; readonly at: number; readonly problems: readonly ConfigProblem[] }
  /** Why the source cannot be read now: remote unreachable, branch gone, path empty. Worded for people. */
  readonly failing?: { readonly since: number; readonly reason: string; readonly nextTryAt?: number }
  /** When the source was last read with success, ms. */
  readonly lastFetchAt?: number
}
