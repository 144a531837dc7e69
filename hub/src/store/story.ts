/**
 * What the store can tell of one event: its way through the log and, for each endpoint, which requests told it, what holds it now, and what was
 * given up. Told for people, from what is kept anyway: nothing is written for it.
 */
import type { AttemptRecord, DeadLetterHead, LogRow, Member, ObjectRef, Parking, Sequence } from './store.ts'

/** An object by its name; whoever had it. */
export interface NamedObject {
  readonly cluster: string
  readonly group: string
  /** Plural name. */
  readonly resource: string
  /** It is in one of these; "" = in none. */
  readonly namespaces: readonly string[]
  readonly name: string
}

/** A log row without what can be long. */
export type RowHead = Omit<LogRow, 'body' | 'patch'>

/** What is known of an event that the log need not have any more. */
export interface EventObject {
  readonly cluster: string
  readonly object: ObjectRef
  /** Agent's clock, ms; a dead letter does not know it. */
  readonly observedAt?: number
  readonly traceparent?: string
}

/** Who asks for a story. */
export interface Asked {
  /** Only this one is looked at, whoever else has to do with the event. @default all */
  readonly endpoint?: string | undefined
  /** Nobody waits for it any more: the next step throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface Story {
  readonly sequence: Sequence
  /** Absent = the log has it no longer, or it was told by a scan under a number of its own. */
  readonly row?: RowHead
  /** As the log, the inventory or a dead letter has it. Absent = only its number is known. */
  readonly about?: EventObject
  /** Of those that the row is routed to, and of those that were told it, hold it, or gave it up. By name. */
  readonly endpoints: readonly EndpointStory[]
}

export interface EndpointStory {
  readonly endpoint: string
  readonly cursor: Sequence
  /** Attempts are known from here on, ms; absent = none is. */
  readonly attemptsSince?: number
  /** While the cursor is before it: how many events of the endpoint, frozen ones among them, are told first. */
  readonly before?: number
  /** The newest requests that told it, in order of their last attempts, and how many came before. */
  readonly told: readonly ToldStory[]
  readonly toldBefore: number
  /** Frozen batches that have it now. */
  readonly held: readonly HeldBatch[]
  /** In the order in which they died. */
  readonly letters: readonly DeadLetterHead[]
  /** Where the cursor has passed and none of all that has it, or took it: the next event of the object that was told, or is to be. */
  readonly instead?: Sequence
}

/** Of an attempt in the story of an event: it was taken by it. */
export const tookAll = ({ outcome, untaken }: AttemptRecord): boolean => outcome === 'accepted' && untaken === undefined

export interface ToldStory {
  readonly batch: string
  /** Id of the scan, or replay, that it is from. */
  readonly scan?: string
  /** The newest, in their order, without answers, and `untaken` only as far as it is about what is told; and how many came before. */
  readonly attempts: readonly AttemptRecord[]
  readonly attemptsBefore: number
}

/** A frozen batch that has the event. */
export interface HeldBatch {
  readonly id: string
  /** ms */
  readonly createdAt: number
  readonly events: number
  readonly member: Member
  /** What comes first: events of other batches, or of a parked object its batches. */
  readonly before: number
  /** How often it was tried, and since when, ms. */
  readonly attempts: number
  readonly firstAttemptAt?: number
  /** How the first batch of its parked object stands. */
  readonly parking?: Parking
}

/** One request, by its id. */
export interface BatchStory extends ToldStory {
  readonly endpoint: string
  /** The first of its events, by sequence, and how many there are. */
  readonly events: readonly BatchEvent[]
  readonly count: number
  /** It is frozen: not accepted yet, or not forgotten yet. */
  readonly held: boolean
}

export interface BatchEvent {
  readonly sequence: Sequence
  /** Absent = nobody knows any more. */
  readonly about?: EventObject
}

export interface ObjectEvents {
  /** The newest first. */
  readonly sequences: readonly Sequence[]
  /** False = there may be older ones: no more of the log than this was looked at. */
  readonly complete: boolean
  /** Rows of the log that were looked at. */
  readonly lookedAt: number
  /** The hub holds it as present. Absent = nobody had to look. */
  readonly present?: boolean
}
