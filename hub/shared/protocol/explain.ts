/**
 * What the hub asks an agent about one object, and what the agent makes of it: `watch-hub why`. Names, versions and verdicts; nothing of the
 * object's content is in an answer.
 */
import { array, boolean, type Decoded, integer, literal, object, optional, string } from './decode.ts'
import { streamState } from './stream-state.ts'

/** An object of a kind. `namespace` is ignored where the kind turns out to have none. */
export const question = object({ request: integer, group: string, resource: string, namespace: string, name: string })
export type Question = Omit<Decoded<typeof question>, 'request'>

/** What one condition of a watch says of the object. `unclear`: it cannot be told, the object stays as it was. */
export const conditionVerdict = object({
  field: literal('namespaces.include', 'namespaces.exclude', 'namespaces.selector', 'labelSelector', 'when'),
  verdict: literal('holds', 'fails', 'unclear'),
  /** One line for people. */
  detail: string,
})
export type ConditionVerdict = Decoded<typeof conditionVerdict>

export const streamVerdict = object({
  stream: string,
  state: streamState,
  /** Of the kind, as the API server serves it; absent when it could not be asked, or has no such kind. */
  kind: optional(object({ version: string, kind: string, namespaced: boolean })),
  /** The object as it is now. `unknown`: `problem` says why it could not be looked at. */
  found: literal('present', 'absent', 'unknown'),
  problem: optional(string),
  object: optional(object({ namespace: string, uid: string, resourceVersion: string })),
  /** What the agent remembers having told of the object; absent = nothing. */
  told: optional(object({ uid: string, resourceVersion: string, matches: array(string) })),
  /** What was told is what the stream makes of the object now. Absent unless both are there. */
  unchanged: optional(boolean),
  /** By the plan that the agent follows. No conditions where the object is not there. */
  watches: array(object({ watch: string, definition: string, conditions: array(conditionVerdict) })),
})
export type StreamVerdict = Decoded<typeof streamVerdict>

export const explanation = object({
  request: integer,
  /** Hash of the plan that was looked at; empty = the agent has none. */
  plan: string,
  /** One for each stream of the kind, with as many watches as there is room for; none = the plan does not have the kind. */
  streams: array(streamVerdict),
})
export type Explanation = Omit<Decoded<typeof explanation>, 'request'>
