/**
 * The conditions of a watch, each with a name, a test and a sentence: matching (`match.ts`) runs the tests, `why` tells the sentences, so that
 * what is told is what is done. Cheap ones come first: namespace, labels, then `when`.
 *
 * Sentences name what the watch says, the names of namespaces, and keys of labels that the watch names. Nothing else of an object is in them.
 */
import type { Plan, WatchPlan } from '../protocol/plan.ts'
import { compileWhen, type WhenResult } from './cel.ts'
import { compileGlobs } from './glob.ts'
import { type KubeObject, labelsOf } from './object.ts'
import { compileLabelSelector, compileRequirements, type Labels } from './selector.ts'

/** An error of `when` is no answer: the caller leaves the object as it was, in or out. */
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

/** The part of a manifest that it comes from. */
export type ConditionField = 'namespaces.include' | 'namespaces.exclude' | 'namespaces.selector' | 'labelSelector' | 'when'

export interface Condition<O> {
  readonly field: ConditionField
  readonly test: (object: O) => MatchResult
  /** Why it holds, or does not. One line. */
  readonly tell: (object: O) => string
}

/** An object as far as its name goes: enough for conditions that look at no more. */
export interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

/** Throws SelectorError or WhenError for a watch that the config check refuses. */
export const compileConditions = (watch: WatchPlan, context: MatchContext): readonly Condition<KubeObject>[] => [
  ...nameConditions(watch.namespaces, context),
  ...namespaceSelector(watch, context),
  ...labelCondition(watch),
  ...whenCondition(watch, context),
]

/** Those that the names alone decide. A namespace is matched by its own name; other cluster-scoped kinds have no namespace to ask about. */
export function nameConditions(
  { include, exclude }: Pick<WatchPlan['namespaces'], 'include' | 'exclude'>,
  context: Pick<MatchContext, 'namespaced' | 'resource'>,
): readonly Condition<Named>[] {
  if (!hasNamespace(context)) return []
  const nameOf = isNamespaces(context)
    ? ({ metadata }: Named) => metadata.name
    : ({ metadata }: Named) => metadata.namespace ?? ''
  const conditions: Condition<Named>[] = []
  if (include.length > 0) {
    const included = compileGlobs(include)
    conditions.push({
      field: 'namespaces.include',
      test: (object) => (included(nameOf(object)) ? 'in' : 'out'),
      tell: (object) => `"${nameOf(object)}" ${included(nameOf(object)) ? 'in' : 'not in'} ${listed(include)}`,
    })
  }
  if (exclude.length > 0) {
    const excluded = compileGlobs(exclude)
    conditions.push({
      field: 'namespaces.exclude',
      test: (object) => (excluded(nameOf(object)) ? 'out' : 'in'),
      tell: (object) => `"${nameOf(object)}" ${excluded(nameOf(object)) ? 'excluded by' : 'not excluded by'} ${listed(exclude)}`,
    })
  }
  return conditions
}

const isNamespaces = ({ resource }: Pick<MatchContext, 'resource'>): boolean => resource === 'namespaces'
const hasNamespace = (context: Pick<MatchContext, 'namespaced' | 'resource'>): boolean =>
  context.namespaced || isNamespaces(context)

function namespaceSelector({ namespaces: { selector } }: WatchPlan, context: MatchContext): readonly Condition<KubeObject>[] {
  if (selector === undefined || !hasNamespace(context)) return []
  const selects = compileLabelSelector(selector)
  const unmet = compileUnmet(selector)
  const itself = isNamespaces(context)
  const namespaceOf = ({ metadata }: KubeObject) => (itself ? metadata.name : (metadata.namespace ?? ''))
  const labels = itself ? labelsOf : (object: KubeObject) => context.namespaceLabels?.(namespaceOf(object))
  return [
    {
      field: 'namespaces.selector',
      test: (object) => {
        const known = labels(object)
        return known !== undefined && selects(known) ? 'in' : 'out'
      },
      tell: (object) => {
        const known = labels(object)
        if (known === undefined) return `the labels of namespace "${namespaceOf(object)}" are not known`
        return unmet(known) ?? `the labels of namespace "${namespaceOf(object)}" match`
      },
    },
  ]
}

function labelCondition({ labelSelector }: WatchPlan): readonly Condition<KubeObject>[] {
  if (labelSelector === undefined) return []
  const selects = compileLabelSelector(labelSelector)
  const unmet = compileUnmet(labelSelector)
  return [
    {
      field: 'labelSelector',
      test: (object) => (selects(labelsOf(object)) ? 'in' : 'out'),
      tell: (object) => unmet(labelsOf(object)) ?? 'the labels match',
    },
  ]
}

/** The first requirement that the labels do not meet, in words without their values. */
function compileUnmet(selector: NonNullable<WatchPlan['labelSelector']>): (labels: Labels) => string | undefined {
  const requirements = compileRequirements(selector)
  return (labels) => {
    const first = requirements.find(({ test }) => !test(labels))
    if (first === undefined) return undefined
    const { key, text } = first
    const why = !Object.hasOwn(labels, key)
      ? `there is no label ${key}`
      : text === `!${key}`
        ? `there is a label ${key}`
        : `${key} has another value`
    return `${text} does not hold: ${why}`
  }
}

function whenCondition(watch: WatchPlan, { cluster }: MatchContext): readonly Condition<KubeObject>[] {
  if (watch.when === undefined) return []
  const when = compileWhen(watch.when)
  return [
    {
      field: 'when',
      test: (object) => matchOf(when(object, cluster)),
      tell: (object) => whenText(when(object, cluster)),
    },
  ]
}

function matchOf(result: WhenResult): MatchResult {
  if (result === 'match') return 'in'
  return result === 'no-match' || result === 'missing' ? 'out' : result
}

function whenText(result: WhenResult): string {
  if (typeof result === 'object') return `cannot be told, so the object stays as it was: ${result.error}`
  return { match: 'is true', 'no-match': 'is false', missing: 'a key or an element that it reads is missing' }[result]
}

const shownGlobs = 10
const listed = (globs: readonly string[]): string =>
  `[${globs.slice(0, shownGlobs).join(', ')}${globs.length > shownGlobs ? `, … ${globs.length - shownGlobs} more` : ''}]`
