/**
 * What a store asks of its engine, by name. All of it is plain data: it crosses a thread.
 * The number of calls under way is bounded by those who call: eight frames per agent, one step per courier, one prune.
 */
import type { Frame } from '@watch-hub/shared/protocol/frames'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import type { Recorded } from './engine/log-row.ts'
import type {
  Activation,
  AgentRecord,
  Append,
  Context,
  EndpointState,
  Freeze,
  JoinAttempt,
  Joined,
  LogRow,
  Opened,
  ReadLimits,
  ReadResult,
  ScanChunk,
  Sequence,
  StoreStats,
} from './store.ts'

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
    }

export interface Pause {
  readonly since: number
  readonly by: string
}

export interface Token {
  readonly hash: string
  readonly cluster: string
  readonly expiresAt: number
  readonly replace: boolean
}

export interface Calls {
  activate(activation: Activation): void
  /** One step of handing rows of other streams on. Answers with where to go on; nothing = done. */
  inherit(of: StreamOfPlan & { readonly position?: string }): string | undefined
  index(of: StreamOfPlan & { readonly after: string; readonly limit: number }): readonly IndexEntry[]
  append(of: { readonly cluster: string; readonly frame: Frame }): Appended
  endpoint(name: string): EndpointState
  read(of: { readonly endpoint: string; readonly from: Sequence; readonly limits: ReadLimits }): ReadResult
  rows(sequences: readonly Sequence[]): readonly LogRow[]
  readScan(of: { readonly id: string; readonly limits: Pick<ReadLimits, 'rows' | 'bytes'> }): ScanChunk
  freeze(step: Freeze): void
  context(key: string): Context
  tail(of: { readonly from: Sequence; readonly limit: number }): readonly LogRow[]
  saveToken(token: Token): void
  join(attempt: JoinAttempt): Joined
  openProcess(of: { readonly cluster: string; readonly process: number }): Opened
  revoke(of: { readonly cluster: string; readonly now: number }): boolean
  agents(of: undefined): readonly AgentRecord[]
  setPaused(of: { readonly endpoint: string; readonly pause?: Pause }): void
  paused(of: undefined): ReadonlyMap<string, Pause>
  stats(of: undefined): StoreStats
  /** Drops one chunk of what nobody needs any more. True = there may be more. */
  prune(of: { readonly retentionMs: number }): boolean
}

export type CallName = keyof Calls
export type Input<K extends CallName> = Parameters<Calls[K]>[0]
export type Output<K extends CallName> = ReturnType<Calls[K]>
export type Ops = { readonly [K in CallName]: (input: Input<K>) => Output<K> }
