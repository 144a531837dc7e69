/**
 * What a store asks of its engine, by name. All of it is plain data: it crosses a thread.
 * The number of calls under way is bounded by those who call: eight frames per agent, one step per courier, one step of upkeep.
 */
import type { Frame } from '@watch-hub/shared/protocol/frames'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import type { Recorded } from './engine/log-row.ts'
import type { ToldBatch } from './engine/told.ts'
import type {
  Activation,
  AgentRecord,
  Append,
  AttemptRecord,
  AttemptsOrder,
  Context,
  DeadLetter,
  DeadLetterFilter,
  DeadLetters,
  EndpointStanding,
  EndpointState,
  Freeze,
  FreezeOutcome,
  JoinAttempt,
  Joined,
  LogRow,
  Mismatch,
  Opened,
  Page,
  Pause,
  ReadLimits,
  ReadResult,
  Replays,
  Resynced,
  ResyncOrder,
  ScanChunk,
  Sequence,
  StoreStats,
  Told,
} from './store.ts'
import type { EndpointStory, EventObject, HeldBatch, NamedObject, RowHead, ToldStory } from './story.ts'

export interface StreamOfPlan {
  readonly cluster: string
  readonly plan: string
  readonly stream: string
}

export type Appended =
  | Exclude<Append, { readonly kind: 'stored' }>
  | {
      readonly kind: 'stored'
      readonly cluster: string
      readonly context: string
      readonly appendedAt: number
      readonly rows: readonly Recorded[]
      readonly mismatches?: readonly Mismatch[]
      /** Endpoints whose scans waited for what the frame says. */
      readonly ready: readonly string[]
    }

export interface Token {
  readonly hash: string
  readonly cluster: string
  readonly expiresAt: number
  readonly replace: boolean
}

export interface EventAtEndpoint {
  readonly endpoint: string
  readonly sequence: Sequence
}

/** What the engine knows of `StoreStats`. */
export type EngineStats = Omit<StoreStats, 'state' | 'logLimit' | 'deadLetterLimit' | 'freeBytes' | 'callsWaiting' | 'reads'>

export interface Room {
  readonly logBytes: number
  /** Bytes of the database's file that hold nothing and will be used again. */
  readonly freeBytes: number
}

/** How long things are kept, ms. */
export interface Ages {
  /** Rows of the log that nobody needs any more, and endpoints that left. */
  readonly retentionMs: number
  /** What no plan has any more. @default 7 days */
  readonly staleMs?: number
  /** @default 30 days */
  readonly deadLetterRetentionMs?: number
  /** @default 3 days */
  readonly attemptRetentionMs?: number
}

