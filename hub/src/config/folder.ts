/** Reads the manifests of a plain folder, by the same rules as those of a commit. `.git` is passed over as a whole. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import { describeError } from '@watch-hub/shared/runtime/log'
import { ignoreFile, parseIgnore } from './ignore.ts'
import { maxEntries, maxFileBytes } from './limits.ts'
import type { ConfigProblem, ManifestFile } from './model.ts'
import type { Reading } from './source.ts'
import { decodeText, problemAt, type SelectedFile, selectManifests, type TreeEntry } from './tree.ts'

/** `commit` is `dir-<hash>` of what was read. Throws for nothing but the signal's abort. */
export async function readFolder(folder: string, signal: AbortSignal): Promise<Exclude<Reading, { kind: 'unchanged' }>> {
  try {
    const entries = await entriesOf(folder, signal)
    const ignored = entries.some((entry) => entry.kind === 'file' && entry.path === ignoreFile && entry.bytes <= maxFileBytes)
    const ignore = parseIgnore(ignored ? await readFile(join(folder, ignoreFile), 'utf8') : '')
    const selected = selectManifests(entries, ignore)
    const read: (ManifestFile | ConfigProblem)[] = []
    for (const file of selected.files) {
      signal.throwIfAborted()
      read.push(await readManifest(folder, file))
    }
    const files = read.flatMap((each) => ('text' in each ? [each] : []))
    const problems = [...selected.problems, ...read.flatMap((each) => ('text' in each ? [] : [each]))]
    const commit = `dir-${contentHash([files.map(({ path, id }) => [path, id]), problems])}`
    return { kind: 'read', commit, files, problems }
  } catch (error) {
    signal.throwIfAborted()
    return { kind: 'failed', reason: reasonOf(folder, error) }
  }
}

async function entriesOf(folder: string, signal: AbortSignal): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = []
  const folders = ['']
  for (let below = folders.pop(); below !== undefined; below = folders.pop()) {
    signal.throwIfAborted()
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory() && entry.name !== '.git') folders.push(path)
      else if (entry.isSymbolicLink())
        entries.push({ kind: 'link', path, target: (await readlink(join(folder, path))).replaceAll(sep, '/') })
      else if (entry.isFile()) entries.push({ kind: 'file', path, bytes: (await stat(join(folder, path))).size, id: path })
      if (entries.length > maxEntries)
        throw new Error(`expected at most ${maxEntries} files, got more: give a folder of manifests alone`)
    }
  }
  return entries
}

async function readManifest(folder: string, { path, file }: SelectedFile): Promise<ManifestFile | ConfigProblem> {
  const bytes = await readFile(join(folder, file.path))
  if (bytes.length > maxFileBytes) return problemAt(path, `expected a file of at most ${maxFileBytes} bytes, got ${bytes.length}`)
  const text = decodeText(path, bytes)
  return typeof text === 'string' ? { path, text, id: contentHash(text) } : text
}

function reasonOf(folder: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return `expected the folder ${folder}, got none, or it changed while it was read`
  return `cannot read the folder ${folder}: ${describeError(error)}`
}
