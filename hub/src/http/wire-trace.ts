/** What clients of the admin API read of traces, decoded. See `wire.ts`. */
import { array, boolean, type Decoder, literal, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { type BatchTrace, type EndpointTrace, type EventTrace, type Trace, whereabouts } from '../trace/model.ts'
import { number } from './wire.ts'
import { attempts, objectRef } from './wire-delivery.ts'

const requestFields = { batch: string, scan: optional(string), attempts, attemptsBefore: number }

const endpoint: Decoder<EndpointTrace> = object({
  endpoint: string,
  type: optional(literal('created', 'updated', 'deleted')),
  reason: optional(string),
  watches: optional(array(string)),
  requests: array(object(requestFields)),
  requestsBefore: number,
  letters: array(object({ id: string, diedAt: number, attempts: number, cause: string, reason: string })),
  state: literal(...whereabouts),
  text: string,
  since: optional(number),
  next: optional(number),
  afterObservedMs: optional(number),
  afterChangedMs: optional(number),
  instead: optional(string),
})

const event: Decoder<EventTrace> = object({
  id: string,
  cluster: optional(string),
  object: optional(objectRef),
  change: optional(literal('added', 'modified', 'gone')),
  cause: optional(literal('live', 'list', 'audit')),
  traceId: optional(string),
  commit: optional(string),
  changedAt: optional(number),
  observedAt: optional(number),
  sentAt: optional(number),
  receivedAt: optional(number),
  storedAt: optional(number),
  matches: optional(array(string)),
  endpoints: array(endpoint),
  notes: array(string),
})

const batch: Decoder<BatchTrace> = object({
  ...requestFields,
  endpoint: string,
  held: boolean,
  count: number,
  events: array(object({ id: string, cluster: optional(string), object: optional(objectRef) })),
})

/** Answer to `GET /api/v1/trace/ID` and `GET /api/v1/trace?cluster=…`. */
export const trace: Decoder<Trace> = object({ events: array(event), batch: optional(batch), notes: array(string) })
