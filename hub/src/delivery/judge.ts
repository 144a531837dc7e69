/**
 * The judge of one courier: deals with what came of attempts, one after the other, and writes down what follows from it.
 *
 *   refused, too large → its halves take a batch's place, until one event is alone; that one is parked
 *   failed             → it waits; it is blamed where the evidence says so (blame.ts)
 *   some were named    → those are parked, or given up at once; the others are told
 *   gone               → the endpoint is held
 *   outside            → what may not be told any more goes
 *
 * What becomes of parked events is in verdicts.ts.
 */
import { traceFields } from '@watch-hub/shared/protocol/traceparent'
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Fence } from './allow.ts'
import { fenced } from './anew.ts'
import type { Ended, Subject } from './attempts.ts'
import { halves } from './bisect.ts'
import { meaningOf, verdictOn } from './blame.ts'
import type { Breaker } from './breaker.ts'
import { type Change, together } from './change.ts'
import { load, sizeOf } from './frozen.ts'
import type { BatchLane, Queue } from './queue.ts'
import type { DeliveryFailure, Outcome } from './send.ts'
import type { Verdicts, VerdictsDeps } from './verdicts.ts'

export interface JudgeDeps extends Pick<VerdictsDeps, 'loading' | 'log' | 'now' | 'random' | 'ledger'> {
  readonly queue: Queue
  readonly breaker: Breaker
  readonly verdicts: Verdicts
  readonly inside: () => Fence
  /** Requests that were accepted so far. */
  readonly accepted: () => number
  /** Nothing waits in the log. */
  readonly caughtUp: () => boolean
  readonly onSetback: (setback: Setback) => void
  /** Answered 410: holds the endpoint. */
  readonly onGone: (why: DeliveryFailure) => Promise<void>
  /** A request of that many events, whose objects have this many bytes, was too large. */
  readonly onOversize: (bytes: number, events: number) => void
}

/** An attempt came to nothing. */
export interface Setback {
  readonly phase: 'retrying' | 'blocked'
  readonly why: Error
  /** Nothing is tried again for about so long. */
  readonly waitMs: number
  /** Id of the batch. */
  readonly batch: string
}

export interface Judge {
  deal(ended: Ended): Promise<void>
}

const delays = { minMs: 1_000, maxMs: 5 * 60_000 }

