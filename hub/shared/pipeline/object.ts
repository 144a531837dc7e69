/**
 * A Kubernetes object as the pipeline sees it: JSON that is never changed in place, whose identity was checked once, at the edge.
 * What a kind keeps below `spec` and `status` is nobody's business here.
 */
import { DecodeError, isRecord } from '../protocol/decode.ts'

export interface KubeMetadata {
  readonly name: string
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string
  readonly uid: string
  readonly resourceVersion: string
  readonly labels?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** Items of a list carry no `apiVersion` and `kind` on most servers; see `withType`. */
export interface KubeObject {
  readonly metadata: KubeMetadata
  readonly [field: string]: unknown
}

const noLabels: Readonly<Record<string, string>> = Object.freeze({})

export const metadataOf = (object: KubeObject): KubeMetadata => object.metadata

/** Labels may hold any key, `constructor` too: look with `Object.hasOwn`. */
export const labelsOf = (object: KubeObject): Readonly<Record<string, string>> => object.metadata.labels ?? noLabels

/** "" for cluster-scoped objects. */
export const namespaceOf = (object: KubeObject): string => object.metadata.namespace ?? ''

/** The value itself when it is an object of Kubernetes with name, uid and resourceVersion; throws `DecodeError` otherwise. */
export function decodeKubeObject(value: unknown): KubeObject {
  if (isKubeObject(value)) return value
  throw new DecodeError(`object: expected ${problemOf(value)}`)
}

/** The same object with `apiVersion` and `kind` as its first fields, so that it reads the same from a list and from a watch. */
export function withType(object: KubeObject, type: { readonly apiVersion: string; readonly kind: string }): KubeObject {
  const { apiVersion: _version, kind: _kind, ...rest } = object
  return { apiVersion: type.apiVersion, kind: type.kind, ...rest, metadata: object.metadata }
}

const isKubeObject = (value: unknown): value is KubeObject =>
  isRecord(value) && isRecord(value.metadata) && metadataProblem(value.metadata) === undefined

function problemOf(value: unknown): string {
  if (!isRecord(value)) return `a JSON object, got ${value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value}`
  if (!isRecord(value.metadata)) return 'a field metadata, got none'
  return metadataProblem(value.metadata) ?? 'a Kubernetes object'
}

function metadataProblem(metadata: Readonly<Record<string, unknown>>): string | undefined {
  const { name, namespace, uid, resourceVersion, labels } = metadata
  if (typeof name !== 'string' || name === '') return 'a string metadata.name, got none'
  if (typeof uid !== 'string' || uid === '') return `a string metadata.uid on ${name}, got none`
  if (typeof resourceVersion !== 'string' || resourceVersion === '')
    return `a string metadata.resourceVersion on ${name}, got none`
  if (namespace !== undefined && typeof namespace !== 'string')
    return `a string metadata.namespace on ${name}, got ${typeof namespace}`
  if (labels !== undefined && !isStringRecord(labels)) return `text labels in metadata.labels of ${name}, got something else`
  return undefined
}

function isStringRecord(value: unknown): boolean {
  if (!isRecord(value)) return false
  for (const key in value) if (typeof value[key] !== 'string') return false
  return true
}
