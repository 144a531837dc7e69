/**
 * YAML text → plain JSON values that know where they stand. YAML 1.2, core schema; what YAML allows and JSON does not, what would be read as
 * something else than it looks like, and what could cost too much is a problem: duplicate keys, unknown tags, `%YAML` of another version,
 * numbers that a JSON number cannot hold, aliases that multiply, deep nesting.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseAllDocuments,
  type Scalar,
  type YAMLError,
} from 'yaml'
import type { FieldPath } from './place.ts'

export interface YamlPosition {
  readonly line: number
  readonly column: number
}

export interface YamlProblem extends YamlPosition {
  readonly message: string
}

export interface YamlDocument {
  readonly value: unknown
  /**
   * Where the value at `path` stands; the key of a map or list that is someone's value; the nearest parent of what does not exist.
   * `key` = where its name stands.
   */
  position(path: FieldPath, part?: 'key' | 'value'): YamlPosition
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[]
  readonly problems: readonly YamlProblem[]
}

/** Values that aliases may multiply to, per document. */
const maxAliasCount = 100
const maxDepth = 64

export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter()
  const at = (offset: number): YamlPosition => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const documents: YamlDocument[] = []
  const problems: YamlProblem[] = []
  const fail = (offset: number, message: string) => problems.push({ ...at(offset), message })
  for (const document of documentsOf(text, lines, fail)) {
    const faults = [...document.errors, ...document.warnings]
    for (const fault of faults) fail(fault.pos[0], `expected valid YAML, got: ${reasonOf(fault)}`)
    if (faults.length === 0) readDocument(document, { at, fail, documents })
  }
  return { documents, problems }
}

type Fail = (offset: number, message: string) => void

function documentsOf(text: string, lines: LineCounter, fail: Fail): readonly Document.Parsed[] {
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      resolveKnownTags: false,
      logLevel: 'silent',
    })
    return Array.isArray(documents) ? documents : []
  } catch (error) {
    if (!(error instanceof RangeError)) throw error // a bug of the parser is a bug; only its exhausted stack is expected
    fail(0, `expected at most ${maxDepth} levels of nesting, got many more`)
    return []
  }
}

const reasonOf = (fault: YAMLError): string => fault.message.split('\n')[0]?.replace(/:$/, '') ?? fault.code

interface Reading {
  readonly at: (offset: number) => YamlPosition
  readonly fail: Fail
  readonly documents: YamlDocument[]
}

function readDocument(document: Document.Parsed, { at, fail, documents }: Reading): void {
  const { contents } = document
  if (contents === null || (isScalar(contents) && contents.value === null)) return // nothing but comments
  if (document.directives.yaml.explicit && document.directives.yaml.version !== '1.2')
    return void fail(contents.range[0], `expected YAML 1.2, got ${document.directives.yaml.version}`)
  let sound = true
  const root = markOf(contents, {
    document,
    depth: 0,
    seen: new Map(),
    fail: (offset, message) => {
      sound = false
      fail(offset, message)
    },
  })
  if (!sound) return
  try {
    documents.push({ value: document.toJS({ maxAliasCount }), position: (path, part) => at(locate(root, path, part)) })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    fail(contents.range[0], `expected aliases that stand for at most ${maxAliasCount} values, got: ${why}`)
  }
}

/** Where a value begins, by offset; what is kept of the syntax tree, which is many times larger. */
interface Mark {
  readonly offset: number
  readonly collection: boolean
  readonly fields: Map<string | number, { readonly key?: number; readonly mark: Mark }>
  /** Levels below it. Undefined while they are walked. */
  height?: number
}

interface Walk {
  readonly document: Document.Parsed
  readonly depth: number
  /** Marks by node: what several aliases stand for is walked once. */
  readonly seen: Map<unknown, Mark>
  readonly fail: Fail
}

function markOf(node: unknown, walk: Walk): Mark {
  const target = isAlias(node) ? node.resolve(walk.document) : node
  const known = walk.seen.get(target)
  const mark: Mark = known ?? { offset: offsetOf(target ?? node), collection: isMap(target) || isSeq(target), fields: new Map() }
  const { height } = mark
  if (target === undefined) walk.fail(mark.offset, `expected an alias of an anchor that stands before it, got ${String(node)}`)
  else if (known === undefined) markChildren(mark, target, walk)
  else if (height === undefined)
    walk.fail(offsetOf(node), `expected an alias that is not part of what it stands for, got ${String(node)}`)
  if (walk.depth + (height ?? 0) > maxDepth) walk.fail(offsetOf(node), `expected at most ${maxDepth} levels of nesting, got more`)
  return mark
}

function markChildren(mark: Mark, target: unknown, walk: Walk): void {
  walk.seen.set(target, mark)
  if (isScalar(target)) checkScalar(target, mark.offset, walk.fail)
  else if (walk.depth > maxDepth)
    return // told by the caller
  else if (isMap(target)) for (const pair of target.items) markField(mark, pair, walk)
  else if (isSeq(target)) for (const [i, item] of target.items.entries()) mark.fields.set(i, { mark: markOf(item, deeper(walk)) })
  const heights = [...mark.fields.values()].map((field) => field.mark.height ?? 0)
  mark.height = heights.reduce((max, height) => Math.max(max, height + 1), 0)
}

function markField(parent: Mark, { key, value }: Pair, walk: Walk): void {
  const name = isScalar(key) ? String(key.value) : String(key)
  const keyOffset = offsetOf(key)
  const mark = value === null ? { offset: keyOffset, collection: false, fields: new Map() } : markOf(value, deeper(walk))
  parent.fields.set(name, { key: keyOffset, mark })
}

const deeper = (walk: Walk): Walk => ({ ...walk, depth: walk.depth + 1 })

function offsetOf(node: unknown): number {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  const start: unknown = Array.isArray(range) ? range[0] : undefined
  return typeof start === 'number' ? start : 0
}

/** `0815` would become 815 and 20-digit ids would be rounded: people who write them mean text. */
function checkScalar({ value, source }: Scalar, offset: number, fail: Fail): void {
  if (typeof value !== 'number') return
  const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
  if (!exact) fail(offset, `expected a number that JSON can hold (quote it if it is a text), got ${source ?? value}`)
  else if (/^[-+]?0[0-9]/.test(source ?? ''))
    fail(offset, `expected a number without leading zeros (quote it if it is a text), got ${source}`)
}

function locate(root: Mark, path: FieldPath, part: 'key' | 'value' = 'value'): number {
  let { offset } = root
  let mark = root
  for (const name of path) {
    const field = mark.fields.get(name)
    if (field === undefined) return offset
    mark = field.mark
    offset = field.key !== undefined && (part === 'key' || mark.collection) ? field.key : mark.offset
  }
  return offset
}
