/** What the way out has to say in numbers. Whoever composes the hub counts it. */
import type { Age } from './ages.ts'
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
  /** One HTTP request is over: also one that was repeated, and one for a token. */
  request(of: {
    readonly host: string
    readonly port: number
    /** Absent = no answer began. */
    readonly status?: number
    /** Why it failed: a status, or the name of a failure. */
    readonly error?: string
    readonly ms: number
  }): void
  /** A request that was ready had to wait for the pace that the endpoint allows. `ms`: how long. */
  rateLimited(of: { readonly endpoint: string; readonly ms: number }): void
  /** A batch was accepted. `waitedMs`: since the oldest of its events was appended to the log; absent for scans. */
  delivered(of: { readonly endpoint: string; readonly events: number; readonly waitedMs?: number }): void
  /** An event that told a live change was accepted. How old it is: since its agent saw it, and since the API server made it. */
  told(of: { readonly endpoint: string } & Age): void
  /** Rows of the log that were not told because a newer state of their object was, or because it came and went. */
  compacted(of: { readonly endpoint: string; readonly rows: number }): void
}

export const silentMeter: DeliveryMeter = {
  ...{ attempt: () => {}, request: () => {}, rateLimited: () => {} },
  ...{ delivered: () => {}, told: () => {}, compacted: () => {} },
}
