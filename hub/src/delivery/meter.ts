/** What the way out has to say in numbers. Whoever composes the hub counts it. */
import type { FailureKind } from './send.ts'

export type AttemptOutcome = 'accepted' | 'blocked' | FailureKind

export interface DeliveryMeter {
  /** One attempt is over. `ms`: how long it took. */
  attempt(of: {
    readonly endpoint: string
    readonly outcome: AttemptOutcome
    readonly events: number
    readonly bytes: number
    readonly ms: number
    /** How often it was repeated at once because its kept connection had died. */
    readonly resends: number
  }): void
  /** A request that was ready had to wait for the pace that the endpoint allows. `ms`: how long. */
  rateLimited(of: { readonly endpoint: string; readonly ms: number }): void
  /** A batch was accepted. `waitedMs`: since the oldest of its events was appended to the log; absent for scans. */
  delivered(of: { readonly endpoint: string; readonly events: number; readonly waitedMs?: number }): void
  /** Rows of the log that were not told because a newer state of their object was, or because it came and went. */
  compacted(of: { readonly endpoint: string; readonly rows: number }): void
}

export const silentMeter: DeliveryMeter = { attempt: () => {}, rateLimited: () => {}, delivered: () => {}, compacted: () => {} }
