/**
 * Stream: what becomes of one object on its way to the hub, for one projection.
 *
 * redact → match each watch → project → hash → compare with the index → entries, or nothing.
 *   an error of a watch's `when`  leaves the object as it was for that watch, in or out
 *   another uid, the same name    the old object is gone before the new one is added (law 3)
 *   an equal hash                 no body; equal watches too: nothing to say
 *                                 (while the index is in doubt, only of the version that the hub knows, and where no labels of namespaces count)
 *   no watch matches              nothing of it is projected, and nothing is said unless the hub knows the object
 * The index follows only when a change is applied, after its entry is in the outbox; until then the same object gives the same change again.
 */

import type { MatchContext } from '@watch-hub/shared/pipeline/conditions'
import { bodyHash } from '@watch-hub/shared/pipeline/hash'
import { compileMatch } from '@watch-hub/shared/pipeline/match'
import { type KubeObject, namespaceOf } from '@watch-hub/shared/pipeline/object'
import { compileProjection } from '@watch-hub/shared/pipeline/project'
import { compileRedaction } from '@watch-hub/shared/pipeline/redact'
import type { FrameStream, ObjectEntry } from '@watch-hub/shared/protocol/frames'
import { type Plan, resourceName, type StreamPlan } from '@watch-hub/shared/protocol/plan'
import type { ResourceKind } from './discovery.ts'
import type { Index, ObjectName, Row } from './index.ts'
import { type Origin, originOf } from './origin.ts'

/** An entry, and what to do once the outbox holds it. */
export interface Change {
  readonly entry: Omit<ObjectEntry, 's'>
  readonly apply: () => void
}

/** How and when the agent came to know. */
export interface Sighting {
  readonly cause: ObjectEntry['cause']
  readonly observedAt: number
}

export interface Stream {
  readonly frame: FrameStream
  readonly index: Index
  /** The object is there. `change` says what happened to it, as far as a watch tells. Apply the changes in order. */
  present(object: KubeObject, change: 'added' | 'modified', sighting: Sighting): readonly Change[]
  /** The object was deleted. */
  deleted(object: KubeObject, sighting: Sighting): readonly Change[]
  /** What the index holds and the list that began with `index.unseeAll` did not show. */
  missing(sighting: Sighting): Iterable<Change>
}

export interface StreamDeps {
  readonly cluster: Plan['cluster']
  readonly index: Index
  /** See MatchContext. */
  readonly namespaceLabels: NonNullable<MatchContext['namespaceLabels']>
  /** `when` of a watch failed on an object. */
  readonly onMatchError: (watch: string, error: string) => void
}

const nothing: readonly Change[] = []

/** Throws for a plan that this agent cannot follow. */
export function createStream(plan: StreamPlan, kind: ResourceKind, deps: StreamDeps): Stream {
  const { index } = deps
  const redact = compileRedaction(plan)
  const project = compileProjection(plan.projection)
  const matchesOf = compileMatches(plan, kind, deps)
  /** Then an object can have left a watch and come back under one version. */
  const byNamespaceLabels = plan.watches.some(({ namespaces }) => namespaces?.selector !== undefined)

  const gone = (row: Row, now: Sighted, origin: Origin = {}): Change => ({
    entry: { ...now, ...origin, uid: row.uid, change: 'gone', matches: [] },
    apply: () => index.delete(now, row.uid),
  })

  /** `row` is what the index holds of this very object, the same uid. */
  const compare = (seen: KubeObject, now: Sighted, row: Row | undefined, change: 'added' | 'modified'): Change | undefined => {
    const object = redact(seen)
    const { uid } = object.metadata
    const matches = matchesOf(object, row?.matches)
    if (matches.length === 0)
      return (
        row && { entry: { ...now, ...originOf(seen), uid, change: 'modified', matches }, apply: () => index.delete(now, uid) }
      )
    const body = JSON.stringify(project(object))
    const hash = bodyHash(body)
    const known = row?.resourceVersion === now.resourceVersion && !byNamespaceLabels
    const sameContent = row?.hash === hash && (known || !index.doubted)
    if (sameContent && row.matches === matches) return undefined
    return {
      entry: {
        ...{
          ...now,
          ...originOf(seen, { created: change === 'added' && now.cause === 'live' }),
          uid,
          change: row ? 'modified' : change,
          matches,
          hash,
        },
        ...(sameContent ? {} : { body }),
      },
      apply: () => index.set(now, { uid, resourceVersion: now.resourceVersion, hash, matches }),
    }
  }

  return {
    frame: frameStreamOf(plan.id, kind),
    index,
    present: (object, change, sighting) => {
      const now = sighted(object, sighting)
      const row = index.get(now)
      const same = row?.uid === object.metadata.uid
      if (same) index.see(now)
      const compared = compare(object, now, same ? row : undefined, change)
      const replaced = row !== undefined && !same ? [gone(row, { ...now, resourceVersion: row.resourceVersion })] : nothing
      return compared === undefined ? replaced : [...replaced, compared]
    },
    deleted: (object, sighting) => {
      const now = sighted(object, sighting)
      const row = index.get(now)
      return row?.uid === object.metadata.uid ? [gone(row, now, originOf(object, { gone: true }))] : nothing
    },
    *missing(sighting) {
      for (const { row, namespace, name } of index.unseen())
        yield gone(row, { namespace, name, resourceVersion: row.resourceVersion, ...sighting })
    },
  }
}

interface Sighted extends ObjectName, Sighting {
  readonly resourceVersion: string
}

const sighted = (object: KubeObject, { cause, observedAt }: Sighting): Sighted => ({
  namespace: namespaceOf(object),
  name: object.metadata.name,
  resourceVersion: object.metadata.resourceVersion,
  cause,
  observedAt,
})

const frameStreamOf = (id: string, { group, resource, version, kind, namespaced }: ResourceKind): FrameStream => ({
  id,
  group,
  resource,
  version,
  kind,
  namespaced,
})

type MatchesOf = (object: KubeObject, before: readonly string[] | undefined) => readonly string[]

/** Names of the watches that match, sorted; `before` decides where a watch cannot tell. */
function compileMatches(plan: StreamPlan, kind: ResourceKind, deps: StreamDeps): MatchesOf {
  const { cluster, namespaceLabels, index, onMatchError } = deps
  const context = { cluster, namespaced: kind.namespaced, resource: resourceName(kind), namespaceLabels }
  const watches = plan.watches
    .map((watch) => ({ name: watch.name, test: compileMatch(watch, context) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return (object, before) => {
    const names: string[] = []
    for (const { name, test } of watches) {
      const result = test(object)
      if (typeof result === 'object') onMatchError(name, result.error)
      if (result === 'in' || (typeof result === 'object' && before?.includes(name))) names.push(name)
    }
    return index.matchSet(names)
  }
}
