/**
 * What of an object leaves the cluster. `keep` first (none = everything), then `prune`.
 *  - `apiVersion`, `kind` and metadata's `name`, `namespace`, `uid` always stay: they are the object's identity.
 *  - `metadata.managedFields` and the annotation that `kubectl apply` writes go, unless a keep path names them.
 *  - `metadata.resourceVersion` always goes: it is told beside the body, and a body that changes with nothing else could not be compared.
 */
import { isRecord } from '../protocol/decode.ts'
import type { KubeObject } from './object.ts'
import { type Path, parsePath } from './path.ts'
import { pick, treeOf, without } from './tree.ts'

/** A projected object: what travels as the body. It has an identity but no resourceVersion, so it is no `KubeObject` any more. */
export type Body = Readonly<Record<string, unknown>>

/** Holds a whole earlier version of the object as text. */
export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

const noise = ['metadata.managedFields', `metadata.annotations['${lastApplied}']`].map(parsePath)

export interface Projection {
  /** Paths; empty = the whole object. */
  readonly keep: readonly string[]
  readonly prune: readonly string[]
}

/** Throws PathError. The result shares what it did not change with its input, which stays as it was. */
export function compileProjection(projection: Projection): (object: KubeObject) => Body {
  const keep = projection.keep.map(parsePath)
  const kept = keep.length === 0 ? undefined : treeOf(keep)
  const unnamed = noise.filter((path) => !keep.some((wanted) => startsWith(wanted, path)))
  const pruned = treeOf([...projection.prune.map(parsePath), ...unnamed])
  return (object) => identified(object, without(kept === undefined ? object : pick(object, kept), pruned))
}

/** True when `path` is `start` or lies below it. */
const startsWith = (path: Path, start: Path): boolean =>
  start.every((segment, i) => {
    const at = path[i]
    return segment.kind === 'field' && at?.kind === 'field' && segment.name === at.name
  })

/** The body with the object's identity in front, always in the same order. */
function identified(object: KubeObject, body: unknown): Body {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = fieldsOf(body)
  const { name: _name, namespace: _namespace, uid: _uid, resourceVersion: _resourceVersion, ...more } = fieldsOf(metadata)
  const { name, namespace, uid } = object.metadata
  return {
    ...(object.apiVersion === undefined ? {} : { apiVersion: object.apiVersion }),
    ...(object.kind === undefined ? {} : { kind: object.kind }),
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, ...more },
    ...rest,
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {})
