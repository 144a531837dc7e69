/** What `watch-hub status` and `endpoint list` say about the way out. */
import type { EndpointHealth } from './detail.ts'

export type EndpointPhase =
  /** Nothing waits. */
  | 'idle'
  | 'delivering'
  /** The last attempt failed; the next one has its time. */
  | 'retrying'
  /** Held by an operator or by Git. */
  | 'paused'
  /** Cannot be tried: a secret is missing, or the address is not allowed. */
  | 'blocked'

export interface EndpointStatus extends EndpointHealth {
  readonly name: string
  /** Without query and credentials. */
  readonly url: string
  readonly format: string
  readonly phase: EndpointPhase
  /** Why paused, blocked or retrying. Holds no secret. */
  readonly reason?: string
  readonly since: number
  /** Events that wait, and how long the oldest has waited, ms. */
  readonly backlog: number
  readonly oldestMs?: number
  /** Versions that it was never told: newer ones of the same objects were told instead, or nothing had to be. Over restarts. */
  readonly skipped: number
  /** Events accepted since the hub started. */
  readonly delivered: number
  /** Failed attempts in a row. */
  readonly failures: number
  readonly nextAttemptAt?: number
  readonly lastDeliveredAt?: number
  readonly scans: readonly {
    readonly watch: string
    readonly cluster: string
    readonly reason: string
    readonly sent: number
    readonly total: number
    /** Until the cluster's agent has compared what the watch is about: under its newest definition before it is told, in full before its marker. */
    readonly waiting?: boolean
  }[]
}
