/**
 * The store, seen by its users: log + inventory + cursors + frozen batches + scans + agents, one durable place.
 * Everything that returns a promise of a write resolves after the transaction is on disk (law 1); writes that wait together are
 * committed together. One engine behind it: SQLite; `store.contract.ts` says in tests what each promise means.
 *
 * Order: writes take effect in the order of the calls, across all methods.
 */
import type { Frame } from '@watch-hub/shared/protocol/frames'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import type { EventType, Metadata } from '../config/model.ts'

/** Numbers log rows: max(last + 1, hub clock in µs). Fits a JS number exactly. 0 = before everything. */
export type Sequence = number

export type Reason = 'initial' | 'recovered' | 'in-scope' | 'out-of-scope' | 'projection' | 'resync'

/** What one endpoint is told of one log row. */
export interface Route {
  readonly endpoint: string
  readonly type: EventType
  readonly reason?: Reason
  /** The endpoint's watches that match now; for `deleted`, those that matched before. Sorted. */
  readonly watches: readonly string[]
}

export interface ObjectRef {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

/** Metadata as it was configured when an entry was appended. */
export interface Context {
  readonly cluster: {
    readonly name: string
    readonly uid: string
    readonly labels: Readonly<Record<string, string>>
    readonly metadata: Metadata
  }
  /** `attach` of each watch of the cluster, by watch name. */
  readonly watches: Readonly<Record<string, Metadata>>
}

export interface LogRow {
  readonly sequence: Sequence
  readonly cluster: string
  /** Key for `Store.context`. */
  readonly context: string
  readonly stream: string
  readonly object: ObjectRef
  /** Agent's clock, ms. */
  readonly observedAt: number
  /** Hub's clock, ms. */
  readonly appendedAt: number
  readonly cause: 'live' | 'list'
  readonly change: 'added' | 'modified' | 'gone'
  /** All watches that match now, whoever hears them. */
  readonly matches: readonly string[]
  readonly routes: readonly Route[]
  /** The projected object as JSON text; for `deleted` the last known one. */
  readonly body: string
}

/** What append must know about one cluster to derive events. Made from a Snapshot; kept by plan hash, so that frames of an older plan keep their meaning. */
export interface ClusterRoutes {
  readonly cluster: string
  /** Hash of the plan that belongs to it. The newest routes of a plan hash win. */
  readonly plan: string
  readonly context: Omit<Context['cluster'], 'uid'>
  /** `resource`: the kind's name with its group, `deployments.apps`. */
  readonly streams: readonly { readonly id: string; readonly resource: string; readonly watches: readonly string[] }[]
  readonly watches: Readonly<Record<string, WatchRoute>>
}

export interface WatchRoute {
  /** `WatchPlan.definition` */
  readonly definition: string
  readonly endpoints: readonly string[]
  readonly events: readonly EventType[]
  readonly initial: 'send' | 'skip'
  readonly metadata: Metadata
}

/** Routes of a whole Snapshot. Endpoints that are not listed are sent nothing, whatever older plans say; their cursors stay. */
export interface Activation {
  readonly endpoints: readonly string[]
  readonly clusters: readonly ClusterRoutes[]
}

export type Append =
  /** Durable; `rows` are its log rows, in order. */
  | { readonly kind: 'stored'; readonly rows: readonly LogRow[] }
  /** Number not above the last stored one: was durable before. */
  | { readonly kind: 'duplicate'; readonly lastFrame: number }
  /** Cannot be stored: a newer process has taken over, a number is missing, or its plan was never known here. */
  | { readonly kind: 'refused'; readonly code: 'superseded' | 'gap' | 'unknown-plan' | 'unknown-agent'; readonly reason: string }

/** One item of a request: enough to render it again, the same, from the log. */
export interface Member {
  readonly sequence: Sequence
  readonly type: EventType
  readonly reason?: Reason
  readonly watches: readonly string[]
}

/** The events of one request, fixed before the first attempt. */
export interface FrozenBatch {
  /** `webhook-id`; holds no `.` */
  readonly id: string
  /** ms */
  readonly createdAt: number
  readonly members: readonly Member[]
  /** What the rendering depends on besides the members' rows, as JSON text chosen by the courier. */
  readonly frame: string
  /** What was rendered of the members, as text of the courier's own; kept only where the log cannot give it again (scans). */
  readonly payload?: string
}

export interface Scan {
  readonly id: string
  readonly endpoint: string
  readonly watch: string
  readonly cluster: string
  readonly reason: 'initial' | 'resync'
  /** Objects sent so far, and matching objects when it began. */
  readonly sent: number
  readonly total: number
}

/** Where one endpoint stands. */
export interface EndpointState {
  /** Everything up to here is frozen in `batches`, delivered, or not for this endpoint. */
  readonly cursor: Sequence
  /** Frozen and not yet settled, in order. */
  readonly batches: readonly FrozenBatch[]
  /** Not yet done, in order of creation. */
  readonly scans: readonly Scan[]
}

export interface ScanChunk {
  /** The log's head when the chunk was read: send it when the cursor is here, before it passes. */
  readonly head: Sequence
  /** Can be empty although the scan is not done: one chunk looks at a bounded part of the inventory. */
  readonly rows: readonly LogRow[]
  /** Give it back in `Freeze.scan`. */
  readonly position: string
  readonly done: boolean
}

/** One durable step of a courier. */
export interface Freeze {
  readonly endpoint: string
  /** Ids of batches that were accepted: forgotten. */
  readonly settled: readonly string[]
  /** New ones, appended in order. */
  readonly batches: readonly FrozenBatch[]
  /** Where the cursor stands now. It never goes back. */
  readonly cursor: Sequence
  /** `sent`: objects of this chunk. A scan that is no longer there (its watch was taken away) is passed over. */
  readonly scan?: { readonly id: string; readonly position: string; readonly sent: number; readonly done: boolean }
}

export interface ReadLimits {
  readonly rows: number
  readonly bytes: number
  /** Rows above it are not read. */
  readonly upTo?: Sequence
}

/** Rows routed to one endpoint, in order. */
export interface ReadResult {
  readonly rows: readonly LogRow[]
  /** Everything up to here was looked at: the cursor may move here once `rows` are frozen. */
  readonly upTo: Sequence
  /** True when nothing was left behind. False can come without rows: one read looks at a bounded part of the log. */
  readonly complete: boolean
}

export interface AgentRecord {
  readonly cluster: string
  /** SPKI DER, base64. */
  readonly publicKey: string
  readonly clusterUid: string
  readonly joinedAt: number
  readonly process: number
  readonly lastFrame: number
  readonly revokedAt?: number
}

export interface JoinAttempt {
  readonly cluster: string
  /** SHA-256 of the token, hex. */
  readonly tokenHash: string
  readonly publicKey: string
  readonly clusterUid: string
  readonly now: number
}

export type Joined =
  | { readonly kind: 'joined' }
  | {
      readonly kind: 'refused'
      readonly code: 'bad-token' | 'expired-token' | 'used-token' | 'other-cluster'
      readonly reason: string
    }

export type Opened =
  /** `lastFrame`: the last durable frame of this process. */
  | { readonly kind: 'opened'; readonly process: number; readonly lastFrame: number }
  | { readonly kind: 'superseded'; readonly current: number }
  | { readonly kind: 'unknown' }

export interface EndpointBacklog {
  readonly endpoint: string
  /** Events routed and not yet settled. */
  readonly events: number
  /** When the oldest of them was appended, ms; absent when there is none. */
  readonly oldestAt?: number
}

export interface StoreStats {
  readonly logRows: number
  readonly logBytes: number
  /** Objects held, by cluster and resource name (`deployments.apps`). */
  readonly inventory: readonly { readonly cluster: string; readonly resource: string; readonly objects: number }[]
  readonly endpoints: readonly EndpointBacklog[]
  /** Duration of the last commits, ms. */
  readonly commitMs: { readonly last: number; readonly p50: number; readonly p99: number }
}

export interface Store extends AsyncDisposable {
  /** Resolves when the store was disposed. Rejects, with the reason, when it can work no longer: a hub without a store has to end. */
  readonly ended: Promise<void>
  /** Identity of this hub's data: random, made with the database. The audience of agents' signatures. */
  readonly hubId: string

