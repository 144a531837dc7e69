/**
 * The attempts of one courier: begins what may begin, as far as slots, breaker and pace go, and several at a time. A batch of a lane that was
 * accepted whole is dealt with here at once, and the next one begins. Everything else is for the courier's loop: until it has dealt with it,
 * the batch keeps its place, so nothing of its objects goes on.
 *
 * Before each attempt the batch is looked at under the order as it is now: it may have been narrowed.
 */
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { isAbort } from '@watch-hub/shared/runtime/task'
import type { EndpointConfig } from '../config/model.ts'
import type { Fence } from './allow.ts'
import { fenced } from './anew.ts'
import type { Breaker } from './breaker.ts'
import { type Loading, load, render, type WaitingBatch } from './frozen.ts'
import { isOutdated } from './joining.ts'
import type { Ledger } from './ledger.ts'
import type { ParkedObject } from './parking.ts'
import type { BatchLane, Queue } from './queue.ts'
import type { Pace } from './rate-limit.ts'
import type { Outcome, Send } from './send.ts'

/** What is tried: the batch of a lane, or the first one of a parked object. */
export type Subject =
  | { readonly kind: 'lane'; readonly lane: BatchLane }
  | { readonly kind: 'parked'; readonly object: ParkedObject; readonly batch: WaitingBatch }

/** What came of an attempt that the loop has to deal with. */
export interface Ended {
  readonly subject: Subject
  /** It went while the breaker let one go to try. */
  readonly probe: boolean
  /** `outside`: some of it is not for the endpoint any more, or is gone from the log. */
  readonly outcome: Exclude<Outcome, { readonly kind: 'changed' }> | { readonly kind: 'outside' }
  /** When it began, ms. */
  readonly at: number
}

export interface AttemptsDeps {
  readonly queue: Queue
  readonly ledger: Ledger
  readonly breaker: Breaker
  readonly pace: Pace
  readonly loading: Loading
  /** Never goes back. */
  readonly now: () => number
  /** What turns of parked objects are told by. */
  readonly wall: () => number
  readonly sleep: Sleep
  readonly endpoint: () => EndpointConfig
  readonly inside: () => Fence
  /** Counts the orders. */
  readonly revision: () => number
  /** The sender as it is now; nothing = nothing may be sent. */
  readonly sender: () => Send | undefined
  readonly onBegin: () => void
  /** A request that is ready waits for the pace that the endpoint allows. */
  readonly onPaced: (ms: number) => void
  readonly onAccepted: (batch: WaitingBatch) => void
  /** There is something for the loop to do. */
  readonly onEnd: () => void
}

export interface Attempts {
  /** Requests under way. */
  readonly inFlight: number
  /** Requests that are sent just now, by their batch: since when, ms. Others of `inFlight` still wait for the pace. */
  readonly sending: ReadonlyMap<string, number>
  /** A slot is free, and nothing that is frozen fills it. */
  readonly hungry: boolean
  /** The parked batch whose attempt is under way, or not dealt with yet. */
  readonly parkedBusy: string | undefined
  start(): void
  /** While it is held nothing begins: what is frozen is being changed. */
  hold(held: boolean): void
  /** What came of attempts since it was last asked. Throws what no attempt can come to. */
  ended(): readonly Ended[]
  /** It was dealt with. */
  done(subject: Subject): void
  /** Resolves when no attempt is under way. */
  idle(): Promise<void>
}

export interface AttemptSignals {
  /** No attempt begins any more. */
  readonly stop: AbortSignal
  /** Those under way end. */
  readonly end: AbortSignal
}

/** A request that waits for its pace looks this often whether it still has to. */
const lookMs = 1_000

