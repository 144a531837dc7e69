/**
 * Watching a folder: says that something below it may have changed, never what. Many changes may be told as many calls, so callers ring a
 * bell and look for themselves. A folder that does not exist yet is noticed when it appears, and so is the `..data` swap of a mounted
 * ConfigMap or Secret. The file system may lose news (network mounts): look again from time to time where that matters.
 */
import { watch } from 'chokidar'

export interface FolderWatch extends AsyncDisposable {
  /** Resolves when changes are noticed from here on. */
  readonly ready: Promise<void>
}

export interface FolderWatchSettings {
  readonly folder: string
  readonly onChange: () => void
  /** Told of faults of the watching itself; it goes on as well as it can. */
  readonly onError: (error: unknown) => void
  /** Paths that are not looked at. @default none */
  readonly ignored?: (path: string) => boolean
}

export function watchFolder({ folder, onChange, onError, ignored }: FolderWatchSettings): FolderWatch {
  const watcher = watch(folder, { ignoreInitial: true, ...(ignored && { ignored: (path: string) => ignored(path) }) })
  const ready = new Promise<void>((resolve) => watcher.once('ready', () => resolve()))
  watcher.on('all', () => onChange())
  watcher.on('error', onError)
  return { ready, [Symbol.asyncDispose]: () => watcher.close() }
}
