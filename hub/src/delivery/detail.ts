/**
 * What is told of one endpoint to whoever asks for it: `EndpointHealth` is part of every status, `EndpointDetail` is the answer to
 * `watch-hub endpoint show`. All of it is meant to be shown: reasons and answers hold no secret. Times are ms since 1970.
 */
import type { EndpointConfig } from '../config/model.ts'
import type { AttemptRecord, Pause } from '../store/store.ts'
import type { RecentFigures } from './recent.ts'
import type { EndpointStatus } from './status.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerStatus {
  readonly state: BreakerState
  readonly since: number
  /** Why it is not closed. */
  readonly reason?: string
  /** Only while open: nothing is sent before. */
  readonly nextProbeAt?: number
}

/** What holds an endpoint back by somebody's will. While there is one, nothing is sent. */
export interface Hold {
  /** git: `paused: true`. operator: `endpoint pause`. gone: it answered 410. guard: a commit would report too many deletions. */
  readonly cause: 'git' | 'operator' | 'gone' | 'guard'
  readonly since: number
  /** Who it was: a person, `hub`; for git the place, `endpoints/dns.yaml:7`. */
  readonly by: string
  readonly reason?: string
  /** Ends by itself then. */
  readonly until?: number
}

/** `gitSince`: since when the hub knows that Git holds it. */
export function holdsOf({ paused, at }: EndpointConfig, pause: Pause | undefined, gitSince: number): readonly Hold[] {
  const inGit: Hold[] = paused ? [{ cause: 'git', since: gitSince, by: `${at.file}:${at.line}` }] : []
  if (pause === undefined) return inGit
  const { cause = 'operator', since, by, reason, until } = pause
  return [...inGit, { cause, since, by, ...(reason !== undefined && { reason }), ...(until !== undefined && { until }) }]
}

/** Bounded in bytes by `limit`. */
export interface DeadLetterFigures {
  readonly count: number
  readonly bytes: number
  readonly limit: number
}

export interface EndpointHealth {
  readonly breaker: BreakerStatus
  /** Requests under way. */
  readonly inFlight: number
  /** Frozen batches that wait for their attempt. */
  readonly frozen: number
  /** `objects` that are parked, and the bytes of all their waiting events. */
  readonly parked: { readonly objects: number; readonly bytes: number }
  readonly deadLetters: DeadLetterFigures
  readonly holds: readonly Hold[]
}

export interface ParkedObject {
  readonly cluster: string
  /** `deployments.apps` */
  readonly resource: string
  readonly namespace: string
  readonly name: string
  /** When the first attempt of the event that is tried began; before that, when it was parked. */
  readonly since: number
  /** Of that event; how often it was charged. */
  readonly attempts: number
  readonly nextAttemptAt: number
  /** What came of the last attempt, or why it waits. */
  readonly reason: string
  /** Of the last answer, where there was one. */
  readonly status?: number
  /** Events of the object, the one that is tried among them. */
  readonly events: number
}

/** How an endpoint stands with one object. */
export interface AboutObject {
  /** Absent = it is not parked. */
  readonly parked?: ParkedObject
  /** How long the next request waits for `rateLimit`, ms; 0 = it does not. */
  readonly pacedMs: number
}

/** How many parked objects, and how many failed attempts, a detail names. */
export const shownParked = 100
export const shownErrors = 5

export interface EndpointDetail extends EndpointStatus {
  readonly concurrency: number
  readonly recent: RecentFigures
  /** How long the backlog takes at the pace of the last minute, ms. Absent = nothing waits, nothing was accepted lately, or nothing is sent now. */
  readonly drainMs?: number
  /** Those whose turn comes first, at most `shownParked`; `parked.objects` counts all. */
  readonly parkedObjects: readonly ParkedObject[]
  /** The newest failed attempts, newest first, at most `shownErrors`. */
  readonly lastErrors: readonly AttemptRecord[]
}

/** What only the endpoint's courier knows. */
export interface CourierDetail {
  readonly concurrency: number
  readonly recent: RecentFigures
  /** In the order of their turns; more than `shownParked` are cut here. */
  readonly parkedObjects: readonly ParkedObject[]
}

export function detailOf(
  status: EndpointStatus,
  { concurrency, recent, parkedObjects }: CourierDetail,
  failed: readonly AttemptRecord[],
): EndpointDetail {
  const goes = status.breaker.state === 'closed' && status.holds.length === 0
  const drainMs =
    goes && status.backlog > 0 && recent.eventsPerSecond > 0 ? (status.backlog / recent.eventsPerSecond) * 1_000 : undefined
  return {
    ...status,
    concurrency,
    recent,
    ...(drainMs !== undefined && { drainMs: Math.round(drainMs) }),
    parkedObjects: parkedObjects.slice(0, shownParked),
    lastErrors: failed.slice(0, shownErrors),
  }
}

/** One dead letter that was asked to be told again, and what came of it. */
export interface ReplayedLetter {
  readonly id: string
  /**
   * sent: its event goes out again. current: it was overtaken, so the object's current state goes out instead. gone, unwatched: nothing is
   * sent, since the object is no more, or no watch sends it here any more; these four letters are forgotten. parked: its object is parked
   * now, so the letter stays. unknown: nobody can say before the cluster's agent has compared, so the letter stays. waits: what waits for the
   * endpoint goes first; the letter stays, and may be asked for again. missing: there is no such letter of this endpoint.
   */
  readonly outcome: ReplayOutcome
}

export const replayOutcomes = ['sent', 'current', 'gone', 'unwatched', 'parked', 'unknown', 'waits', 'missing'] as const
export type ReplayOutcome = (typeof replayOutcomes)[number]
