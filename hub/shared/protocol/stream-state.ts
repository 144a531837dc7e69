import { boolean, type Decoded, integer, literal, object, optional, string } from './decode.ts'

/** State of one stream as the agent sees it. `failed` carries its reason, worded for people. */
export const streamState = object({
  state: literal('starting', 'syncing', 'live', 'failed', 'paused'),
  /** syncing: objects compared so far, and how many there are in all as far as the server told. */
  done: optional(integer),
  total: optional(integer),
  /** failed: `forbidden: needs list,watch on services`. */
  reason: optional(string),
  /** failed: true when the cause can pass by itself, so that the agent keeps trying. */
  transient: optional(boolean),
})
export type StreamState = Decoded<typeof streamState>
