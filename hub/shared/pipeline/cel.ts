/**
 * `when`: a CEL expression over `object` and `cluster` {name, labels}. Whoever can commit writes it, every object of a kind runs through it,
 * so its cost is bounded before it runs: length, nodes, nesting, loops in loops, and regular expressions that are constant and linear (RE2).
 *
 * What it comes to: true is a match; false, a missing key and a missing element are none; any other run-time error is told as it is, and the
 * caller leaves the object as it was. Numbers of an object are doubles: `object.spec.replicas > 3` and `== 3` work, arithmetic wants `int(…)` around them.
 */
import { type ASTNode, Environment, EvaluationError, ParseError, TypeError as TypeCheckError } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { isRecord } from '../protocol/decode.ts'
import type { Plan } from '../protocol/plan.ts'
import type { KubeObject } from './object.ts'

export type WhenResult = 'match' | 'no-match' | { readonly error: string }
export type When = (object: KubeObject, cluster: Plan['cluster']) => WhenResult

export class WhenError extends Error {
  override readonly name = 'WhenError'
}

const maxLength = 4096
/** Loops within loops: 2 lets a rule look at the ports of each container. */
const maxLoopDepth = 2
/** A measure of RE2's work per character. */
const maxPatternSize = 2000
const limits = { maxAstNodes: 1000, maxDepth: 64, maxListElements: 250, maxMapEntries: 100, maxCallArguments: 8 }

const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])
/** With these a short expression makes a large value out of a small one, again and again. */
const unbounded = new Set(['bind', 'join'])
/** Takes the place of `matches`, which runs on the backtracking engine of JavaScript and cannot be registered anew. */
const linearMatches = 'matchesLinear'

/** What is wrong with the expression, and where in it; undefined when it can run. */
export function checkWhen(source: string): string | undefined {
  try {
    const { valid, type, error } = parse(source, 'check').check()
    if (!valid) return `expected a CEL expression, got: ${reason(error)}`
    return type === 'bool' || type === 'dyn' ? undefined : `expected an expression that is true or false, got one of type ${type}`
  } catch (error) {
    return `expected a CEL expression, got: ${reason(error)}`
  }
}

/** Throws WhenError for an expression that `checkWhen` refuses. */
export function compileWhen(source: string): When {
  const problem = checkWhen(source)
  if (problem !== undefined) throw new WhenError(problem)
  const run = parse(source, 'run')
  return (object, cluster) => {
    try {
      return resultOf(run({ object, cluster }))
    } catch (error) {
      if (!hasCode(error, 'unsupported_type')) return failed(error)
    }
    try {
      return resultOf(run({ object: asMaps(object), cluster: asMaps(cluster) }))
    } catch (error) {
      return failed(error)
    }
  }
}

function resultOf(value: unknown): WhenResult {
  if (typeof value === 'boolean') return value ? 'match' : 'no-match'
  return { error: `expected true or false, got a ${value === null ? 'null' : typeof value}` }
}

function failed(error: unknown): WhenResult {
  return hasCode(error, 'no_such_key') || hasCode(error, 'index_out_of_bounds') ? 'no-match' : { error: reason(error) }
}

const hasCode = (error: unknown, code: string): boolean => error instanceof EvaluationError && error.code === code

/** The library tells types by `constructor` and stumbles over objects that hold a key of that name (a label may); maps it reads whatever they hold. */
function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps)
  if (!isRecord(value)) return value
  return new Map(Object.entries(value).map(([key, each]) => [key, asMaps(each)]))
}

/** Throws an error of the parser, or WhenError for what costs too much. */
function parse(source: string, purpose: 'check' | 'run'): ReturnType<Environment['parse']> {
  if (source.length > maxLength) throw new WhenError(`at most ${maxLength} characters are allowed, got ${source.length}`)
  const patterns = new Map<string, RE2JS>()
  const run = environment(patterns, purpose).parse(source)
  bound(run.ast, patterns, 0)
  return run
}

/** While checking, `cluster` has exactly its two fields; at run time that knowledge would cost a conversion per object. */
function environment(patterns: ReadonlyMap<string, RE2JS>, purpose: 'check' | 'run'): Environment {
  const known = { name: 'cluster', schema: { name: 'string', labels: 'map<string, string>' } }
  const env = new Environment({ limits, homogeneousAggregateLiterals: false, enableOptionalTypes: true })
    .registerVariable('object', 'dyn')
    .registerFunction(`string.${linearMatches}(string): bool`, (text: string, pattern: string) =>
      patterns.get(pattern)?.test(text),
    )
  return purpose === 'check' ? env.registerVariable(known) : env.registerVariable('cluster', 'dyn')
}

/** Walks the expression: refuses what has no bound, turns `matches` into its linear twin, and compiles each pattern once. */
function bound(node: ASTNode, patterns: Map<string, RE2JS>, depth: number): void {
  if (node.op === 'rcall') {
    const [name, receiver, args] = node.args
    if (unbounded.has(name)) throw refused(`${name}() is not supported: its cost has no bound`, node)
    if (name === 'matches') linear(node, args, patterns)
    const inside = loops.has(name) ? depth + 1 : depth
    if (inside > maxLoopDepth) throw refused(`at most ${maxLoopDepth} loops (all, exists, map, filter …) may be nested`, node)
    bound(receiver, patterns, depth)
    for (const arg of args) bound(arg, patterns, inside)
  } else for (const child of childrenOf(node)) bound(child, patterns, depth)
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return []
    case '.':
    case '.?':
      return [node.args[0]]
    case 'call':
      return node.args[1]
    case 'rcall':
      return [node.args[1], ...node.args[2]]
    case 'map':
      return node.args.flat()
    case '!_':
    case '-_':
      return [node.args]
    default:
      return node.args
  }
}

function linear(node: ASTNode & { readonly op: 'rcall' }, args: readonly ASTNode[], patterns: Map<string, RE2JS>): void {
  const [pattern] = args
  if (pattern?.op !== 'value' || typeof pattern.args !== 'string' || args.length !== 1)
    throw refused('matches() takes one constant pattern in quotes', node)
  patterns.set(pattern.args, compilePattern(pattern.args, pattern))
  node.args[0] = linearMatches
}

function compilePattern(pattern: string, node: ASTNode): RE2JS {
  const compiled = compiledOrWhy(pattern)
  if (typeof compiled === 'string') throw refused(`matches() takes a pattern in RE2 syntax: ${compiled}`, node)
  if (compiled.programSize() > maxPatternSize) throw refused('the pattern of matches() is too large: use smaller counts', node)
  return compiled
}

function compiledOrWhy(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const refused = (problem: string, node: ASTNode): WhenError => new WhenError(`${problem}${place(node.input, node.start)}`)

/** The library's sentence, without its drawing of the source, and the place. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error instanceof EvaluationError || error instanceof ParseError || error instanceof TypeCheckError)) return error.message
  const { summary, node, range } = error
  const at = node?.input === undefined || range === undefined ? '' : place(node.input, range.start)
  return `${summary.replaceAll(linearMatches, 'matches')}${at}`
}

function place(source: string, offset: number): string {
  const before = source.slice(0, offset).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  return before.length === 1 ? ` (column ${column})` : ` (line ${before.length}, column ${column})`
}
