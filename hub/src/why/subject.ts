/** What is asked about, and all that is known for the answer. */
import type { StreamVerdict } from '@watch-hub/shared/protocol/explain'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import type { KindName } from '../config/kind-names.ts'
import type { Snapshot, SourceRef } from '../config/model.ts'
import type { Check, Mark } from './model.ts'

/** The object by its full name. */
export interface Subject extends KindName {
  readonly cluster: string
  /** "" for kinds that have none. */
  readonly namespace: string
  readonly name: string
  /** Of the kind. */
  readonly namespaced: boolean
  /** As the API server serves the kind; absent while nobody could ask it. */
  readonly version?: string
}

export interface Findings {
  readonly subject: Subject
  readonly snapshot: Snapshot
  /** That the cluster's agent is to follow. */
  readonly plan: Plan
  /** Of the kind, by the agent; none when it was not asked, or has no such stream. */
  readonly streams: readonly StreamVerdict[]
  /** Hash of the plan that the agent spoke of. */
  readonly agentPlan?: string
  /** Why the agent said nothing; absent when it did. */
  readonly silence?: string
}

export const check = (about: string, mark: Mark, detail: string, at?: SourceRef): Check => ({
  about,
  mark,
  detail,
  ...(at !== undefined && { at }),
})

export const yesOrNo = (holds: boolean): Mark => (holds ? 'yes' : 'no')

/** For people; the rest of a long list is counted. */
export function listed(items: readonly string[], most = 8): string {
  const more = items.length > most ? `, … ${items.length - most} more` : ''
  return `${items.slice(0, most).join(', ')}${more}`
}
