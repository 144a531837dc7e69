/** What `watch-hub trace` tells: the way of events from their change to each endpoint, from the hub's own records. Times are ms since 1970. */
import type { AttemptRecord, LogRow, ObjectRef, Route } from '../store/store.ts'

/**
 * Where an event is now, for one endpoint. delivered: it took it. log: it waits to be read. batch: it is in a request that is under way or waits.
 * parked, dead-letter: the endpoint would not take it. passed-over: a newer state of its object is told instead. outside: its `allow` keeps it
 * away. unknown: nothing says what became of it.
 */
export const whereabouts = ['delivered', 'log', 'batch', 'parked', 'dead-letter', 'passed-over', 'outside', 'unknown'] as const
export type Whereabouts = (typeof whereabouts)[number]

export interface RequestTrace {
  /** `webhook-id` */
  readonly batch: string
  /** It told what a scan or a replay found, whose id this is. */
  readonly scan?: string
  /** The newest, in their order; and how many came before. */
  readonly attempts: readonly AttemptRecord[]
  readonly attemptsBefore: number
}

export interface LetterTrace {
  readonly id: string
  readonly diedAt: number
  readonly attempts: number
  readonly cause: string
  readonly reason: string
}

export interface EndpointTrace {
  readonly endpoint: string
  /** What it is told; absent where only a scan told it. */
  readonly type?: Route['type']
  readonly reason?: string
  readonly watches?: readonly string[]
  /** The newest that told it, in order, and how many came before. */
  readonly requests: readonly RequestTrace[]
  readonly requestsBefore: number
  readonly letters: readonly LetterTrace[]
  readonly state: Whereabouts
  /** The same for people. */
  readonly text: string
  /** It is so since then. */
  readonly since?: number
  /** Something happens then: the next try, the end of a hold. */
  readonly next?: number
  /** Of what was delivered, and no scan told: how long that took since the agent saw it, and since its last write. */
  readonly afterObservedMs?: number
  readonly afterChangedMs?: number
  /** Id of the event that tells a newer state of the object. */
  readonly instead?: string
}

export interface EventTrace {
  /** 20 digits. */
  readonly id: string
  readonly cluster?: string
  readonly object?: ObjectRef
  readonly change?: LogRow['change']
  readonly cause?: LogRow['cause']
  /** To look for in a tracing backend. */
  readonly traceId?: string
  /** Of the config that decided who is told. */
  readonly commit?: string
  /** API server's clock, whole seconds: the last write that its object tells of. */
  readonly changedAt?: number
  /** Agent's clock. */
  readonly observedAt?: number
  readonly sentAt?: number
  /** Hub's clock; and when it was durable. */
  readonly receivedAt?: number
  readonly storedAt?: number
  /** Watches that it matches. */
  readonly matches?: readonly string[]
  /** By name. */
  readonly endpoints: readonly EndpointTrace[]
  /** For people: what else is to be known. */
  readonly notes: readonly string[]
}

/** A request that was asked for by its id. */
export interface BatchTrace extends RequestTrace {
  readonly endpoint: string
  readonly held: boolean
  /** How many events it has. */
  readonly count: number
  /** The first of them. */
  readonly events: readonly { readonly id: string; readonly cluster?: string; readonly object?: ObjectRef }[]
}

export interface Trace {
  /** The newest first. */
  readonly events: readonly EventTrace[]
  readonly batch?: BatchTrace
  readonly notes: readonly string[]
}

export interface ObjectQuestion {
  readonly cluster: string
  /** As it was typed: `service`, `deploy`, `deployments.apps`. */
  readonly resource: string
  /** Absent = `default`, where the kind has namespaces. */
  readonly namespace?: string
  readonly name: string
  /** Of the newest events. */
  readonly limit: number
}

export type TraceAnswer =
  | { readonly kind: 'found'; readonly trace: Trace }
  /** One sentence. */
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'ambiguous'; readonly typed: string; readonly candidates: readonly string[] }
