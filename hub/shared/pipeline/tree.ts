/**
 * Paths folded into a tree, and the two things done with one: `pick` what it names, or take it `without`. Both share everything they do not
 * change with their input and never write to it.
 */
import { isRecord } from '../protocol/decode.ts'
import type { Path } from './path.ts'

export interface Tree {
  /** True: a path ends here; what lies below does not matter. */
  readonly whole: boolean
  readonly fields: ReadonlyMap<string, Tree>
  readonly indexes: ReadonlyMap<number, Tree>
  /** Every element of a list, every value of an object. It is already part of `fields` and `indexes`. */
  readonly every?: Tree
}

export function treeOf(paths: readonly Path[]): Tree {
  const branches = { fields: new Map<string, Path[]>(), indexes: new Map<number, Path[]>(), every: [] as Path[] }
  for (const [first, ...rest] of paths) {
    if (first === undefined) return { whole: true, fields: new Map(), indexes: new Map() }
    if (first.kind === 'every') branches.every.push(rest)
    else if (first.kind === 'field') add(branches.fields, first.name, rest)
    else add(branches.indexes, first.index, rest)
  }
  const grow = (rests: readonly Path[]) => treeOf([...rests, ...branches.every])
  return {
    whole: false,
    fields: new Map([...branches.fields].map(([name, rests]) => [name, grow(rests)])),
    indexes: new Map([...branches.indexes].map(([index, rests]) => [index, grow(rests)])),
    ...(branches.every.length === 0 ? {} : { every: treeOf(branches.every) }),
  }
}

function add<K>(to: Map<K, Path[]>, key: K, path: Path): void {
  const known = to.get(key)
  if (known === undefined) to.set(key, [path])
  else known.push(path)
}

const nothing = Symbol('nothing')
type Kept = unknown | typeof nothing

/** What the tree names; undefined when `value` holds nothing of it. An element or a parent that holds nothing of it is left out. */
export function pick(value: unknown, tree: Tree): unknown {
  const kept = picked(value, tree)
  return kept === nothing ? undefined : kept
}

function picked(value: unknown, tree: Tree): Kept {
  if (tree.whole) return value
  if (Array.isArray(value)) return pickedElements(value, tree)
  return isRecord(value) ? pickedFields(value, tree) : nothing
}

function pickedElements(value: readonly unknown[], tree: Tree): Kept {
  const out: unknown[] = []
  for (const [i, each] of value.entries()) {
    const branch = tree.indexes.get(i) ?? tree.every
    const kept = branch === undefined ? nothing : picked(each, branch)
    if (kept !== nothing) out.push(kept)
  }
  return out.length === 0 ? nothing : out
}

function pickedFields(value: Readonly<Record<string, unknown>>, tree: Tree): Kept {
  const out: Record<string, unknown> = {}
  let empty = true
  for (const key in value) {
    const branch = tree.fields.get(key) ?? tree.every
    const kept = branch === undefined ? nothing : picked(value[key], branch)
    if (kept === nothing) continue
    put(out, key, kept)
    empty = false
  }
  return empty ? nothing : out
}

/** `value` without what the tree names: the same value when it holds none of it, else a copy of the changed levels. Emptied parents stay. */
export function without(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return withoutElements(value, tree)
  return isRecord(value) ? withoutFields(value, tree) : value
}

const rest = (value: unknown, branch: Tree | undefined): Kept => {
  if (branch === undefined) return value
  return branch.whole ? nothing : without(value, branch)
}

function withoutElements(value: readonly unknown[], tree: Tree): unknown {
  if (tree.every === undefined && tree.indexes.size === 0) return value
  const kept = value.map((each, i) => rest(each, tree.indexes.get(i) ?? tree.every))
  return kept.every((each, i) => each === value[i]) ? value : kept.filter((each) => each !== nothing)
}

function withoutFields(value: Readonly<Record<string, unknown>>, tree: Tree): unknown {
  if (!touches(value, tree)) return value
  const out: Record<string, unknown> = {}
  let changed = false
  for (const key in value) {
    const each = value[key]
    const kept = rest(each, tree.fields.get(key) ?? tree.every)
    if (kept !== each) changed = true
    if (kept !== nothing) put(out, key, kept)
  }
  return changed ? out : value
}

function touches(value: Readonly<Record<string, unknown>>, tree: Tree): boolean {
  if (tree.every !== undefined) return true
  for (const name of tree.fields.keys()) if (Object.hasOwn(value, name)) return true
  return false
}

/** An assignment to `__proto__` would set the prototype instead of a field. */
function put(out: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true })
  else out[key] = value
}
