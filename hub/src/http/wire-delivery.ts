/** What clients of the admin API read about the way out, decoded: one endpoint, its attempts, samples, dead letters. See `wire.ts`. */
import { array, boolean, type Decoder, json, literal, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { type EndpointDetail, replayOutcomes } from '../delivery/detail.ts'
import type { SampleAnswer } from '../delivery/sample.ts'
import type { AttemptRecord } from '../store/store.ts'
import type { LetterPage, ReplayPage, WholeLetter } from './view.ts'
import { endpointFields, number } from './wire.ts'

const attempt: Decoder<AttemptRecord> = object({
  batch: string,
  at: number,
  durationMs: number,
  events: number,
  bytes: number,
  outcome: string,
  status: optional(number),
  resends: number,
  error: optional(string),
  answer: optional(string),
  traceparent: optional(string),
  untaken: optional(array(number)),
})
export const attempts = array(attempt)

export const endpointDetail: Decoder<EndpointDetail> = object({
  ...endpointFields,
  concurrency: number,
  recent: object({
    eventsPerSecond: number,
    attempts: number,
    failed: number,
    p50Ms: optional(number),
    p99Ms: optional(number),
  }),
  drainMs: optional(number),
  parkedObjects: array(
    object({
      cluster: string,
      resource: string,
      namespace: string,
      name: string,
      since: number,
      attempts: number,
      nextAttemptAt: number,
      reason: string,
      status: optional(number),
      events: number,
    }),
  ),
  lastErrors: attempts,
})

export const sampleAnswer: Decoder<SampleAnswer> = object({
  id: string,
  url: string,
  format: string,
  outcome: literal('accepted', 'try-later', 'refused', 'oversize', 'gone', 'not-charged', 'blocked'),
  failure: optional(string),
  reason: optional(string),
  status: optional(number),
  answer: optional(string),
  failures: optional(array(object({ message: string, retry: boolean }))),
  ms: number,
  bytes: number,
})

export const objectRef = object({
  group: string,
  version: string,
  kind: string,
  resource: string,
  namespace: string,
  name: string,
  uid: string,
  resourceVersion: string,
})

const letterFields = {
  id: string,
  endpoint: string,
  cluster: string,
  object: objectRef,
  sequence: number,
  type: literal('created', 'updated', 'deleted'),
  cause: string,
  reason: string,
  attempts: number,
  firstAttemptAt: number,
  diedAt: number,
  status: optional(number),
}
export const letterPage: Decoder<LetterPage> = object({ letters: array(object(letterFields)), next: optional(string) })
export const wholeLetter: Decoder<WholeLetter> = object({ ...letterFields, answer: optional(string), body: json })

export const replayPage: Decoder<ReplayPage> = object({
  letters: array(
    object({
      id: string,
      endpoint: string,
      cluster: string,
      object: objectRef,
      outcome: literal(...replayOutcomes, 'no-endpoint'),
    }),
  ),
  next: optional(string),
})

/** Answer to `POST /api/v1/dead-letters/drop`. */
export const dropped = object({ dropped: number })

/** Answer to `POST /api/v1/endpoints/NAME/resync`: scans that began, scans of the same that ran already, events passed over. */
export const resynced = object({ endpoint: string, begun: number, running: number, dropped: number })

/** Answer to `pause` and `resume` of an endpoint. */
export const paused = object({ endpoint: string, paused: boolean })
