/**
 * Sending: what goes out, what comes of it, and how senders wrap each other. What an endpoint answers is data; only bugs and aborts are thrown.
 */

import type { Item } from './formats/format.ts'
import type { AttemptTrace } from './tracer.ts'
import type { Try } from './tries.ts'

/** One request, ready to go. The same over all attempts, but for what the last two say. */
export interface Outgoing {
  /** `webhook-id` */
  readonly id: string
  readonly endpoint: string
  readonly events: number
  readonly body: Uint8Array
  /** CEL over `body`, a JSON payload: what is sent instead. */
  readonly expression?: string
  /** What the format adds, names in lower case: `content-type`, `ce-…`. */
  readonly headers: Readonly<Record<string, string>>
  /** What it tells, where that is known; a sample of an operator tells of nothing. */
  readonly items?: readonly Item[]
  /** How it was tried before. @default never */
  readonly tried?: Try
  /** Absent = nobody traces it. */
  readonly trace?: AttemptTrace
}

/** Names of failures, for people and as a metric label. */
export type FailureKind =
  | 'dns_error'
  | 'connection_refused'
  | 'connection_reset'
  | 'unreachable'
  | 'timeout'
  | 'tls_error'
  | 'network_error'
  /** 3xx: never followed. */
  | 'redirect'
  | 'http_4xx'
  | 'http_5xx'
  /** A 2xx that the endpoint's `outcomes` count as a failure, or one whose list of failures cannot be read. */
  | 'http_2xx'
  /** The hub's own: its resolver does not answer. Not charged to the endpoint, as the next two. */
  | 'resolver_error'
  /** The egress proxy cannot be reached, or refuses. */
  | 'proxy_error'
  /** The answer to `body:` could not be made. */
  | 'body_error'
  /** The token endpoint of `auth.oauth2` gave no token. */
  | 'token_error'

/** Why an attempt came to nothing. Shown to people: holds no secret. */
export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure'
  readonly kind: FailureKind
  readonly status: number | undefined
  /** The first 16 KiB of what the endpoint said, masked. */
  readonly answer: string | undefined
  constructor(
    kind: FailureKind,
    message: string,
    options: ErrorOptions & { readonly status?: number; readonly answer?: string } = {},
  ) {
    super(message, options)
    this.kind = kind
    this.status = options.status
    this.answer = options.answer
  }
}

/** An event that the endpoint named in `{"failures":[…]}`. */
export interface NamedFailure {
  /** Event id. */
  readonly id: string
  /** Masked and cut. */
  readonly message: string
  /** False = trying again is pointless. */
  readonly retry: boolean
}

/** Common to what was tried. */
export interface Tried {
  /** How often the request was repeated at once because its kept-alive connection had died. @default 0 */
  readonly resends?: number
}

export type Outcome =
  /** The endpoint has every event of the batch, except those that it named. */
  | ({
      readonly kind: 'accepted'
      readonly status: number
      readonly failures?: readonly NamedFailure[]
      /** Only where the sender was told to keep it. Masked. */
      readonly answer?: string
    } & Tried)
  /** The endpoint's own trouble. `afterMs`: how long it asked to be left alone. */
  | ({ readonly kind: 'try-later'; readonly why: DeliveryFailure; readonly afterMs?: number } & Tried)
  /** Something in the batch is to blame: 400, 415, 422, or what `outcomes` says. */
  | ({ readonly kind: 'refused'; readonly why: DeliveryFailure } & Tried)
  /** Too large: 413. */
  | ({ readonly kind: 'oversize'; readonly why: DeliveryFailure } & Tried)
  /** Nobody is there any more: 410. */
  | ({ readonly kind: 'gone'; readonly why: DeliveryFailure } & Tried)
  /** The hub's own trouble: its resolver, its proxy. Nothing is charged to the endpoint. */
  | ({ readonly kind: 'not-charged'; readonly why: DeliveryFailure } & Tried)
  /** Not tried: this hub does not go there. */
  | { readonly kind: 'blocked'; readonly why: Error }
  /** Not tried: the endpoint's settings changed while the batch waited, so it has to be looked at again. */
  | { readonly kind: 'changed' }

/** `signal` ends the attempt; then it throws the signal's reason. */
export type Send = (batch: Outgoing, signal: AbortSignal) => Promise<Outcome>
