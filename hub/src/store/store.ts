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
import type { Asked, BatchStory, NamedObject, ObjectEvents, Story } from './story.ts'

/** Numbers log rows: max(last + 1, hub clock in µs). Fits a JS number exactly. 0 = before everything. */
export type Sequence = number

/** Why an event is told, where it is no live change. `replay`: a dead letter, told again. `test`: a sample of an operator, of no object, never stored. */
export const reasons = [
  ...(['initial', 'recovered', 'in-scope', 'out-of-scope', 'projection'] as const),
  ...(['unwatched', 'resync', 'replay', 'test'] as const),
] as const
export type Reason = (typeof reasons)[number]

/** What one endpoint is told of one log row. */
export interface Route {
  readonly endpoint: string
  readonly type: EventType
  readonly reason?: Reason
  /** The endpoint's watches that match now; for `deleted`, those that matched before. Sorted. */
  readonly watches: readonly string[]
  /** The row's patch may be told instead of its body: its base was routed to this endpoint before, and nothing of the object since. */
  readonly delta?: true
}

/** What makes the body of one log row out of the body of another, as JSON text (RFC 7396). */
export interface Patch {
  readonly base: Sequence
  readonly text: string
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
  /** The commit that made it so. Absent = an older release wrote it. */
  readonly commit?: string
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
  readonly cause: 'live' | 'list' | 'audit'
  readonly change: 'added' | 'modified' | 'gone'
  /** All watches that match now, whoever hears them. */
  readonly matches: readonly string[]
  readonly routes: readonly Route[]
  /** The projected object as JSON text; for `deleted` the last known one. */
  readonly body: string
  /** Only where a route says `delta`. */
  readonly patch?: Patch
  /** The context that the agent drew for the change; never another one. Absent = a release that knew of none brought it. */
  readonly traceparent?: string
  /** API server's clock, ms, whole seconds: when it was changed there, as far as the object tells. */
  readonly changedAt?: number
  /** Agent's clock, ms: when it was sent. Like the next one absent where the inventory tells it. */
  readonly sentAt?: number
  /** Hub's clock, ms: when its frame was here. */
  readonly receivedAt?: number
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
  /** Those of them that are told patches where it is possible. @default none */
  readonly deltas?: readonly string[]
  /** Those of them whose scans are closed by a marker. @default none */
  readonly markers?: readonly string[]
  /** Those of them that are told `deleted`, reason `unwatched`, of objects that a commit takes from them. @default none */
  readonly unwatched?: readonly string[]
  /** By endpoint: a commit that takes more objects from it holds it. @default none */
  readonly guards?: Readonly<Record<string, number>>
  /** Watches that are paused, which takes nothing from anybody. @default none */
  readonly resting?: readonly {
    readonly watch: string
    readonly clusters: readonly string[]
    readonly endpoints: readonly string[]
  }[]
  /** For people: who made it. @default '' */
  readonly commit?: string
  readonly clusters: readonly ClusterRoutes[]
}

/** At the end of a comparison, the agent's index of a stream was not what the hub holds: it has to be loaded anew. */
export interface Mismatch {
  readonly stream: string
  /** Their checksums. */
  readonly agent: number
  readonly hub: number
}

export type Append =
  /** Durable; `rows` are its log rows, in order. `mismatches`: absent when there are none. */
  | { readonly kind: 'stored'; readonly rows: readonly LogRow[]; readonly mismatches?: readonly Mismatch[] }
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
  /** Told as the row's patch, which applies to this row's body. */
  readonly base?: Sequence
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
  /** Set for the one event of a batch whose object is parked. */
  readonly parking?: Parking
  /** The last attempt of it, or of the batch that its events were in before. Absent = there was none. */
  readonly lastAttempt?: LastAttempt
}

/** Where the next attempt goes on. */
export interface LastAttempt {
  /** 1 = the first one; those of batches before it count. */
  readonly number: number
  /** Its context; absent where nobody traced it. */
  readonly traceparent?: string
}

/**
 * One event of an object that the endpoint keeps failing on while it accepts others. The first batch of an object, in their order, is the one
 * that is tried; the others wait for it. Such a batch has a `payload`, so that it outlives the log.
 */
export interface Parking {
  /** Key of the object, as the courier makes it. */
  readonly object: string
  /** When the first attempt of the event began, ms; absent = never tried. Giving up counts from here. */
  readonly firstAttemptAt?: number
  /** Attempts that were charged to it. */
  readonly attempts: number
  /** ms */
  readonly nextAttemptAt: number
  /** What came of the last attempt, or why it waits; for people. */
  readonly reason: string
  /** Of the last answer, where there was one. */
  readonly status?: number
}

