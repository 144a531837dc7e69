/** What a plan asks for, kind by kind. Pure. Two wants with one signature are one and the same: what runs for the first goes on for the second. */

import { compileLabelSelector, type Labels } from '@watch-hub/shared/pipeline/selector'
import { type Plan, resourceName, type StreamPlan, type WatchPlan } from '@watch-hub/shared/protocol/plan'
import type { KindRef } from './discovery.ts'

export interface WantedStream {
  readonly plan: StreamPlan
  readonly signature: string
}

export interface WantedKind {
  readonly ref: KindRef
  /** Sorted by id. */
  readonly streams: readonly WantedStream[]
  /** A watch of it selects namespaces by their labels. */
  readonly usesNamespaceLabels: boolean
  /** It is the kind `namespaces`, and other kinds need those labels. */
  readonly feedsNamespaceLabels: boolean
  readonly signature: string
}

const namespaces: KindRef = { group: '', resource: 'namespaces' }

/** By key: resource and version. A paused plan asks for nothing. */
export function wantedKinds(plan: Plan): ReadonlyMap<string, WantedKind> {
  if (plan.paused) return new Map()
  const streams = Map.groupBy(plan.streams, keyOf)
  const anyUsesLabels = plan.streams.some(usesNamespaceLabels)
  if (anyUsesLabels && !streams.has(keyOf(namespaces))) streams.set(keyOf(namespaces), [])
  return new Map(
    [...streams].map(([key, of]) => [key, wantedKind(plan, { key, of, feeds: anyUsesLabels && key === keyOf(namespaces) })]),
  )
}

const keyOf = (ref: KindRef): string => `${resourceName(ref)}/${ref.version ?? ''}`

function wantedKind(
  plan: Plan,
  { key, of, feeds }: { readonly key: string; readonly of: readonly StreamPlan[]; readonly feeds: boolean },
): WantedKind {
  const streams = of
    .map((stream) => ({ plan: stream, signature: signatureOf(stream, plan.cluster) }))
    .sort((a, b) => (a.plan.id < b.plan.id ? -1 : 1))
  const first = of[0]
  return {
    ref: first === undefined ? namespaces : refOf(first),
    streams,
    usesNamespaceLabels: of.some(usesNamespaceLabels),
    feedsNamespaceLabels: feeds,
    signature: JSON.stringify([key, feeds, ...streams.map(({ signature }) => signature)]),
  }
}

const refOf = ({ group, resource, version }: StreamPlan): KindRef => ({
  group,
  resource,
  ...(version === undefined ? {} : { version }),
})

/** The cluster's labels count where `when` may look at them. */
const signatureOf = (stream: StreamPlan, cluster: Plan['cluster']): string =>
  JSON.stringify([stream, stream.watches.some(({ when }) => when !== undefined) ? cluster : null])

/** A namespace's own selector reads the labels of the object itself. */
const usesNamespaceLabels = (stream: StreamPlan): boolean =>
  !(stream.group === '' && stream.resource === 'namespaces') && selectorsOf(stream).length > 0

const selectorsOf = (stream: StreamPlan) =>
  stream.watches.flatMap(({ namespaces: { selector } }: WatchPlan) => (selector === undefined ? [] : [selector]))

/** Does this change of a namespace's labels change what the kind matches? `before` is undefined for a namespace that was not known. */
export function compileAffected(kind: WantedKind): (before: Labels | undefined, after: Labels) => boolean {
  if (!kind.usesNamespaceLabels) return () => false
  try {
    const selects = kind.streams.flatMap(({ plan }) => selectorsOf(plan)).map(compileLabelSelector)
    return (before, after) => selects.some((select) => (before !== undefined && select(before)) !== select(after))
  } catch {
    return () => false // the kind says for itself that it does not understand the selector, and does not run
  }
}
