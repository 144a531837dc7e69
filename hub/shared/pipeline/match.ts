/**
 * Does an object belong to a watch? It does when every condition holds (`conditions.ts`); the first one that does not decides. An error of `when`
 * is no answer: the caller leaves the object as it was, in or out. Secrets are redacted before they come here.
 */
import type { ConditionVerdict } from '../protocol/explain.ts'
import type { WatchPlan } from '../protocol/plan.ts'
import { type Condition, compileConditions, type MatchContext, type MatchResult } from './conditions.ts'
import type { KubeObject } from './object.ts'

/** Throws SelectorError or WhenError for a watch that the config check refuses. */
export function compileMatch(watch: WatchPlan, context: MatchContext): (object: KubeObject) => MatchResult {
  const conditions = compileConditions(watch, context)
  return (object) => {
    for (const { test } of conditions) {
      const result = test(object)
      if (result !== 'in') return result
    }
    return 'in'
  }
}

/** Longest sentence of one condition. */
const maxDetail = 400

/** What one condition says of an object, for people. */
export function verdictOf<O>({ field, test, tell }: Condition<O>, object: O): ConditionVerdict {
  const result = test(object)
  const detail = tell(object)
  return {
    field,
    verdict: typeof result === 'object' ? 'unclear' : result === 'in' ? 'holds' : 'fails',
    detail: detail.length > maxDetail ? `${detail.slice(0, maxDetail)}…` : detail,
  }
}

/** Every condition by itself, in their order; those behind one that fails, too. Throws as `compileMatch` does. */
export function explainMatch(watch: WatchPlan, context: MatchContext): (object: KubeObject) => readonly ConditionVerdict[] {
  const conditions = compileConditions(watch, context)
  return (object) => conditions.map((condition) => verdictOf(condition, object))
}