/** One request and what came of it. */
export interface AttemptRecord {
  /** Id of the batch. */
  readonly batch: string
  /** When it began, ms. */
  readonly at: number
  readonly durationMs: number
  readonly events: number
  /** Of the request's body. */
  readonly bytes: number
  /** `accepted`, or the name of the failure (`FailureKind` of delivery). */
  readonly outcome: string
  readonly status?: number
  /** How often it was repeated at once on a new connection, because the kept one had died. */
  readonly resends: number
  /**
   * Of failures: what happened, for people; and what the endpoint said, at most 16 KiB. Without secrets. `error` of an accepted one: how many
   * of its events were not taken, and why.
   */
  readonly error?: string
  readonly answer?: string
  /** The context of its span, traced or not. */
  readonly traceparent?: string
  /** Of a batch's first attempt: what it tells. */
  readonly told?: Told
  /** Of an accepted one: events of the batch that were not taken, because the endpoint named them. Stories tell it, lists of attempts do not. */
  readonly untaken?: readonly Sequence[]
}

/** The events of one batch, by sequence; their order is not kept. */
export interface Told {
  readonly sequences: readonly Sequence[]
  /** Id of the scan that they are from. */
  readonly scan?: string
}

/** An event that was given up for one endpoint, kept whole for its retention. */
export interface DeadLetter {
  /** Random; holds no `.` */
  readonly id: string
  readonly endpoint: string
  readonly cluster: string
  readonly object: ObjectRef
  readonly sequence: Sequence
  readonly type: EventType
  /** The failure's name: `http_4xx`, `timeout`, `body_error` … */
  readonly cause: string
  /** Why it was given up, for people. */
  readonly reason: string
  readonly attempts: number
  readonly firstAttemptAt: number
  /** When it was given up, ms. */
  readonly diedAt: number
  readonly status?: number
  /** What the endpoint said last, at most 16 KiB. */
  readonly answer?: string
  /** All that it takes to tell it again, as text of the courier's own; holds the body. */
  readonly content: string
}

/** What is asked for; an absent part = all. Times in ms since 1970. */
export interface DeadLetterFilter {
  readonly endpoint?: string
  readonly ids?: readonly string[]
  readonly diedBefore?: number
  readonly diedAfter?: number
  readonly cluster?: string
  /** `deployments.apps` */
  readonly resource?: string
  readonly namespace?: string
  readonly name?: string
  readonly cause?: string
  readonly sequence?: Sequence
}

/** A dead letter without its long texts. */
export type DeadLetterHead = Omit<DeadLetter, 'content' | 'answer'>

/** A part of a list. */
export interface Page {
  readonly limit: number
  /** `next` of the page before. */
  readonly after?: string
}

export interface DeadLetters {
  /** In the order in which they died. */
  readonly letters: readonly DeadLetterHead[]
  /** Absent = there are no more. */
  readonly next?: string
}

export interface Replays {
  /** The log's head when they were read: freeze them when the cursor is there, before it passes. */
  readonly head: Sequence
  /** In the order asked. A letter that is gone, or another endpoint's, is absent. */
  readonly replays: readonly Replay[]
  /** Ids that were not looked at, because the answer would have become too long: ask again for them. */
  readonly rest: readonly string[]
}

/** Whose attempts to list. */
export interface AttemptsOrder {
  readonly endpoint: string
  /** Id of a batch. @default all */
  readonly batch?: string
  /** Only those that were not accepted. @default false */
  readonly failed?: boolean
  readonly limit: number
}

/** How a dead letter stands to what is now. */
export interface Replay {
  readonly letter: DeadLetter
  /**
   * `same`: nothing newer is known of its object; for a deletion, the object is still gone. `overtaken`: something newer was told, or waits.
   * `gone`: the object is no more, and the letter is no deletion. `unwatched`: it is there, but no watch sends it to the endpoint any more.
   * `unknown`: nobody can say before the cluster's agent has compared what a commit changed, or what was lost: the letter has to stay.
   */
  readonly standing: 'same' | 'overtaken' | 'gone' | 'unwatched' | 'unknown'
  /**
   * The object's current state as the endpoint is told it, like a row of a scan; its one route has the reason `replay` and the type `updated`,
   * or `created` where the letter says so and nothing newer is known. Absent where there is nothing, or only the letter itself, to tell.
   */
  readonly row?: LogRow
  /**
   * Of a deletion that was overtaken, where the object is gone again: the number of its last deletion in the log. What came between may have
   * vanished in compaction, since the endpoint counted as one that lacks the object; so the deletion has to be told, under this number.
   */
  readonly deletedAgain?: Sequence
}

