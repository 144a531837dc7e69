/**
 * `when`: a CEL expression over `object` and `cluster` {name, labels}. Every object of a kind runs through it.
 *
 * What it comes to: true is a match; false, a missing key and a missing element are none; any other run-time error is told as it is, and the
 * caller leaves the object as it was.
 */
import type { Plan } from '../protocol/plan.ts'
import { CelError, type Expression, hasCode, type Language, parseCel, reasonOf, runOn } from './cel-language.ts'
import type { KubeObject } from './object.ts'

/** `missing`: no match either, because a key or an element is not there. */
export type WhenResult = 'match' | 'no-match' | 'missing' | { readonly error: string }
export type When = (object: KubeObject, cluster: Plan['cluster']) => WhenResult

export class WhenError extends CelError {
  override readonly name = 'WhenError'
}

/** Two loops within each other let a rule look at the ports of each container. */
const bounds = { maxLoopDepth: 2, without: new Set(['bind', 'join']) }

/** What is wrong with the expression, and where in it; undefined when it can run. */
export function checkWhen(source: string): string | undefined {
  try {
    const { valid, type, error } = parse(source, 'check').check()
    if (!valid) return `expected a CEL expression, got: ${reasonOf(error)}`
    return type === 'bool' || type === 'dyn' ? undefined : `expected an expression that is true or false, got one of type ${type}`
  } catch (error) {
    return `expected a CEL expression, got: ${reasonOf(error)}`
  }
}

/** Throws WhenError for an expression that `checkWhen` refuses. */
export function compileWhen(source: string): When {
  const problem = checkWhen(source)
  if (problem !== undefined) throw new WhenError(problem)
  const expression = parse(source, 'run')
  return (object, cluster) => {
    try {
      return resultOf(runOn(expression, { object, cluster }))
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
  return hasCode(error, 'no_such_key') || hasCode(error, 'index_out_of_bounds') ? 'missing' : { error: reasonOf(error) }
}

const parse = (source: string, purpose: 'check' | 'run'): Expression =>
  parseCel(source, bounds, (language) => declare(language, purpose))

/** While checking, `cluster` has exactly its two fields; at run time that knowledge would cost a conversion per object. */
function declare(language: Language, purpose: 'check' | 'run'): Language {
  const known = { name: 'cluster', schema: { name: 'string', labels: 'map<string, string>' } }
  const withObject = language.registerVariable('object', 'dyn')
  return purpose === 'check' ? withObject.registerVariable(known) : withObject.registerVariable('cluster', 'dyn')
}
