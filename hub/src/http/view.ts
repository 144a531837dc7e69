/** HubView: all that the admin API and the probes need of a hub. `hub.ts` gives the real one. */
import type { ConfigStatus } from '../config/status.ts'
import type { ResyncAnswer, ResyncWhat } from '../delivery/dispatcher.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus } from '../fleet/status.ts'
import type { Backup } from '../store/backup/backups.ts'
import type { LogRow } from '../store/store.ts'
import type { HubAbout, HubStatus } from './status.ts'

export interface EventFilter {
  readonly cluster?: string
  /** Rows that match it now, or that it is told of. */
  readonly watch?: string
  /** Rows that are routed to it. */
  readonly endpoint?: string
  /** `deployments.apps` */
  readonly resource?: string
  /** Only rows with this sequence or a later one. */
  readonly from?: number
  /** How many rows of the past, the newest ones; those that follow are not counted. */
  readonly limit: number
  /** true = goes on with every row that comes, until the signal aborts. */
  readonly follow: boolean
}

export type IssuedToken =
  | { readonly kind: 'issued'; readonly cluster: string; readonly token: string; readonly expiresAt: number }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

/** `reasons` says, worded for people, what is missing; empty when all is well. */
export interface Verdict {
  readonly ok: boolean
  readonly reasons: readonly string[]
}

export interface HubView {
  about(): HubAbout
  status(): Promise<HubStatus>
  clusters(): Promise<readonly ClusterStatus[]>
  issueToken(cluster: string, options: { readonly ttlMs: number; readonly replace: boolean }): Promise<IssuedToken>
  /** false = no agent has joined under this name. */
  revoke(cluster: string): Promise<boolean>
  endpoints(): Promise<readonly EndpointStatus[]>
  /** `by` is shown in status. false = no such endpoint. */
  pause(endpoint: string, by: string): Promise<boolean>
  /** false = no such endpoint. */
  resume(endpoint: string): Promise<boolean>
  /** Sends the current state again. undefined = no such endpoint. */
  resync(endpoint: string, what: ResyncWhat): Promise<ResyncAnswer | undefined>
  /** Looks at the config source now; answers when that is done. */
  fetchNow(): Promise<ConfigStatus>
  /** The database as it is now. Resolves when the copy is whole; the signal's abort ends it before. */
  backup(signal: AbortSignal): Promise<Backup>
  /** In order. Holds no more rows than its reader asks for; a reader that is too slow sees the stream end, never a gap. */
  events(filter: EventFilter, signal: AbortSignal): AsyncIterable<LogRow>
  /** Whether to send work here: has config, store writable. */
  ready(): Verdict
  /** Whether a restart would help. */
  healthy(): Verdict
}