/** A hold on an endpoint; survives restarts. */
export interface Pause {
  readonly since: number
  /** `operator`, `hub`, or who it was. */
  readonly by: string
  /** operator: asked for. gone: it answered 410. guard: a commit would report too many deletions. @default operator */
  readonly cause?: 'operator' | 'gone' | 'guard'
  /** For people. */
  readonly reason?: string
  /** Ends by itself at this time, ms. */
  readonly until?: number
  /** The URL that it is about: another one ends it. */
  readonly url?: string
}

export interface Scan {
  readonly id: string
  readonly endpoint: string
  readonly watch: string
  readonly cluster: string
  /** unwatched: of a watch that a commit took from the endpoint; it tells deletions. */
  readonly reason: 'initial' | 'resync' | 'unwatched'
  /** Objects sent so far, and objects to send when it began; what the log tells meanwhile is left out. */
  readonly sent: number
  readonly total: number
  /** Until the cluster's agent has compared what the watch is about: under its newest definition before it is told, in full before its marker. */
  readonly waiting?: true
}

/** Closes a scan: what a receiver needs to find what it holds beyond the truth. */
export interface Marker {
  readonly watch: string
  readonly cluster: string
  /** Key for `Store.context`. */
  readonly context: string
  /** Everything that the endpoint is told of the watch since the scan began, from the log, has a higher number. */
  readonly since: Sequence
  /** The log's head when the end was read. */
  readonly sequence: Sequence
  /** Objects that the watch matches. */
  readonly count: number
}

/** Which pairs of an endpoint to tell again; an absent part = all. */
export interface ResyncOrder {
  readonly endpoint: string
  readonly watch?: string
  readonly cluster?: string
}

export interface Resynced {
  /** Scans that began. */
  readonly begun: number
  /** Scans of reason `initial` that were under way: they tell the same. */
  readonly running: number
}

/** Where one endpoint stands, without what is frozen. */
export interface EndpointStanding {
  /** Everything up to here is frozen in batches, delivered, or not for this endpoint. */
  readonly cursor: Sequence
  /** Of what was appended up to here the endpoint may hold something else than this store knows: no patch is based on it. */
  readonly doubted: Sequence
  /** Not yet done, in order of creation. */
  readonly scans: readonly Scan[]
}

export interface EndpointState extends EndpointStanding {
  /** Frozen and not yet settled, in order; parked ones among them. */
  readonly batches: readonly FrozenBatch[]
  /** By batch that was tried and is not settled: how often, and when first, ms. */
  readonly tried?: ReadonlyMap<string, { readonly attempts: number; readonly firstAt: number }>
}

export interface ScanChunk {
  /** The log's head when the chunk was read: send it when the cursor is here, before it passes. */
  readonly head: Sequence
  /** Can be empty although the scan is not done: one chunk looks at a bounded part of the inventory. */
  readonly rows: readonly LogRow[]
  /** Give it back in `Freeze.scan`. */
  readonly position: string
  readonly done: boolean
  /** Of a scan that is done and closed by one. */
  readonly marker?: Marker
  /** See `Scan.waiting`: there is nothing more to read for now. */
  readonly waiting?: true
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
  /**
   * `sent`: objects of this chunk. A scan that is no longer there (its watch was taken away) is passed over. A parked batch that tells a row
   * of the log behind the cursor goes in a step without a scan: only there it is seen that the row was passed over meanwhile.
   */
  readonly scan?: { readonly id: string; readonly position: string; readonly sent: number; readonly done: boolean }
  /** Versions passed over on the way to `cursor`: newer ones of their objects were told instead, or nothing had to be. @default 0 */
  readonly skipped?: number
  /** Batches whose place others take, under ids of their own; none = as if settled. */
  readonly replaced?: readonly { readonly id: string; readonly by: readonly FrozenBatch[] }[]
  /** How parked batches stand now. */
  readonly parking?: readonly { readonly id: string; readonly parking: Parking }[]
  /** Given up in this step; their batches are among `settled`. */
  readonly deadLetters?: readonly DeadLetter[]
  /** Ids of dead letters that `batches` tell again, or that need not be told: forgotten. */
  readonly replayed?: readonly string[]
  /** Requests that are over, in their order. */
  readonly attempts?: readonly AttemptRecord[]
}

