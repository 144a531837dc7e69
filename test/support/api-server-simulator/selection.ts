/** What a list or a watch asks for: a namespace, a label selector, and the two field selectors that every kind has. */
import { labelsOf } from '@watch-hub/shared/pipeline/object'
import { compileLabelSelector, parseLabelSelector, SelectorError } from '@watch-hub/shared/pipeline/selector'
import { badRequest } from './status.ts'
import type { State } from './store.ts'

export type Selects = (state: State) => boolean

export interface Selection {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

/** undefined: everything is asked for. Throws ApiError. */
export function selectionOf({ namespace, labelSelector, fieldSelector }: Selection): Selects | undefined {
  const tests: Selects[] = []
  if (namespace !== undefined) tests.push((state) => state.namespace === namespace)
  if (labelSelector) tests.push(byLabels(labelSelector))
  if (fieldSelector) tests.push(...fieldSelector.split(',').map(byField))
  return tests.length === 0 ? undefined : (state) => tests.every((test) => test(state))
}

function byLabels(text: string): Selects {
  try {
    const selects = compileLabelSelector(parseLabelSelector(text))
    return (state) => selects(labelsOf(state.fields))
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(`unable to parse requirement: ${error.message}`)
    throw error
  }
}

function byField(term: string): Selects {
  const [, field, not, value] = /^(metadata\.name|metadata\.namespace)(!?)={1,2}(.*)$/.exec(term) ?? []
  if (field === undefined) throw badRequest(`field label not supported: ${term}`)
  const of = field === 'metadata.name' ? (state: State) => state.name : (state: State) => state.namespace
  return (state) => (of(state) === value) === (not === '')
}
