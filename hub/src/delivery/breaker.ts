/**
 * The breaker of one endpoint: whether requests may go to it at all. Pure; the clock is given.
 *
 *   closed    → open       after some failures in a row, or at once when an answer says that no request can be taken now
 *   open      → half-open  when its time has come: 1 s, doubling to 5 min, with full jitter, at least what the endpoint asked for
 *   half-open → closed     when the one request that goes, the probe, is answered; → open when it is not
 *
 * While it is open nothing is spent. What began before it opened and is answered later does not close it, since it says nothing about now.
 * The hub's own trouble (`ownTrouble`) makes everything wait likewise, and is not the endpoint's failure.
 */
import { backoff } from '@watch-hub/shared/runtime/backoff'

export type Admission = 'any' | 'probe' | 'none'

export interface BreakerFailure {
  /** The request was the probe. */
  readonly probe: boolean
  /** No request can be taken now, not only this one. */
  readonly atOnce: boolean
  /** What the endpoint asked for. */
  readonly afterMs?: number
  /** For people. */
  readonly reason: string
}

export interface BreakerView {
  readonly state: 'closed' | 'open' | 'half-open'
  readonly since: number
  /** Why it is not closed. */
  readonly reason?: string
  /** Only while open. */
  readonly nextProbeAt?: number
}

export interface Breaker {
  admits(now: number): Admission
  /** When `admits` may answer otherwise by itself; nothing while it admits something, or while a probe is under way. */
  nextAt(now: number): number | undefined
  /** The probe is on its way. */
  probing(): void
  /** The probe came back untried. */
  unprobed(): void
  /** The endpoint answered that it took a request, or that it is the request's fault. */
  answered(probe: boolean, now: number): void
  failed(failure: BreakerFailure, now: number): void
  /** An attempt failed through the hub's own fault, or the hub does not go there. Answers with the wait that follows, ms. */
  ownTrouble(probe: boolean, now: number): number
  /** What stood in the way may be gone: the next request may go at once. */
  retry(now: number): void
  view(now: number): BreakerView
}

/** Failures in a row that open it. */
const failuresToOpen = 5
const delays = { minMs: 1_000, maxMs: 5 * 60_000 }

interface Open {
  readonly since: number
  readonly until: number
  readonly reason: string
}

export function createBreaker({ random, now }: { readonly random: () => number; readonly now: number }): Breaker {
  const pauses = backoff({ ...delays, random })
  const own = backoff({ ...delays, random })
  let open: Open | undefined
  let closedSince = now
  let failures = 0
  let probe = false
  /** Until then the hub's own trouble makes everything wait. */
  let ownUntil = 0

  function openFor({ afterMs = 0, reason }: BreakerFailure, at: number): void {
    open = { since: open?.since ?? at, until: at + Math.max(pauses.next(), afterMs), reason }
  }

  return {
    admits(at) {
      if (at < ownUntil) return 'none'
      if (open === undefined) return 'any'
      return probe || at < open.until ? 'none' : 'probe'
    },
    nextAt(at) {
      const until = Math.max(ownUntil, open === undefined || probe ? 0 : open.until)
      return until > at ? until : undefined
    },
    probing: () => {
      probe = true
    },
    unprobed: () => {
      probe = false
    },
    answered(wasProbe, at) {
      failures = 0
      own.reset()
      if (wasProbe) probe = false
      if (open === undefined || !wasProbe) return
      open = undefined
      closedSince = at
      pauses.reset()
    },
    failed(failure, at) {
      failures++
      own.reset()
      if (failure.probe) probe = false
      if (open === undefined ? failure.atOnce || failures >= failuresToOpen : failure.probe) openFor(failure, at)
      else if (open !== undefined && failure.afterMs !== undefined)
        open = { ...open, until: Math.max(open.until, at + failure.afterMs) }
    },
    ownTrouble(wasProbe, at) {
      if (wasProbe) probe = false
      if (at >= ownUntil) ownUntil = at + own.next() // several requests under way are one trouble
      return ownUntil - at
    },
    retry(at) {
      ownUntil = 0
      own.reset()
      pauses.reset()
      if (open !== undefined) open = { ...open, until: Math.min(open.until, at) }
    },
    view(at) {
      if (open === undefined) return { state: 'closed', since: closedSince }
      const { since, until, reason } = open
      return at < until ? { state: 'open', since, reason, nextProbeAt: until } : { state: 'half-open', since, reason }
    },
  }
}