/**
 * `read-again`: a row that was to be frozen is passed over now, a later one tells it. `held`: the guard holds the endpoint, and the batches
 * have deletions of a commit. `full`: there is no room for more dead letters of this endpoint. Nothing was written then.
 */
export type FreezeOutcome = 'frozen' | 'read-again' | 'held' | 'full'

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
  /**
   * `lastFrame`: the last durable frame of this process. `process` is another number than was asked for where this database never gave that
   * one in its present history: it has lost what the process told it. `generation` names that history.
   */
  | { readonly kind: 'opened'; readonly process: number; readonly lastFrame: number; readonly generation: string }
  | { readonly kind: 'superseded'; readonly current: number }
  | { readonly kind: 'unknown' }

export interface EndpointBacklog {
  readonly endpoint: string
  /** Events routed and not yet settled, without parked ones. */
  readonly events: number
  /** When the oldest of them was appended, ms; absent when there is none. */
  readonly oldestAt?: number
  /** `bytes`: of their payloads. */
  readonly parked: { readonly objects: number; readonly bytes: number }
  /** `bytes`: what `StoreStats.deadLetterLimit` bounds. */
  readonly deadLetters: { readonly count: number; readonly bytes: number }
  /** Versions that it was never told: newer ones of their objects were told instead, or nothing had to be. Since it was first configured. */
  readonly skipped: number
  /** Not yet done, in order of creation. */
  readonly scans: readonly Scan[]
}

/** How the store gets along with its bounds. */
export interface StoreState {
  readonly kind:
    | 'ok'
    /** The log is above its bound although everything that can be passed over was. */
    | 'over-bound'
    /** Too little disk is free. Room is made by compaction, and appends go on. */
    | 'low-disk'
    /** Too little disk is free, and no more room can be made: appends wait. */
    | 'stopped'
  /** What is short and what to do about it; absent when all is well. */
  readonly reason?: string
}

/** What the comparisons of one stream came to. */
export interface ComparisonFigures {
  readonly cluster: string
  readonly stream: string
  /** `deployments.apps` */
  readonly resource: string
  /** Changes that a comparison found and no watch had told, though it should have; `auditCorrections`: those of them that an audit found. */
  readonly corrections: number
  readonly auditCorrections: number
  /** When the last of them was found, ms. */
  readonly correctedAt?: number
  /** When the last comparison ended, ms. */
  readonly comparedAt?: number
  /** How often index and inventory were not the same. */
  readonly mismatches: number
}

export interface StoreStats {
  readonly state: StoreState
  readonly logRows: number
  /** Of the bodies of the log's rows, and 600 for the rest of each: what `logLimit` bounds. */
  readonly logBytes: number
  readonly logLimit: number
  /** Bytes of the dead letters of one endpoint: of their contents and answers, and 600 for the rest of each. */
  readonly deadLetterLimit: number
  /** Free on the disk, with what is free within the database's file; absent before the first look, and where there is no disk. */
  readonly freeBytes?: number
  /** Objects held, by cluster and resource name (`deployments.apps`). */
  readonly inventory: readonly { readonly cluster: string; readonly resource: string; readonly objects: number }[]
  readonly comparisons: readonly ComparisonFigures[]
  readonly endpoints: readonly EndpointBacklog[]
  /** Duration of the last commits, ms. */
  readonly commitMs: { readonly last: number; readonly p50: number; readonly p99: number }
  /** Of all commits since it was opened: `counts` has one more than `boundsMs`, for what took longer. */
  readonly commits: { readonly boundsMs: readonly number[]; readonly counts: readonly number[]; readonly sumMs: number }
  /** Calls that were not answered when the question was put. */
  readonly callsWaiting: number
  /** Rows that couriers read since it was opened. */
  readonly reads: { readonly memory: number; readonly disk: number }
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

