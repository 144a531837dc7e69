/** What a config asks of one cluster: which streams and watches an object belongs to, who is to hold it, and as what. */
import type { Snapshot } from '@watch-hub/hub/config/model'
import { planFor } from '@watch-hub/hub/config/plan'
import { bodyHash } from '@watch-hub/shared/pipeline/hash'
import { compileMatch } from '@watch-hub/shared/pipeline/match'
import type { KubeObject } from '@watch-hub/shared/pipeline/object'
import { compileProjection } from '@watch-hub/shared/pipeline/project'
import type { Labels } from '@watch-hub/shared/pipeline/selector'
import { resourceName } from '@watch-hub/shared/protocol/plan'

/** One state of one object, with what else decides about it. */
export interface ObjectState {
  readonly resource: string
  readonly object: KubeObject
  readonly namespaceLabels: Labels
}

/** What one stream makes of a state. Only where some watch matches. */
export interface InStream {
  readonly stream: string
  /** Names of watches, sorted. */
  readonly matches: readonly string[]
  readonly body: string
  readonly hash: string
  readonly endpoints: ReadonlySet<string>
  /** By endpoint: the types that its matching watches tell. */
  readonly tells: ReadonlyMap<string, ReadonlySet<string>>
}

export type Judge = (state: ObjectState) => readonly InStream[]

const judges = new WeakMap<Snapshot, Map<string, Judge>>()

/** A cluster that is not declared, or is paused, asks for nothing. */
export const judgeOf = (snapshot: Snapshot, cluster: string): Judge =>
  snapshot.clusters.get(cluster)?.paused ? () => [] : judgeUnpaused(snapshot, cluster)

/** As if it were not paused. */
export function judgeUnpaused(snapshot: Snapshot, cluster: string): Judge {
  const known = judges.get(snapshot) ?? new Map<string, Judge>()
  judges.set(snapshot, known)
  const judge = known.get(cluster) ?? compileJudge(snapshot, cluster)
  known.set(cluster, judge)
  return judge
}

function compileJudge(snapshot: Snapshot, cluster: string): Judge {
  const plan = planFor(snapshot, cluster)
  if (plan === undefined) return () => []
  const streams = plan.streams.map((stream) => ({
    id: stream.id,
    resource: resourceName(stream),
    project: compileProjection(stream.projection),
    watches: stream.watches.map((watch) => ({ name: watch.name, watch })),
  }))
  return ({ resource, object, namespaceLabels }) =>
    streams
      .filter((stream) => stream.resource === resource)
      .flatMap(({ id, project, watches }) => {
        const context = { cluster: plan.cluster, namespaced: true, resource, namespaceLabels: () => namespaceLabels }
        const matches = watches.filter(({ watch }) => compileMatch(watch, context)(object) === 'in').map(({ name }) => name)
        if (matches.length === 0) return []
        const body = JSON.stringify(project(object))
        return [{ stream: id, matches: matches.sort(), body, hash: bodyHash(body), ...audienceOf(snapshot, matches) }]
      })
}

function audienceOf({ watches }: Snapshot, matches: readonly string[]): Pick<InStream, 'endpoints' | 'tells'> {
  const tells = new Map<string, Set<string>>()
  for (const name of matches) {
    const { endpoints = [], events = [] } = watches.get(name) ?? {}
    for (const endpoint of endpoints) tells.set(endpoint, new Set([...(tells.get(endpoint) ?? []), ...events]))
  }
  return { endpoints: new Set(tells.keys()), tells }
}

/** What the endpoint is to hold of this state; undefined = nothing. */
export const held = (judge: Judge, state: ObjectState, endpoint: string): InStream | undefined =>
  judge(state).find(({ endpoints }) => endpoints.has(endpoint))

/** By watch of the cluster: under which definition it matches, and who hears it. */
export function termsOf(
  snapshot: Snapshot,
  cluster: string,
): ReadonlyMap<string, { readonly definition: string; readonly endpoints: readonly string[] }> {
  const watches = planFor(snapshot, cluster)?.streams.flatMap((stream) => stream.watches) ?? []
  return new Map(
    watches.map(({ name, definition }) => [name, { definition, endpoints: snapshot.watches.get(name)?.endpoints ?? [] }]),
  )
}
