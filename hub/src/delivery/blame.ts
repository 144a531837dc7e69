/**
 * Blame follows evidence (DESIGN law 6): what a failed attempt says about the endpoint, and whether its batch is to blame. Pure.
 *
 * Some failures say that no request can be taken now: they are the endpoint's, and open its breaker at once. Some are the endpoint's, but may
 * pass by themselves. The rest may be about this batch alone: it is blamed once it failed several times while others were accepted.
 */
import type { DeliveryFailure, FailureKind } from './send.ts'

export interface Meaning {
  /** No request can be taken now, not only this one. */
  readonly atOnce: boolean
  /** It may be about this batch alone. */
  readonly mayBlame: boolean
}

const ofEveryRequest: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'connection_refused',
  'dns_error',
  'tls_error',
  'unreachable',
  'token_error',
  'redirect',
])
const statusesOfEveryRequest: ReadonlySet<number> = new Set([401, 403, 404, 405, 429, 503])
/** The endpoint's own, though the next request may be taken. */
const passing: ReadonlySet<number> = new Set([408, 425])

/** `afterMs`: what the endpoint asked for. */
export function meaningOf({ kind, status }: Pick<DeliveryFailure, 'kind' | 'status'>, afterMs?: number): Meaning {
  const every = ofEveryRequest.has(kind) || (status !== undefined && statusesOfEveryRequest.has(status))
  const own = kind === 'resolver_error' || kind === 'proxy_error' || (status !== undefined && passing.has(status))
  return { atOnce: every || afterMs !== undefined, mayBlame: !every && !own }
}

/** What is known of a batch that failed in a way that may be about it. */
export interface Record {
  /** How often it did, this time included. */
  readonly failures: number
  /** Another request of the endpoint was accepted since the first time. */
  readonly othersAccepted: boolean
  /** Nothing else waits, or all that does waits for it. */
  readonly alone: boolean
  /** Something waits for it. */
  readonly blocks: boolean
  readonly events: number
}

export type Verdict =
  /** It waits and is tried again. */
  | 'wait'
  /** Its halves are tried, each by itself. */
  | 'halve'
  /** Its one event is to blame. */
  | 'blame'

/** Of a batch, while others are accepted. */
export const failuresToBlame = 3
/** Nobody else can show that the endpoint takes anything: its halves may, or those that wait for it, once its object is parked. */
const failuresToTryOthers = 5

export function verdictOn({ failures, othersAccepted, alone, blocks, events }: Record): Verdict {
  if (othersAccepted && failures >= failuresToBlame) return events > 1 ? 'halve' : 'blame'
  if (!alone || failures < failuresToTryOthers) return 'wait'
  return events > 1 ? 'halve' : blocks ? 'blame' : 'wait'
}
