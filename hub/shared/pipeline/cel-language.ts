/**
 * CEL as this project lets people write it: whoever can commit writes it, so its cost is bounded before it runs: length, nodes, nesting, loops
 * in loops, and regular expressions that are constant and linear (RE2).
 *
 * Numbers of JSON are doubles: `x > 3` and `x == 3` work, arithmetic wants `int(x)` or `3.0`. What an expression is about and what it has
 * to yield is said by its users: `cel.ts` (`when`) and `cel-body.ts` (`body`).
 */
import { type ASTNode, Environment, EvaluationError, ParseError, TypeError as TypeCheckError } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { isRecord } from '../protocol/decode.ts'

export class CelError extends Error {
  override readonly name: string = 'CelError'
}

/** An environment of the library: variables and functions may be registered with it. */
export type Language = Environment
/** Call it with the variables. */
export type Expression = ReturnType<Environment['parse']>

export interface CelBounds {
  /** Characters. @default 4096 */
  readonly maxLength?: number
  /** Loops within loops. */
  readonly maxLoopDepth: number
  /** Functions that are refused: with them a short expression makes a large value out of a small one, again and again. */
  readonly without: ReadonlySet<string>
}

/** A measure of RE2's work per character. */
const maxPatternSize = 2000
const limits = { maxAstNodes: 1000, maxDepth: 64, maxListElements: 250, maxMapEntries: 100, maxCallArguments: 8 }

const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])
/** Takes the place of `matches`, which runs on the backtracking engine of JavaScript and cannot be registered anew. */
const linearMatches = 'matchesLinear'

/** Throws an error of the parser, or CelError for what costs too much. `reasonOf` tells both to people. */
export function parseCel(source: string, bounds: CelBounds, declare: (language: Language) => Language): Expression {
  const { maxLength = 4096 } = bounds
  if (source.length > maxLength) throw new CelError(`at most ${maxLength} characters are allowed, got ${source.length}`)
  const patterns = new Map<string, RE2JS>()
  const expression = declare(languageWith(patterns)).parse(source)
  bound(expression.ast, { ...bounds, patterns, depth: 0 })
  return expression
}

const languageWith = (patterns: ReadonlyMap<string, RE2JS>): Environment =>
  new Environment({ limits, homogeneousAggregateLiterals: false, enableOptionalTypes: true }).registerFunction(
    `string.${linearMatches}(string): bool`,
    (text: string, pattern: string) => patterns.get(pattern)?.test(text),
  )

/** True where running an expression failed for this reason. */
export const hasCode = (error: unknown, code: string): boolean => error instanceof EvaluationError && error.code === code

/**
 * Runs it on values of JSON. The library tells types by `constructor` and stumbles over objects that hold a key of that name (a label may);
 * maps it reads whatever they hold.
 */
export function runOn(expression: Expression, variables: Readonly<Record<string, unknown>>): unknown {
  try {
    return expression(variables)
  } catch (error) {
    if (!hasCode(error, 'unsupported_type')) throw error
  }
  return expression(Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, asMaps(value)])))
}

function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps)
  if (!isRecord(value)) return value
  return new Map(Object.entries(value).map(([key, each]) => [key, asMaps(each)]))
}

interface Walk extends CelBounds {
  readonly patterns: Map<string, RE2JS>
  /** Loops around it. */
  readonly depth: number
}

/** Walks the expression: refuses what has no bound, turns `matches` into its linear twin, and compiles each pattern once. */
function bound(node: ASTNode, walk: Walk): void {
  if (node.op === 'rcall') {
    const [name, receiver, args] = node.args
    const { maxLoopDepth, without, patterns, depth } = walk
    if (without.has(name)) throw refused(`${name}() is not supported: its cost has no bound`, node)
    if (name === 'matches') linear(node, args, patterns)
    const inside = loops.has(name) ? depth + 1 : depth
    if (inside > maxLoopDepth) throw refused(`at most ${maxLoopDepth} loops (all, exists, map, filter …) may be nested`, node)
    bound(receiver, walk)
    for (const arg of args) bound(arg, { ...walk, depth: inside })
  } else for (const child of childrenOf(node)) bound(child, walk)
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

const refused = (problem: string, node: ASTNode): CelError => new CelError(`${problem}${place(node.input, node.start)}`)

/** The library's sentence, without its drawing of the source, and the place. */
export function reasonOf(error: unknown): string {
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
