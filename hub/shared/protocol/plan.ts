/** What one agent is told to do. Derived by the hub from a Snapshot; names no endpoint, no secret and no commit. */
import { array, boolean, type Decoded, object, optional, record, string } from './decode.ts'

/** Label selector of Kubernetes, structured. All parts must hold. Operators: In, NotIn, Exists, DoesNotExist. */
export const labelSelector = object({
  matchLabels: optional(record(string)),
  matchExpressions: optional(array(object({ key: string, operator: string, values: optional(array(string)) }))),
})
export type LabelSelector = Decoded<typeof labelSelector>

export const watchPlan = object({
  name: string,
  /** Content hash of everything below: equal definitions match the same objects. */
  definition: string,
  /** Globs over the object's namespace (over its own name for the kind `namespaces`); empty include = all. Excludes win; they hold the ignored namespaces too. */
  namespaces: object({ include: array(string), exclude: array(string), selector: optional(labelSelector) }),
  labelSelector: optional(labelSelector),
  /** CEL over `object` and `cluster`. */
  when: optional(string),
})
export type WatchPlan = Decoded<typeof watchPlan>

export const streamPlan = object({
  /** Content hash of resource, projection and redaction: the identity of a stream within a cluster. */
  id: string,
  group: string,
  /** Plural name, `services`. */
  resource: string,
  /** Absent = the version that the server prefers. */
  version: optional(string),
  includeSecretData: boolean,
  /** Paths to keep (empty = all) and then to prune: `spec.ports[*].nodePort`, `metadata.annotations['a/b']`. */
  projection: object({ keep: array(string), prune: array(string) }),
  watches: array(watchPlan),
})
export type StreamPlan = Decoded<typeof streamPlan>

export const plan = object({
  /** Content hash of the rest. */
  hash: string,
  /** The variable `cluster` of CEL. */
  cluster: object({ name: string, labels: record(string) }),
  /** True: streams stop, nothing is reported. */
  paused: boolean,
  streams: array(streamPlan),
})
export type Plan = Decoded<typeof plan>

/** `services`, `deployments.apps`: how people and the store name a kind. */
export const resourceName = (of: { readonly group: string; readonly resource: string }): string =>
  of.group === '' ? of.resource : `${of.resource}.${of.group}`
