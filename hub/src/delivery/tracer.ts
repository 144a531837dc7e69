/** What the way out says to whoever traces it. Tracing changes nothing of what is sent, but for the header `traceparent`. */
import type { Item } from './formats/format.ts'
import type { AttemptOutcome } from './meter.ts'
import type { FailureKind } from './send.ts'

/** What an attempt is about to hand over. */
export interface AttemptStart {
  readonly endpoint: string
  /** Id of the batch. */
  readonly batch: string
  /** What it tells. */
  readonly items: readonly Item[]
  /** Bytes of the body. */
  readonly bytes: number
  /** 1 = the first one. */
  readonly number: number
  /** `traceparent` of the attempt before this one. */
  readonly previous?: string | undefined
}

export interface AttemptEnd {
  readonly outcome: AttemptOutcome | 'given up'
  readonly status?: number | undefined
  /** For people, without secrets; absent where it was accepted. */
  readonly error?: string | undefined
  /** Events of the batch that the endpoint named while it took the others. @default 0 */
  readonly untaken?: number
}

/** One HTTP request of an attempt: an attempt makes more than one where a kept connection or a token was too old. */
export interface RequestTrace {
  /** For the receiver; absent = it is told nothing. */
  readonly traceparent?: string
  end(of: { readonly status?: number; readonly failure?: FailureKind; readonly error?: string }): void
}

export interface AttemptTrace {
  /** Of the attempt, sampled or not. */
  readonly traceparent: string
  /** `resend`: how many requests of this attempt came before it. */
  request(of: { readonly url: URL; readonly resend: number }): RequestTrace
  end(of: AttemptEnd): void
}

export interface DeliveryTracer {
  /** Nothing = nobody traces. */
  begin(attempt: AttemptStart): AttemptTrace | undefined
}

export const silentTracer: DeliveryTracer = { begin: () => undefined }