export function createAttempts(deps: AttemptsDeps, { stop, end }: AttemptSignals): Attempts {
  const { queue, ledger, breaker, pace, now } = deps
  const under = new Set<Promise<void>>()
  const sending = new Map<string, number>()
  let endings: Ended[] = []
  let failures: unknown[] = []
  let parkedBusy: string | undefined
  let parkedWasLast = false
  let held = false
  breaker.unprobed() // a probe of attempts before these is over, whatever it came to

  const slots = () => deps.endpoint().concurrency - (parkedBusy === undefined ? 0 : 1)
  const full = () => ledger.accepted.size > deps.endpoint().concurrency

  function parkedDue(): Subject | undefined {
    const object = parkedBusy === undefined && queue.lanes.busy < slots() ? queue.parking.due(deps.wall()) : undefined
    const [batch] = object?.batches ?? []
    if (object === undefined || batch === undefined || isOutdated(object, deps.endpoint())) return undefined
    return { kind: 'parked', object, batch }
  }

  /** Parked ones go in turns with the others. */
  function next(): Subject | undefined {
    const lane = queue.lanes.next(now(), slots())
    const parked = lane !== undefined && parkedWasLast ? undefined : parkedDue()
    return parked ?? (lane && { kind: 'lane', lane })
  }

  function nextProbe(): Subject | undefined {
    const lane = queue.lanes.probe(now(), slots())
    return lane === undefined ? parkedDue() : { kind: 'lane', lane }
  }

  function start(): void {
    while (!held && !stop.aborted && failures.length === 0 && !full()) {
      const send = deps.sender()
      const admission = breaker.admits(now())
      if (send === undefined || admission === 'none') return
      const subject = admission === 'any' ? next() : nextProbe()
      if (subject === undefined) return
      begin(subject, send, admission === 'probe')
    }
  }

  function begin(subject: Subject, send: Send, probe: boolean): void {
    parkedWasLast = subject.kind === 'parked'
    if (subject.kind === 'lane') queue.lanes.begin(subject.lane)
    else parkedBusy = subject.batch.frozen.id
    if (probe) breaker.probing()
    const attempt = run(subject, send, probe).catch((error: unknown) => {
      failures.push(error)
    })
    under.add(attempt)
    void attempt.then(() => {
      under.delete(attempt)
      start()
      deps.onEnd()
    })
  }

  async function run(subject: Subject, send: Send, probe: boolean): Promise<void> {
    const at = now()
    const outcome = await tried(subject, send, probe)
    if (outcome.kind === 'changed') return giveBack(subject, probe)
    const whole = outcome.kind === 'accepted' && (outcome.failures ?? []).length === 0
    if (!whole || subject.kind === 'parked') {
      endings.push({ subject, probe, outcome, at })
      return
    }
    moment('batch-answered')
    breaker.answered(probe, now())
    queue.lanes.finish(subject.lane)
    queue.tries.forget(subject.lane.batch.frozen.id)
    ledger.accept(subject.lane.batch.frozen.id)
    deps.onAccepted(subject.lane.batch)
  }

  async function tried(subject: Subject, send: Send, probe: boolean): Promise<Outcome | { readonly kind: 'outside' }> {
    const revision = deps.revision()
    const batch = await load(subject.kind === 'lane' ? subject.lane.batch : subject.batch, deps.loading)
    if (subject.kind === 'lane') subject.lane.batch = batch
    if (fenced(batch, deps.inside(), now()) !== batch) return { kind: 'outside' }
    const request = { ...render(batch, deps.endpoint().name), tried: queue.tries.of(batch.frozen.id) }
    try {
      do await paced(revision)
      while (pace.waitMs(now()) > 0 && revision === deps.revision()) // others that waited may have gone first
      if (stop.aborted || revision !== deps.revision() || !(probe || breaker.admits(now()) === 'any')) return { kind: 'changed' }
      pace.begin(now())
      deps.onBegin()
      sending.set(request.id, deps.wall())
      return await send(request, end)
    } catch (error) {
      if (isAbort(error, end) || isAbort(error, stop)) return { kind: 'changed' }
      throw error
    } finally {
      sending.delete(request.id)
    }
  }

  /** Waits for the pace that the endpoint allows, while the order stays as it is. */
  async function paced(revision: number): Promise<void> {
    let said = 0
    for (let ms = pace.waitMs(now()); ms > 0 && revision === deps.revision(); ms = pace.waitMs(now())) {
      if (ms > said) deps.onPaced(ms - said)
      said = ms
      await deps.sleep(Math.min(ms, lookMs), stop)
    }
  }

  function giveBack(subject: Subject, probe: boolean): void {
    if (probe) breaker.unprobed()
    if (subject.kind === 'lane') queue.lanes.giveBack(subject.lane)
    else parkedBusy = undefined
  }

  return {
    get inFlight() {
      return under.size
    },
    sending,
    get hungry() {
      return !held && !full() && queue.lanes.busy < slots() && queue.lanes.next(now(), slots()) === undefined
    },
    get parkedBusy() {
      return parkedBusy
    },
    start,
    hold(to) {
      held = to
      if (!to) start()
    },
    ended() {
      const [failure] = failures
      failures = []
      if (failure !== undefined) throw failure
      const all = endings
      endings = []
      return all
    },
    done: (subject) => {
      if (subject.kind === 'parked') parkedBusy = undefined
    },
    async idle() {
      while (under.size > 0) await Promise.all(under)
    },
  }
}