export interface Calls {
  activate(activation: Activation): void
  /** One step of handing rows of other streams on. Answers with where to go on; nothing = done. */
  inherit(of: StreamOfPlan & { readonly position?: string }): string | undefined
  index(of: StreamOfPlan & { readonly after: string; readonly limit: number }): readonly IndexEntry[]
  /** The index that was read adds up to `checksum`. */
  indexRead(of: StreamOfPlan & { readonly checksum: number }): void
  append(of: { readonly cluster: string; readonly frame: Frame }): Appended
  /** A page: `batches` and `tried` are of some of its batches. `next`: where the others begin. */
  endpoint(of: { readonly name: string; readonly after?: string }): EndpointState & { readonly next?: string }
  standing(name: string): EndpointStanding
  read(of: { readonly endpoint: string; readonly from: Sequence; readonly limits: ReadLimits }): ReadResult
  rows(sequences: readonly Sequence[]): readonly LogRow[]
  readScan(of: { readonly id: string; readonly limits: Pick<ReadLimits, 'rows' | 'bytes'> }): ScanChunk
  /** One step of beginning resyncs. `again`: running scans of any reason begin anew. `next`: where to go on; absent = done. */
  resync(of: ResyncOrder & { readonly after?: string; readonly again?: boolean }): Resynced & { readonly next?: string }
  /** Some of the resyncs that are due: the endpoints that got one; none = nothing more is due. */
  resyncDue(periods: Readonly<Record<string, number>>): readonly string[]
  /** One step of passing over what waits. `next`: where to go on; absent = done. */
  dropBacklog(of: { readonly endpoint: string; readonly after?: string }): { readonly dropped: number; readonly next?: string }
  freeze(step: Freeze & { readonly deadLetterLimit?: number }): FreezeOutcome
  /** One step of looking: a page can be empty although there is a next one. */
  deadLetters(of: DeadLetterFilter & Page): DeadLetters
  deadLetter(id: string): DeadLetter | undefined
  /** One step. `next`: where to go on; absent = done. */
  dropDeadLetters(of: DeadLetterFilter & { readonly after?: string }): { readonly dropped: number; readonly next?: string }
  readReplay(of: { readonly endpoint: string; readonly ids: readonly string[] }): Replays
  attempts(of: AttemptsOrder): readonly AttemptRecord[]
  context(key: string): Context
  tail(of: { readonly from: Sequence; readonly limit: number }): readonly LogRow[]
  /** `endpoints`: all that there are, those that left among them. */
  storyHead(sequence: Sequence): {
    readonly row?: RowHead
    readonly about?: EventObject
    readonly endpoints: readonly string[]
  }
  storyStanding(of: EventAtEndpoint): Pick<EndpointStory, 'cursor' | 'attemptsSince' | 'before'>
  /** One step of looking for requests that told some of these events, newest first. `next`: where to go on; absent = done. */
  storyTold(of: { readonly endpoint: string; readonly sequences: readonly Sequence[]; readonly before?: number }): {
    readonly found: readonly ToldBatch[]
    readonly next?: number
  }
  /** One step of looking for frozen batches that have some of these events. `next`: where to go on; absent = done. */
  storyHeld(of: { readonly endpoint: string; readonly sequences: readonly Sequence[]; readonly after?: string }): {
    readonly found: readonly HeldBatch[]
    readonly next?: string
  }
  /** `sequences`: those that `untaken` is asked for. */
  storyAttempts(of: {
    readonly endpoint: string
    readonly batches: readonly string[]
    readonly sequences: readonly Sequence[]
  }): readonly Omit<ToldStory, 'scan'>[]
  /** One step through the rows of an object after one of them: those routed to the endpoint. `next`: where to go on; absent = done. */
  storyLater(of: EventAtEndpoint & { readonly about: EventObject; readonly after: Sequence }): {
    readonly sequences: readonly Sequence[]
    readonly next?: Sequence
  }
  storyBatch(id: string): { readonly endpoint: string; readonly told: Told; readonly held: boolean } | undefined
  /** One step of looking for an object's rows, newest first. `before`: `next` of the step before; without `next`, it is done. */
  objectRows(of: NamedObject & { readonly before?: Sequence }): {
    readonly sequences: readonly Sequence[]
    readonly lookedAt: number
    readonly next?: Sequence
  }
  /** One step of looking for an object in the inventory. `next`: where to go on; absent = done. */
  objectHeld(of: NamedObject & { readonly after?: string }): { readonly sequences: readonly Sequence[]; readonly next?: string }
  saveToken(token: Token): void
  join(attempt: JoinAttempt): Joined
  openProcess(of: {
    readonly cluster: string
    readonly process: number
    readonly generation?: string
    readonly lost?: boolean
  }): Opened
  /** True: what came after the stream's rows was lost. */
  isDoubted(of: { readonly cluster: string; readonly stream: string }): boolean
  revoke(of: { readonly cluster: string; readonly now: number }): boolean
  agents(of: undefined): readonly AgentRecord[]
  setPaused(of: { readonly endpoint: string; readonly pause?: Pause }): void
  paused(of: undefined): ReadonlyMap<string, Pause>
  stats(of: undefined): EngineStats
  /** Drops one chunk of what nobody needs any more. True = there may be more. `whateverAge`: rows of the log go before their time. */
  prune(of: Ages & { readonly whateverAge?: boolean }): boolean
  /**
   * One step of a sweep over the rows after `from`: drops rows that nobody needs and, where `merging` is given, passes over what a later
   * row of the same object can tell, for one endpoint or for all. Answers with where to go on; without it, the sweep is over.
   */
  compact(of: { readonly from: Sequence; readonly upTo: Sequence; readonly merging?: { readonly endpoint?: string } }): {
    readonly next?: Sequence
  }
  room(of: undefined): Room
  /** Endpoints for which rows wait, those with the most first. */
  needy(of: undefined): readonly string[]
  letterTotals(of: undefined): readonly { readonly endpoint: string; readonly count: number; readonly bytes: number }[]
}

export type CallName = keyof Calls
export type Input<K extends CallName> = Parameters<Calls[K]>[0]
export type Output<K extends CallName> = ReturnType<Calls[K]>
export type Ops = { readonly [K in CallName]: (input: Input<K>) => Output<K> }
