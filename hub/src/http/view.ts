/** HubView: all that the admin API and the probes need of a hub. `hub.ts` gives the real one. */
import type { ConfigStatus } from '../config/status.ts'
import type { EndpointDetail, ReplayOutcome } from '../delivery/detail.ts'
import type { ResyncAnswer, ResyncWhat } from '../delivery/dispatcher.ts'
import type { SampleAnswer } from '../delivery/sample.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus } from '../fleet/status.ts'
import type { Backup } from '../store/backup/backups.ts'
import type { AttemptRecord, DeadLetter, DeadLetterFilter, LogRow } from '../store/store.ts'
import type { TraceView } from '../trace/trace.ts'
import type { WhyAnswer, WhyQuestion } from '../why/model.ts'
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

export interface PauseOrder {
  /** Shown in status. */
  readonly by: string
  readonly reason?: string
  /** Ends by itself after this time, ms. */
  readonly forMs?: number
}

export interface AttemptFilter {
  readonly batch?: string
  readonly failed: boolean
  readonly limit: number
}

/** An absent part = all. */
export interface LetterFilter extends Omit<DeadLetterFilter, 'diedBefore' | 'diedAfter'> {
  readonly olderThanMs?: number
}

export type ListedLetter = Omit<DeadLetter, 'content' | 'answer'>

export interface LetterPage {
  /** The oldest first. */
  readonly letters: readonly ListedLetter[]
  /** There are more: ask for those after it. */
  readonly next?: string
}

export interface WholeLetter extends Omit<DeadLetter, 'content'> {
  /** The object as it was to be told. */
  readonly body: unknown
}

export interface ReplayPage {
  readonly letters: readonly (Pick<DeadLetter, 'id' | 'endpoint' | 'cluster' | 'object'> & {
    /** See `ReplayedLetter`. no-endpoint: it is not configured any more; the letter stays. */
    readonly outcome: ReplayOutcome | 'no-endpoint'
  })[]
  /** There are more: order the same again, after it. */
  readonly next?: string
}

export interface HubView extends TraceView {
  about(): HubAbout
  status(): Promise<HubStatus>
  clusters(): Promise<readonly ClusterStatus[]>
  issueToken(cluster: string, options: { readonly ttlMs: number; readonly replace: boolean }): Promise<IssuedToken>
  /** false = no agent has joined under this name. */
  revoke(cluster: string): Promise<boolean>
  endpoints(): Promise<readonly EndpointStatus[]>
  /** undefined = no such endpoint. */
  endpoint(name: string): Promise<EndpointDetail | undefined>
  /** Newest first. undefined = no such endpoint. */
  attempts(endpoint: string, which: AttemptFilter): Promise<readonly AttemptRecord[] | undefined>
  /** false = no such endpoint. */
  pause(endpoint: string, pause: PauseOrder): Promise<boolean>
  /** false = no such endpoint. */
  resume(endpoint: string): Promise<boolean>
  /** Sends a marked sample, once, also while the endpoint is held. undefined = no such endpoint. */
  test(endpoint: string, signal: AbortSignal): Promise<SampleAnswer | undefined>
  deadLetters(which: LetterFilter & { readonly limit: number; readonly after?: string }): Promise<LetterPage>
  deadLetter(id: string): Promise<WholeLetter | undefined>
  /** One page of what is meant. */
  replay(which: LetterFilter, after?: string): Promise<ReplayPage>
  /** How many there were. */
  dropDeadLetters(which: LetterFilter): Promise<number>
  /** Sends the current state again. undefined = no such endpoint. */
  resync(endpoint: string, what: ResyncWhat): Promise<ResyncAnswer | undefined>
  /** Looks at the config source now; answers when that is done. */
  fetchNow(): Promise<ConfigStatus>
  /** The database as it is now. Resolves when the copy is whole; the signal's abort ends it before. */
  backup(signal: AbortSignal): Promise<Backup>
  /** Why an endpoint is told of an object, or is not. Asks the cluster's agent, which takes some seconds at most. */
  why(question: WhyQuestion): Promise<WhyAnswer>
  /** In order. Holds no more rows than its reader asks for; a reader that is too slow sees the stream end, never a gap. */
  events(filter: EventFilter, signal: AbortSignal): AsyncIterable<LogRow>
  /** Whether to send work here: has config, store writable. */
  ready(): Verdict
  /** Whether a restart would help. */
  healthy(): Verdict
}
