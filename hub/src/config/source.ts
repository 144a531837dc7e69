/** Where manifests come from: a Git repo or a plain folder. Sources read; when to read, and what readings mean, is `current`'s. */
import type { ConfigProblem, ManifestFile } from './model.ts'

export type Reading =
  | {
      readonly kind: 'read'
      /** Commit id, or `dir-<hash>`. */
      readonly commit: string
      readonly files: readonly ManifestFile[]
      /** What is there and may not be read: a link that leaves, a file that is too large. The commit cannot go live then. */
      readonly problems: readonly ConfigProblem[]
    }
  /** Still the commit of the reading before. */
  | { readonly kind: 'unchanged' }
  /** The source cannot be read now. Worded for people; holds no secret. */
  | { readonly kind: 'failed'; readonly reason: string }

export interface ConfigSource {
  /** What people see of it. */
  readonly about: SourceAbout
  /** How often to look, ms. Absent = `follow` tells. */
  readonly pollMs?: number
  /** Throws for nothing but the signal's abort. One at a time. */
  read(signal: AbortSignal): Promise<Reading>
  /** Calls `changed` when it is worth to read again, until disposed. May call too often, never with a reading under its feet. */
  follow?(changed: () => void): AsyncDisposable
}

export interface SourceAbout {
  /** URL without credentials, or folder. */
  readonly source: string
  readonly branch?: string
  readonly path?: string
}