  /**
   * Makes a Snapshot's routes the ones that appends use. Endpoints that appear begin at the head of the log. For each endpoint that begins to
   * hear a watch which the cluster knew already, a scan is created (unless the watch says `initial: skip`). Idempotent.
   */
  activate(activation: Activation): Promise<void>

  /** What the hub holds of one stream under a plan. Before the first chunk, rows of streams that the plan dropped pass to their heirs of the same kind. */
  readIndex(
    of: { readonly cluster: string; readonly plan: string; readonly stream: string },
    signal: AbortSignal,
  ): AsyncIterable<readonly IndexEntry[]>
  append(cluster: string, frame: Frame): Promise<Append>
  /** Called with the rows of each append once they are durable, in order. The returned disposable ends it. */
  onAppend(listener: (rows: readonly LogRow[]) => void): Disposable

  endpoint(name: string): Promise<EndpointState>
  /** Rows after `from` that are routed to `endpoint`. Near the head it is answered from memory. */
  read(endpoint: string, from: Sequence, limits: ReadLimits): Promise<ReadResult>
  /** Rows by number, in the order asked. A row that is gone is absent. */
  rows(sequences: readonly Sequence[]): Promise<readonly LogRow[]>
  readScan(id: string, limits: { readonly rows: number; readonly bytes: number }): Promise<ScanChunk>
  freeze(step: Freeze): Promise<void>
  context(key: string): Promise<Context>
  /** The newest rows at or after `from`, whoever they are routed to. */
  tail(from: Sequence, limit: number): Promise<readonly LogRow[]>
  head(): Promise<Sequence>

  saveToken(token: {
    readonly hash: string
    readonly cluster: string
    readonly expiresAt: number
    readonly replace: boolean
  }): Promise<void>
  join(attempt: JoinAttempt): Promise<Joined>
  /** Numbers an agent process (0 = new) or continues it. */
  openProcess(cluster: string, process: number): Promise<Opened>
  revoke(cluster: string, now: number): Promise<boolean>
  agents(): Promise<readonly AgentRecord[]>

  /** An operator's hold on an endpoint; survives restarts. */
  setPaused(endpoint: string, pause: { readonly since: number; readonly by: string } | undefined): Promise<void>
  paused(): Promise<ReadonlyMap<string, { readonly since: number; readonly by: string }>>

  stats(): Promise<StoreStats>
}
