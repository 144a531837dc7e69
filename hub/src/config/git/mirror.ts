/**
 * The mirror: a bare, shallow copy of one branch, a folder that this hub alone uses. It is a cache: when anything about it fails it is thrown
 * away, and the next look makes it anew.
 */
import { access, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ignoreFile, parseIgnore } from '../ignore.ts'
import { maxEntries, maxFileBytes } from '../limits.ts'
import type { ConfigProblem, ManifestFile } from '../model.ts'
import type { Reading } from '../source.ts'
import { decodeText, problemAt, selectManifests, type TreeEntry } from '../tree.ts'
import type { Git } from './git.ts'
import { parseObjects, parseTree, type TreeLine } from './objects.ts'

const tip = 'refs/watch-hub/tip'
const linkMode = '120000'
/** The longest path there is. */
const maxLinkBytes = 4096

/** `git` runs in the parent folder here. */
export async function ensureMirror(folder: string, git: (folder: string) => Git): Promise<void> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 })
  try {
    await access(join(folder, 'HEAD'))
  } catch {
    await git(dirname(folder)).text('init', '--quiet', '--bare', folder) // there is none yet, or only a part of one
  }
}

export const removeMirror = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 })

/** Fetches the newest commit of `ref`, whatever was there before, and gives its id. */
export async function fetchTip(git: Git, url: string, ref: string): Promise<string> {
  const flags = [
    '--quiet',
    '--depth=1',
    '--no-tags',
    '--force',
    '--no-recurse-submodules',
    '--no-write-fetch-head',
    '--update-shallow',
  ]
  await git.text('fetch', ...flags, url, `+${ref}:${tip}`)
  return (await git.text('rev-parse', '--verify', tip)).trim()
}

type Read = Extract<Reading, { kind: 'read' }>

/** The manifests of a commit below `path`. */
export async function readCommit(git: Git, commit: string, path: string | undefined): Promise<Read> {
  const root = path === undefined ? commit : await folderOf(git, commit, path)
  if (root === undefined)
    return { kind: 'read', commit, files: [], problems: [problemAt('.', `expected the folder '${path}' in the repo, got none`)] }
  const lines = parseTree(await git.text('ls-tree', '-r', '-z', '-l', '--full-tree', root))
  if (lines.length > maxEntries) {
    const message = `expected at most ${maxEntries} files below the config path, got ${lines.length}: give a folder of manifests alone`
    return { kind: 'read', commit, files: [], problems: [problemAt('.', message)] }
  }
  const ignored = lines.find((line) => line.path === ignoreFile && line.mode !== linkMode && line.bytes <= maxFileBytes)
  const links = lines.filter((line) => line.mode === linkMode && line.bytes <= maxLinkBytes)
  const small = await contentsOf(git, [...links, ...(ignored === undefined ? [] : [ignored])])
  const text = (line: TreeLine | undefined) => small.get(line?.id ?? '')?.toString('utf8')
  const entries = lines.filter((line) => line.type === 'blob').map((line) => entryOf(line, text))
  const selected = selectManifests(entries, parseIgnore(text(ignored) ?? ''))
  const contents = await contentsOf(
    git,
    selected.files.map(({ file }) => file),
  )
  const read = selected.files.map(({ path: shown, file }) => manifestOf(shown, file.id, contents.get(file.id)))
  return {
    kind: 'read',
    commit,
    files: read.flatMap((each) => ('text' in each ? [each] : [])),
    problems: [...selected.problems, ...read.flatMap((each) => ('text' in each ? [] : [each]))],
  }
}

async function folderOf(git: Git, commit: string, path: string): Promise<string | undefined> {
  const [line] = parseTree(await git.text('ls-tree', '-z', '-l', '--full-tree', commit, '--', path))
  return line?.type === 'tree' ? line.id : undefined
}

/** A link that is too long to be one leads out, as far as anyone can tell. */
function entryOf(line: TreeLine, text: (line: TreeLine) => string | undefined): TreeEntry {
  const { mode, path, bytes, id } = line
  return mode === linkMode ? { kind: 'link', path, target: text(line) ?? '/' } : { kind: 'file', path, bytes, id }
}

async function contentsOf(git: Git, objects: readonly { readonly id: string }[]): Promise<ReadonlyMap<string, Buffer>> {
  const ids = [...new Set(objects.map(({ id }) => id))]
  return ids.length === 0 ? new Map() : parseObjects(await git.objects(ids))
}

function manifestOf(path: string, id: string, bytes: Buffer | undefined): ManifestFile | ConfigProblem {
  if (bytes === undefined) throw new Error(`the mirror lacks the object ${id} of ${path}`)
  const text = decodeText(path, bytes)
  return typeof text === 'string' ? { path, text, id } : text
}
