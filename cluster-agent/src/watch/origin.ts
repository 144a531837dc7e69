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

export function originOf({ metadata }: KubeObject): Origin {
  const changedAt = changeTime(metadata)
  const annotation = isRecord(metadata.annotations) ? metadata.annotations[traceAnnotation] : undefined
  const linked = typeof annotation === 'string' && parseTraceparent(annotation) !== undefined ? annotation : undefined
  return { ...(changedAt !== undefined && { changedAt }), ...(linked !== undefined && { linked }) }
}

/** The latest of what the server noted: a field manager's last write, the creation, the beginning of the deletion. */
function changeTime(metadata: KubeObject['metadata']): number | undefined {
  const managers: readonly unknown[] = Array.isArray(metadata.managedFields) ? metadata.managedFields : []
  const writes = managers.map((manager) => (isRecord(manager) ? manager.time : undefined))
  const times = [metadata.creationTimestamp, metadata.deletionTimestamp, ...writes].flatMap(timeOf)
  return times.length === 0 ? undefined : Math.max(...times)
}

function timeOf(text: unknown): readonly number[] {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN
  return Number.isSafeInteger(ms) ? [ms] : []
}
