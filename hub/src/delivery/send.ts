/**
 * Sending: what goes out, what comes of it, and how senders wrap each other. What an endpoint answers is data; only bugs and aborts are thrown.
 */

/** One request, ready to go. The same over all attempts. */
export interface Outgoing {
  /** `webhook-id` */
  readonly id: string
  readonly endpoint: string
  readonly events: number
  readonly body: Uint8Array
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

/** Why an attempt came to nothing. Shown to people: holds no secret. */
export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure'
  readonly kind: FailureKind
  readonly status: number | undefined
  constructor(kind: FailureKind, message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options)
    this.kind = kind
    this.status = options.status
  }
}

export type Outcome =
  /** Any 2xx: the endpoint has every event of the batch. */
  | { readonly kind: 'accepted'; readonly status: number }
  /** `afterMs`: how long the endpoint asked to be left alone. */
  | { readonly kind: 'try-later'; readonly why: DeliveryFailure; readonly afterMs?: number }
  /** Not tried: this hub does not go there. */
  | { readonly kind: 'blocked'; readonly why: Error }
  /** Not tried: the endpoint's settings changed while the batch waited, so it has to be looked at again. */
  | { readonly kind: 'changed' }

/** `signal` ends the attempt; then it throws the signal's reason. */
export type Send = (batch: Outgoing, signal: AbortSignal) => Promise<Outcome>
