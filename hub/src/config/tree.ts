/**
 * Which files of a tree are manifests, whether the tree is a commit or a folder: `.yaml` and `.yml` files, in any folder; names that begin
 * with a dot are passed over, files and folders alike, and so is what `.watchhubignore` matches.
 *
 * Symbolic links are followed inside the tree, also to what lies in a dot-folder (that is how Kubernetes mounts a ConfigMap); each file is
 * read once, whatever the number of names. A link that leaves the tree or leads nowhere is a problem.
 */
import { type Ignore, ignoreNothing } from './ignore.ts'
import { maxFileBytes, maxFiles, maxTotalBytes } from './limits.ts'
import type { ConfigProblem } from './model.ts'

/** Paths have `/` and no leading one. Folders are known by what is in them. */
export type TreeEntry =
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number; readonly id: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }

export interface SelectedFile {
  /** As it is shown: the first name it was found by. */
  readonly path: string
  /** The file itself. */
  readonly file: TreeEntry & { readonly kind: 'file' }
}

export interface Selection {
  readonly files: readonly SelectedFile[]
  readonly problems: readonly ConfigProblem[]
}

export function selectManifests(entries: readonly TreeEntry[], ignore: Ignore = ignoreNothing): Selection {
  const tree = treeOf(entries)
  const found = new Map<string, SelectedFile>()
  const problems: ConfigProblem[] = []
  const walked = new Set<string>()
  const links: { readonly shown: string; readonly path: string }[] = []

  const take = (shown: string, path: string) => {
    const entry = tree.entries.get(path)
    if (entry?.kind === 'file' && /\.ya?ml$/.test(shown) && !found.has(path)) found.set(path, { path: shown, file: entry })
  }
  const walk = (shownFolder: string, folder: string) => {
    if (walked.has(folder)) return
    walked.add(folder)
    for (const name of tree.folders.get(folder) ?? []) {
      const shown = join(shownFolder, name)
      const path = join(folder, name)
      if (name.startsWith('.') || ignore(shown)) continue
      if (tree.folders.has(path)) walk(shown, path)
      else if (tree.entries.get(path)?.kind === 'link') links.push({ shown, path })
      else take(shown, path)
    }
  }

  walk('', '')
  for (const { shown, path } of links) {
    // Grows while it is walked: a linked folder may hold links.
    const to = resolveLink(tree, path)
    if (typeof to === 'object') problems.push(problemAt(shown, to.problem))
    else if (tree.folders.has(to)) walk(shown, to)
    else take(shown, to)
  }
  return bounded(
    [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    problems,
  )
}

interface Tree {
  readonly entries: ReadonlyMap<string, TreeEntry>
  /** Names in each folder, sorted; the root is ''. */
  readonly folders: ReadonlyMap<string, readonly string[]>
}

const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)
const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0))
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

function treeOf(entries: readonly TreeEntry[]): Tree {
  const folders = new Map<string, Set<string>>([['', new Set()]])
  const enter = (path: string) => {
    const parent = parentOf(path)
    const known = folders.get(parent)
    if (known !== undefined) return known.add(nameOf(path))
    folders.set(parent, new Set([nameOf(path)]))
    return enter(parent)
  }
  for (const { path } of entries) enter(path)
  return {
    entries: new Map(entries.map((entry) => [entry.path, entry])),
    folders: new Map([...folders].map(([folder, names]) => [folder, [...names].sort()])),
  }
}

const maxHops = 40

/** The file or folder that a link comes to, step by step, as the file system would. */
function resolveLink(tree: Tree, link: string): string | { readonly problem: string } {
  let at = parentOf(link)
  const steps = stepsOf(tree, link)
  for (let hops = 0; steps.length > 0; ) {
    const step = steps.shift()
    if (step === undefined || step === '' || step === '.') continue
    if (step === '/' || (step === '..' && at === ''))
      return { problem: 'expected a link that stays below the config path, got one that leaves it' }
    if (step === '..') {
      at = parentOf(at)
      continue
    }
    const next = join(at, step)
    if (tree.entries.get(next)?.kind === 'link') {
      if (++hops > maxHops) return { problem: 'expected a link that ends somewhere, got one that goes round in a circle' }
      steps.unshift(...stepsOf(tree, next))
    } else if (tree.entries.has(next) || tree.folders.has(next)) at = next
    else return { problem: 'expected a link to a file or folder that exists, got one that leads nowhere' }
  }
  return at
}

/** `/` first for an absolute target: no tree has one. */
function stepsOf(tree: Tree, link: string): string[] {
  const entry = tree.entries.get(link)
  const target = entry?.kind === 'link' ? entry.target : ''
  return target.startsWith('/') ? ['/'] : target.split('/')
}

export const problemAt = (file: string, message: string): ConfigProblem => ({ file, line: 1, column: 1, path: '', message })

const wayOut = 'list what is no manifest in .watchhubignore'

/** Files above a limit are not read; each limit is told once. */
function bounded(files: readonly SelectedFile[], problems: readonly ConfigProblem[]): Selection {
  const large = files.filter(({ file }) => file.bytes > maxFileBytes)
  const total = files.reduce((sum, { file }) => sum + file.bytes, 0)
  const found = [
    ...problems,
    ...large.map(({ path, file }) =>
      problemAt(path, `expected a file of at most ${maxFileBytes} bytes, got ${file.bytes}; ${wayOut}`),
    ),
    ...(files.length > maxFiles
      ? [problemAt('.', `expected at most ${maxFiles} manifest files, got ${files.length}; ${wayOut}`)]
      : []),
    ...(total > maxTotalBytes
      ? [problemAt('.', `expected at most ${maxTotalBytes} bytes of manifests, got ${total}; ${wayOut}`)]
      : []),
  ]
  const tooMuch = files.length > maxFiles || total > maxTotalBytes
  return { files: tooMuch ? [] : files.filter(({ file }) => file.bytes <= maxFileBytes), problems: found }
}

/** Manifest text, or what is wrong with its bytes. */
export function decodeText(path: string, bytes: Uint8Array): string | ConfigProblem {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return problemAt(path, 'expected a text in UTF-8, got other bytes') // the decoder says no more than that
  }
}