export function createJudge(deps: JudgeDeps): Judge {
  const { queue, ledger, breaker, verdicts, now } = deps

  async function write(change: Change): Promise<void> {
    const outcome = await queue.change(change)
    if (outcome !== 'frozen') throw new Error(`expected batches that were frozen before to be frozen again, got ${outcome}`)
  }

  /** What was left out is not told, so nothing that follows is told as a patch. */
  async function outside(subject: Subject): Promise<void> {
    const before = subject.kind === 'lane' ? subject.lane.batch : subject.batch
    const passing = fenced(await load(before, deps.loading), deps.inside(), now())
    const change = { replaced: [{ id: before.frozen.id, by: passing === undefined ? [] : [passing] }] }
    ledger.doubt(ledger.cursor)
    await write(subject.kind === 'lane' ? together(change, queue.wholeBehind(subject.lane)) : { given: [before.frozen.id] })
  }

  async function halve({ batch }: BatchLane): Promise<void> {
    await write({ replaced: [{ id: batch.frozen.id, by: halves(batch, now()) }] })
    moment('batch-halved')
  }

  function giveBack(subject: Subject): void {
    if (subject.kind === 'lane') queue.lanes.giveBack(subject.lane)
  }

  async function blame(lane: BatchLane, why: DeliveryFailure): Promise<void> {
    if (sizeOf(lane.batch) > 1) await halve(lane)
    else await verdicts.park(lane, why)
  }

  async function failed(lane: BatchLane, why: DeliveryFailure, { probe, afterMs, at }: Failed): Promise<void> {
    const meaning = meaningOf(why, afterMs)
    breaker.failed({ probe, atOnce: meaning.atOnce, reason: why.message, ...(afterMs !== undefined && { afterMs }) }, now())
    if (meaning.mayBlame && lane.unclear++ === 0) {
      lane.acceptedBefore = deps.accepted()
      lane.batch = { firstChargedAt: at, ...lane.batch }
    }
    const verdict = verdictOn({
      failures: meaning.mayBlame ? lane.unclear : 0,
      othersAccepted: deps.accepted() > lane.acceptedBefore,
      alone: queue.lanes.alone(lane) && deps.caughtUp(),
      blocks: queue.lanes.all.length > 1,
      events: sizeOf(lane.batch),
    })
    const waitMs = meaning.atOnce ? 0 : delayMs(lane.failures, deps.random)
    const untilProbe = (breaker.nextAt(now()) ?? 0) - now()
    deps.onSetback({ phase: 'retrying', why, waitMs: Math.max(waitMs, untilProbe), batch: lane.batch.frozen.id })
    if (verdict === 'wait') queue.lanes.fail(lane, now() + waitMs)
    else await blame(lane, why)
  }

  async function refused(lane: BatchLane, outcome: Refused, probe: boolean): Promise<void> {
    answeredUnless(outcome.why.kind === 'body_error', probe)
    if (outcome.kind === 'oversize') deps.onOversize(bytesOf(lane), sizeOf(lane.batch))
    deps.log.warn('a batch was refused', {
      ...{ reason: outcome.why.message, events: sizeOf(lane.batch) },
      ...traceFields(queue.tries.of(lane.batch.frozen.id).last),
    })
    await blame(lane, outcome.why)
  }

  function answeredUnless(untold: boolean, probe: boolean): void {
    if (!untold) breaker.answered(probe, now())
    else if (probe) breaker.unprobed()
  }

  async function parkedEnded(ended: Ended & { readonly subject: ParkedSubject }, outcome: OfEndpoint): Promise<void> {
    const { probe, at } = ended
    const { batch } = ended.subject
    if (outcome.kind === 'accepted') {
      breaker.answered(probe, now())
      return verdicts.acceptParked(batch, outcome.failures, at)
    }
    if (outcome.kind !== 'try-later') {
      answeredUnless(outcome.why.kind === 'body_error', probe)
      return verdicts.charge(batch, outcome.why, { at })
    }
    const { why, afterMs } = outcome
    const meaning = meaningOf(why, afterMs)
    const after = afterMs !== undefined && { afterMs }
    if (probe || meaning.atOnce || !meaning.mayBlame)
      breaker.failed({ probe, atOnce: meaning.atOnce, reason: why.message, ...after }, now())
    const waitMs = (breaker.nextAt(now()) ?? now()) - now()
    deps.onSetback({ phase: 'retrying', why, waitMs, batch: batch.frozen.id })
    // a probe goes while the endpoint takes nothing, so what it meets is no evidence
    if (meaning.mayBlame && !probe) return verdicts.charge(batch, why, { at, ...after })
    verdicts.postpone(batch, why, afterMs) // others go first, so that it does not keep the endpoint from them
  }

  return {
    async deal(ended) {
      const { subject, probe, outcome } = ended
      if (outcome.kind === 'outside') {
        if (probe) breaker.unprobed()
        return outside(subject)
      }
      if (outcome.kind === 'gone') {
        if (probe) breaker.unprobed()
        giveBack(subject)
        return deps.onGone(outcome.why)
      }
      if (outcome.kind === 'blocked' || outcome.kind === 'not-charged') {
        giveBack(subject)
        const waitMs = breaker.ownTrouble(probe, now())
        const phase = outcome.kind === 'blocked' ? 'blocked' : 'retrying'
        const { batch } = subject.kind === 'lane' ? subject.lane : subject
        return deps.onSetback({ phase, why: outcome.why, waitMs, batch: batch.frozen.id })
      }
      if (subject.kind === 'parked') return parkedEnded({ ...ended, subject }, outcome)
      const { lane } = subject
      if (outcome.kind === 'try-later')
        return failed(lane, outcome.why, {
          probe,
          at: ended.at,
          ...(outcome.afterMs !== undefined && { afterMs: outcome.afterMs }),
        })
      if (outcome.kind !== 'accepted') return refused(lane, outcome, probe)
      breaker.answered(probe, now())
      return verdicts.named(lane, outcome.failures ?? [])
    },
  }
}

type Refused = Extract<Outcome, { readonly kind: 'refused' | 'oversize' }>
type OfEndpoint = Extract<Outcome, { readonly kind: 'accepted' | 'try-later' | 'refused' | 'oversize' }>
type ParkedSubject = Extract<Subject, { readonly kind: 'parked' }>
interface Failed {
  readonly probe: boolean
  /** When the attempt began, ms. */
  readonly at: number
  readonly afterMs?: number
}

const delayMs = (failures: number, random: () => number): number =>
  Math.max(delays.minMs / 2, Math.min(delays.maxMs, delays.minMs * 2 ** failures) * random())

/** Of what it tells, about. */
const bytesOf = ({ batch }: BatchLane): number =>
  (batch.items ?? []).reduce((sum, item) => sum + Buffer.byteLength(item?.row.body ?? ''), 0)
