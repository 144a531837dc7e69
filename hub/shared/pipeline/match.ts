/**
 * Does an object belong to a watch? Cheap tests first: namespace, labels, then `when`. An error of `when` is no answer:
 * the caller leaves the object as it was, in or out. Secrets are redacted before they come here.
 */
import type { Plan, WatchPlan } from '../protocol/plan.ts'
import { compileWhen, type WhenResult } from './cel.ts'
import { compileGlobs } from './glob.ts'
import { type KubeObject, labelsOf, namespaceOf } from './object.ts'
import { compileLabelSelector, type Labels } from './selector.ts'

export type MatchResult = 'in' | 'out' | { readonly error: string }

export interface MatchContext {
  readonly cluster: Plan['cluster']
  /** Of the kind. */
  readonly namespaced: boolean
  /** `services`, `deployments.apps`. */
  readonly resource: string
  /** Labels of a namespace, undefined when it is not known (yet): the object is out then. Needed for a namespace selector on namespaced kinds. */
  readonly namespaceLabels?: (namespace: string) => Labels | undefined
}

type Test = (object: KubeObject) => boolean

/** Throws SelectorError or WhenError for a watch that the config check refuses. */
export function compileMatch(watch: WatchPlan, context: MatchContext): (object: KubeObject) => MatchResult {
  const tests: readonly Test[] = [...namespaceTests(watch, context), ...labelTests(watch)]
  const when = watch.when === undefined ? () => 'match' as const : compileWhen(watch.when)
  return (object) => (tests.every((test) => test(object)) ? resultOf(when(object, context.cluster)) : 'out')
}

function resultOf(result: WhenResult): MatchResult {
  if (result === 'match') return 'in'
  return result === 'no-match' ? 'out' : result
}

function labelTests({ labelSelector }: WatchPlan): readonly Test[] {
  if (labelSelector === undefined) return []
  const selects = compileLabelSelector(labelSelector)
  return [(object) => selects(labelsOf(object))]
}

/** A namespace is matched by its own name and labels; other cluster-scoped kinds have no namespace to ask about. */
function namespaceTests({ namespaces }: WatchPlan, context: MatchContext): readonly Test[] {
  const itself = context.resource === 'namespaces'
  if (!context.namespaced && !itself) return []
  const nameOf = itself ? (object: KubeObject) => object.metadata.name : namespaceOf
  const tests: Test[] = []
  if (namespaces.include.length > 0) {
    const included = compileGlobs(namespaces.include)
    tests.push((object) => included(nameOf(object)))
  }
  if (namespaces.exclude.length > 0) {
    const excluded = compileGlobs(namespaces.exclude)
    tests.push((object) => !excluded(nameOf(object)))
  }
  if (namespaces.selector !== undefined) {
    const selects = compileLabelSelector(namespaces.selector)
    const labels = itself ? labelsOf : (object: KubeObject) => context.namespaceLabels?.(namespaceOf(object))
    tests.push((object) => {
      const known = labels(object)
      return known !== undefined && selects(known)
    })
  }
  return tests
}