  /**
   * What the hub holds of one stream under a plan. Before the first chunk, rows of streams that the plan dropped pass to their heirs of the same
   * kind. After the last one, a checksum of the stream that does not follow from its rows is counted as a mismatch, and corrected.
   */
  readIndex(
    of: { readonly cluster: string; readonly plan: string; readonly stream: string },
    signal: AbortSignal,
  ): AsyncIterable<readonly IndexEntry[]>
  /** True until the next comparison when data was lost: endpoints may hold something newer of this stream than `readIndex` tells. */
  isDoubted(of: { readonly cluster: string; readonly stream: string }): Promise<boolean>
  /** While the disk is too full (`state`: stopped) appends wait, in their order; `signal` takes back one that waits. */
  append(cluster: string, frame: Frame, signal?: AbortSignal): Promise<Append>
  /**
   * Called with the rows of each append once they are durable, in order, and with the endpoints whose scans need wait no longer, or that the guard
   * holds no longer; one of the two can be empty. The returned disposable ends it.
   */
  onAppend(listener: (rows: readonly LogRow[], ready: readonly string[]) => void): Disposable

  endpoint(name: string): Promise<EndpointState>
  /** The same without batches, of which there can be many. */
  standing(endpoint: string): Promise<EndpointStanding>
  /** Rows after `from` that are routed to `endpoint`. Near the head it is answered from memory. */
  read(endpoint: string, from: Sequence, limits: ReadLimits): Promise<ReadResult>
  /** Rows by number, in the order asked. A row that is gone is absent. */
  rows(sequences: readonly Sequence[]): Promise<readonly LogRow[]>
  readScan(id: string, limits: { readonly rows: number; readonly bytes: number }): Promise<ScanChunk>
  /**
   * Begins to tell an endpoint again what there is: one scan for each watch that it hears in a cluster, from the inventory. A resync that is under
   * way begins anew. Nothing fits = no scan.
   */
  resync(order: ResyncOrder): Promise<Resynced>
  /** Begins the resyncs that are due: `periods` says how often, ms by watch. Answers with the endpoints that got some. */
  resyncDue(periods: Readonly<Record<string, number>>): Promise<readonly string[]>
  /**
   * Passes over what waits for an endpoint, except deletions, and tells it again what there is. Only while none of its couriers runs.
   * Wherever it is interrupted, nothing is lost; then some of what waits is told as well.
   */
  dropBacklog(endpoint: string): Promise<Resynced & { readonly dropped: number }>
  freeze(step: Freeze): Promise<FreezeOutcome>
  /** Those that fit, in the order in which they died. */
  deadLetters(of: DeadLetterFilter & Page): Promise<DeadLetters>
  deadLetter(id: string): Promise<DeadLetter | undefined>
  /** Answers with how many there were. */
  dropDeadLetters(filter: DeadLetterFilter): Promise<number>
  /** How letters of one endpoint stand to what is now, to tell them again. */
  readReplay(endpoint: string, ids: readonly string[]): Promise<Replays>
  /** The newest first. */
  attempts(of: AttemptsOrder): Promise<readonly AttemptRecord[]>
  context(key: string): Promise<Context>
  /** The newest rows at or after `from`, whoever they are routed to. */
  tail(from: Sequence, limit: number): Promise<readonly LogRow[]>
  head(): Promise<Sequence>
  /** What became of one event; nothing = nothing is known of it. */
  story(sequence: Sequence, of?: Asked): Promise<Story | undefined>
  /** What became of one request; nothing = nothing is known of it. */
  batchStory(id: string, signal?: AbortSignal): Promise<BatchStory | undefined>
  /** The newest events of an object: those of the log, and where it has fewer than `limit`, the last one that the inventory knows. */
  objectEvents(object: NamedObject, limit: number, signal?: AbortSignal): Promise<ObjectEvents>

  saveToken(token: {
    readonly hash: string
    readonly cluster: string
    readonly expiresAt: number
    readonly replace: boolean
  }): Promise<void>
  join(attempt: JoinAttempt): Promise<Joined>
  /**
   * Numbers an agent process (0 = new), or continues it: then `generation` is what it was told when it got its number. Absent = the present one.
   * No number is given twice, and none below one that was given. `lost`: the agent knows that this store holds less than it acknowledged.
   */
  openProcess(
    cluster: string,
    process: number,
    before?: { readonly generation?: string; readonly lost?: boolean },
  ): Promise<Opened>
  revoke(cluster: string, now: number): Promise<boolean>
  agents(): Promise<readonly AgentRecord[]>

  setPaused(endpoint: string, pause: Pause | undefined): Promise<void>
  paused(): Promise<ReadonlyMap<string, Pause>>

  /** As of the last look. */
  readonly state: StoreState
  stats(): Promise<StoreStats>
}
