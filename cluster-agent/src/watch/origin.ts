/**
 * Where a change comes from, as far as its object tells: when the API server made it, and the trace that its author says it belongs to.
 * Read from the object as it came, before anything is redacted or projected; nothing of it decides what is told.
 */

import type { KubeObject } from '@watch-hub/shared/pipeline/object'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import type { ObjectEntry } from '@watch-hub/shared/protocol/frames'
import { parseTraceparent } from '@watch-hub/shared/protocol/traceparent'

export type Origin = Pick<ObjectEntry, 'changedAt' | 'linked'>

/** KEP-5915: written by whoever changes an object, read and never written here. */
const traceAnnotation = 'tracing.k8s.io/traceparent'

/** What is known of the sighting: `gone` = the object was deleted; `created` = a watch told that it is new. */
export interface Sight {
  readonly gone?: boolean
  readonly created?: boolean
}

export function originOf({ metadata }: KubeObject, sight: Sight = {}): Origin {
  const changedAt = sight.gone ? undefined : changeTime(metadata, sight)
  const annotation = isRecord(metadata.annotations) ? metadata.annotations[traceAnnotation] : undefined
  const linked = typeof annotation === 'string' && parseTraceparent(annotation) !== undefined ? annotation : undefined
  return { ...(changedAt !== undefined && { changedAt }), ...(linked !== undefined && { linked }) }
}

/**
 * The latest of what the server noted: a field manager's last write, the request to delete it, the creation of what is new. The creation says
 * nothing of later changes, and no field says when an object was finally gone.
 */
function changeTime(metadata: KubeObject['metadata'], { created = false }: Sight): number | undefined {
  const managers: readonly unknown[] = Array.isArray(metadata.managedFields) ? metadata.managedFields : []
  const writes = managers.map((manager) => (isRecord(manager) ? manager.time : undefined))
  const noted = [...writes, ...(created ? [metadata.creationTimestamp] : [])].flatMap(timeOf)
  const times = [...noted, ...deletionRequest(metadata)]
  return times.length === 0 ? undefined : Math.max(...times)
}

/** `deletionTimestamp` is when the grace period ends: the request came that much earlier. */
function deletionRequest({ deletionTimestamp, deletionGracePeriodSeconds: grace }: KubeObject['metadata']): readonly number[] {
  const graceMs = typeof grace === 'number' && Number.isSafeInteger(grace) ? grace * 1_000 : 0
  return timeOf(deletionTimestamp).map((end) => Math.max(0, end - graceMs))
}

function timeOf(text: unknown): readonly number[] {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN
  return Number.isSafeInteger(ms) ? [ms] : []
}
