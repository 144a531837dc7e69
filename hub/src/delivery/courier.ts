/**
 * Courier: one endpoint's loop.
 *
 *   what came of attempts is dealt with → the gate → attempts begin → the supply: log, scans and replays become frozen batches → a wait
 *   each attempt: load → fence → render → pace → observed(shaping(post))
 *
 * Attempts run beside the loop, several at a time; everything that changes what is frozen happens in the loop, one thing after the other, and
 * is on disk before anything follows from it. What is in memory is an image of the store. Couriers share nothing but the store: this one's
 * failures, holds and waits concern nobody else. When it is stopped, attempts under way get a grace to end and their results are written
 * down; everything else is in the store already. When something unforeseen fails, it begins anew from the store after a wait.
 */
import { traceFields } from '@watch-hub/shared/protocol/traceparent'
import { backoff } from '@watch-hub/shared/runtime/backoff'
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { isAbort, Task } from '@watch-hub/shared/runtime/task'
import type { EndpointConfig, Metadata } from '../config/model.ts'
import type { AttemptRecord, Pause, Store } from '../store/store.ts'
import { agesOf } from './ages.ts'
import { fence } from './allow.ts'
import { type Attempts, createAttempts } from './attempts.ts'
import { failuresToBlame } from './blame.ts'
import type { Bodies } from './body/bodies.ts'
import { shaping } from './body/shaping.ts'
import { createBreaker } from './breaker.ts'
import type { Contexts } from './contexts.ts'
import { type AboutObject, type BreakerStatus, type CourierDetail, type Hold, holdsOf, type ReplayedLetter } from './detail.ts'
import type { Egress } from './egress.ts'
import type { WaitingBatch } from './frozen.ts'
import { createGate } from './gate.ts'
import { graceful } from './grace.ts'
import { renewed } from './joining.ts'
import { createJudge, type Setback } from './judge.ts'
import { createLedger } from './ledger.ts'
import type { DeliveryMeter } from './meter.ts'
import type { Amount } from './news.ts'
import { observed } from './observe.ts'
import { parkedObjectsOf, parkedViewOf } from './parked-view.ts'
import { type ProgressReport, progress } from './progress.ts'
import type { EgressProxy } from './proxy.ts'
import { createQueue } from './queue.ts'
import { createPace } from './rate-limit.ts'
import { createRecent } from './recent.ts'
import type { Secrets } from './secrets.ts'
import type { Send } from './send.ts'
import { steadyClock } from './steady-clock.ts'
import { createSupply, type Lull, noNeed, windowLimits } from './supply.ts'
import type { TargetSettings } from './target.ts'
import type { DeliveryTracer } from './tracer.ts'
import { createVerdicts } from './verdicts.ts'

export type DeliveryStore = Pick<
  Store,
  | 'endpoint'
  | 'standing'
  | 'read'
  | 'readScan'
  | 'readReplay'
  | 'rows'
  | 'freeze'
  | 'context'
  | 'onAppend'
  | 'stats'
  | 'paused'
  | 'setPaused'
>

/** Holds that a courier finds out about; whoever keeps them tells it by `hold`. */
export interface Holding {
  /** It answered 410. */
  gone(endpoint: Pick<EndpointConfig, 'name' | 'url'>, reason: string): Promise<void>
  /** The guard of the store holds it. */
  guarded(name: string): Promise<void>
  /** A hold has ended by itself. */
  expired(name: string): void
}

export interface CourierDeps {
  readonly store: DeliveryStore
  readonly contexts: Contexts
  readonly secrets: Secrets
  readonly egress: Egress
  /** @default none */
  readonly proxy?: EgressProxy | undefined
  readonly bodies: Bodies
  readonly holding: Holding
  readonly log: Log
  readonly meter: DeliveryMeter
  readonly tracer: DeliveryTracer
  readonly now: () => number
  readonly sleep: Sleep
  /** In [0, 1). */
  readonly random: () => number
}

export interface CourierSettings extends TargetSettings {
  /** What attempts under way get to end when the courier is stopped, ms. */
  readonly graceMs: number
  /** Where the hub is known to be: the beginning of CloudEvents' `source`. @default '' */
  readonly source?: string
}

/** What the courier is to do, as configured. */
export interface Order {
  readonly endpoint: EndpointConfig
  /** Attached to every payload by Settings. */
  readonly attach: Metadata
}

export interface CourierReport extends ProgressReport {
  readonly endpoint: EndpointConfig
  readonly breaker: BreakerStatus
  readonly inFlight: number
  readonly frozen: number
  readonly holds: readonly Hold[]
}

export interface Courier extends AsyncDisposable {
  /** Counts from the next batch or attempt on; what is frozen keeps its bytes. */
  configure(order: Order): void
  hold(pause: Pause | undefined): void
  /** Rows were routed to this endpoint. */
  arrived(amount: Amount): void
  /** Scans may have come or gone. */
  lookForScans(): void
  /** Tells dead letters again; answers when that is frozen. Those that are not until `signal` aborts are answered with `waits`. */
  replay(ids: readonly string[], signal: AbortSignal): Promise<readonly ReplayedLetter[]>
  report(): CourierReport
  detail(): CourierDetail
  /** Requests that are sent just now, by their batch: since when, ms. */
  sending(): ReadonlyMap<string, number>
  /** How it stands with one object, by its key. */
  about(key: string): AboutObject
}

const faultDelays = { minMs: 1_000, maxMs: 5 * 60_000 }
/** Without anything to wait for, it looks this often all the same. */
const idleMs = 30_000
/** What came of attempts is written down at the latest after this long without any other step. */
const noteMs = 1_000
/** Of what is frozen and not tried yet, no more than a window and a half. */
const frozenWindows = 1.5

/** `after`: what has to be over before it begins, the end of an earlier courier of this endpoint. */
export function startCourier(
  first: Order,
  deps: CourierDeps,
  settings: CourierSettings & { readonly after?: Promise<void> | undefined },
): Courier {
  const { store, contexts, sleep, random } = deps
  const wall = deps.now
  const now = steadyClock(wall)
  const { name } = first.endpoint
  const { source = '' } = settings
  const log = deps.log.with({ endpoint: name })
  const began = now()
  const recent = createRecent(now)
  const meter: DeliveryMeter = {
    ...deps.meter,
    attempt(of) {
      const accepted = of.outcome === 'accepted'
      recent.attempt({ ms: of.ms, accepted: accepted ? of.events : 0, failed: !accepted })
      deps.meter.attempt(of)
    },
  }
  let order = first
  let inside = fence(first.endpoint.allow)
  /** Counts what changed: an attempt that has not begun under the last of it looks again. */
  let revision = 0
  let accepted = 0
  /** Whatever was due then has been looked at. */
  let lookedAt = began
  /** By how much the steady clock is ahead of the wall's. */
  let skew = 0
  let attempts: Attempts | undefined

  const shown = progress(now)
  const breaker = createBreaker({ random, now: began })
  const pace = createPace(first.endpoint.rateLimit)
  const ledger = createLedger(name, { store, onSettled: () => attempts?.start() })
  const loading = { store, contexts }
  const making = () => ({ ...order, source, contexts, now: wall, inside })
  const queue = createQueue(name, { ...loading, ledger, making, now: wall })
  const onHeld = () => deps.holding.guarded(name)
  const supply = createSupply(name, { store, ledger, queue, meter, sleep, now: wall, making, onHeld })
  const endpoint = () => order.endpoint
  const gate = createGate(first.endpoint, { ...deps, onChange: changed, onExpired: () => deps.holding.expired(name) }, settings)
  const faults = backoff({ ...faultDelays, random })
  const verdicts = createVerdicts({ queue, ledger, loading, log, now: wall, random, endpoint, onAccepted })
  const judge = createJudge({
    ...{ queue, ledger, loading, log, now, random, breaker, verdicts, onSetback, onOversize },
    inside: () => inside,
    accepted: () => accepted,
    caughtUp: () => supply.caughtUp,
    onGone: (why) => deps.holding.gone(order.endpoint, why.message),
  })

  /** What stood in the way may be gone: everything may be tried at once. */
  function changed(): void {
    revision++
    breaker.retry(now())
    for (const lane of queue.lanes.all) lane.notBefore = 0
    queue.parking.hurry(wall())
    supply.news.look()
  }

  /** `told`: those of its events that were taken. */
  function onAccepted(batch: WaitingBatch, told = batch.items ?? [], events = batch.frozen.members.length): void {
    accepted++
    faults.reset()
    const { failures } = shown.report()
    if (failures > 0) log.info('delivery goes on', { failures })
    shown.accepted(events)
    const waited = batch.appendedAt !== undefined && { waitedMs: wall() - batch.appendedAt }
    deps.meter.delivered({ endpoint: name, events, ...waited })
    for (const age of agesOf(told, wall())) deps.meter.told({ endpoint: name, ...age })
  }

  function onSetback({ phase, why, waitMs, batch }: Setback): void {
    if (breaker.admits(now()) !== 'any') queue.release()
    shown.setback(phase, why.message, waitMs)
    const trace = traceFields(queue.tries.of(batch).last)
    log.warn('delivery failed', { reason: why.message, waitMs: Math.round(waitMs), batch, ...trace })
  }

  /** Later batches hold half of what was too large at most; beside an event that is too large alone, nothing else. */
  function onOversize(bytes: number, events: number): void {
    const { batch } = order.endpoint
    const maxBytes = Math.max(1_024, Math.floor(Math.min(bytes, batch.maxBytes) / (events === 1 ? 1 : 2)))
    if (maxBytes < batch.maxBytes) order = { ...order, endpoint: { ...order.endpoint, batch: { ...batch, maxBytes } } }
  }

  function note(attempt: AttemptRecord): void {
    queue.tries.note(attempt.batch, attempt.traceparent)
    ledger.note(attempt)
  }

  let wrapped: { readonly of: Send; readonly as: Send } | undefined
  function sender(): Send | undefined {
    const of = gate.sender
    if (of === undefined) return undefined
    if (wrapped?.of !== of)
      wrapped = { of, as: observed(shaping(deps.bodies, of), { meter, tracer: deps.tracer, now: wall, note }) }
    return wrapped.as
  }

  /** May anything more be frozen now? */
  function wantsMore(): boolean {
    const { lanes, parking } = queue
    if (lanes.ready > order.endpoint.concurrency) return false
    // Where all that may be tried is suspected, only something else can show that the endpoint takes anything.
    if (breaker.admits(now()) === 'none' && !lanes.suspected(failuresToBlame)) return false
    if (parking.full) {
      shown.stuck(`nothing new is read: ${parking.objects} objects are parked, and there is no room for more`)
      return false
    }
    const events = lanes.all.reduce((sum, { batch }) => sum + batch.keys.length, 0)
    return events < frozenWindows * windowLimits(order.endpoint).rows
  }

  async function deal(running: Attempts): Promise<void> {
    const all = running.ended()
    if (all.length === 0) return
    running.hold(true)
    for (const ended of all) {
      await judge.deal(ended)
      running.done(ended.subject)
    }
    running.hold(false)
  }

  /** What is due and has something newer behind it is told in its newest state. */
  async function renewParked(running: Attempts): Promise<void> {
    const due = running.parkedBusy === undefined ? queue.parking.due(wall()) : undefined
    const change = due && renewed(due, making())
    if (change !== undefined) await queue.change(change)
  }

  /** Waits until something is worth a look. True = the lull is over, and nothing was. */
  async function pause({ need, ms }: Lull, stop: AbortSignal): Promise<boolean> {
    if (attempts?.inFlight === 0 && ledger.unwritten === 'now') await ledger.flush()
    const at = now()
    const soon = ledger.unwritten === undefined ? undefined : at + noteMs
    // What has become due since it was last looked whether anything may start is not passed over.
    const due = [queue.lanes.nextAt(lookedAt), breaker.nextAt(lookedAt), soon].map((each) => each && each - at)
    const parked = queue.parking.nextAt(lookedAt - skew)
    const waits = [...due, parked && parked - wall()]
    const wait = waits.reduce<number>((least, each) => (each === undefined ? least : Math.min(least, Math.max(0, each))), ms)
    if (await supply.news.wait(need, wait, stop)) return false
    await ledger.flush()
    return wait === ms
  }

  /** Turns of parked objects are on disk, by the wall's clock: where that was set back, they would wait for it. */
  function look(): void {
    lookedAt = now()
    const ahead = lookedAt - wall()
    if (ahead > skew) queue.parking.hurry(wall())
    skew = Math.max(skew, ahead)
  }

  async function turn(running: Attempts, waited: boolean): Promise<Lull | undefined> {
    look()
    const shut = await gate.look()
    if (shut !== undefined) {
      queue.release()
      shown.shut(shut.phase, shut.reason)
      return { need: noNeed, ms: shut.until === undefined ? idleMs : Math.max(0, shut.until - wall()) }
    }
    await renewParked(running)
    running.start()
    if (queue.lanes.all.length === 0 && running.inFlight === 0 && !queue.parking.full) shown.idle()
    const lull = wantsMore() ? await supply.next({ fullOnly: !running.hungry, waited }) : { need: noNeed, ms: idleMs }
    running.start()
    return lull
  }

  async function run(stop: AbortSignal): Promise<void> {
    using end = graceful(stop, settings.graceMs)
    supply.scans.look()
    supply.replays.look()
    await queue.restore()
    const about = { queue, ledger, breaker, pace, loading, now, wall, sleep, endpoint, sender, onAccepted }
    const onEnd = supply.news.look
    const onPaced = (ms: number) => meter.rateLimited({ endpoint: name, ms })
    const running = createAttempts(
      { ...about, inside: () => inside, revision: () => revision, onBegin: shown.delivering, onPaced, onEnd },
      { stop, end: end.signal },
    )
    attempts = running
    try {
      for (let waited = false; !stop.aborted; ) {
        await deal(running)
        const lull = await turn(running, waited)
        waited = lull !== undefined && (await pause(lull, stop))
      }
    } finally {
      running.hold(true)
      await running.idle()
    }
  }

  async function supervise(stop: AbortSignal): Promise<void> {
    await settings.after
    await using _gate = gate
    while (!stop.aborted)
      try {
        await run(stop)
      } catch (error) {
        if (isAbort(error, stop)) break
        const waitMs = faults.next()
        const reason = describeError(error)
        shown.fault(reason, waitMs)
        log.error('courier failed and begins anew from the store', { reason, waitMs: Math.round(waitMs) })
        await sleep(waitMs, stop).catch(() => {}) // a stop ends the wait, and then the loop
      }
    await finish().catch((error: unknown) => log.warn('what was accepted last will be sent again', { error }))
  }

  /** What came of the last attempts is written down. */
  async function finish(): Promise<void> {
    for (const ended of attempts?.ended() ?? []) await judge.deal(ended)
    await ledger.flush()
  }

  const task = new Task(supervise)
  return {
    configure(next) {
      order = next
      inside = fence(next.endpoint.allow)
      pace.limit(next.endpoint.rateLimit)
      gate.configure(next.endpoint)
    },
    hold: gate.hold,
    arrived: supply.news.arrived,
    lookForScans() {
      supply.scans.look()
      supply.news.look()
    },
    replay(ids, signal) {
      const answers = supply.replays.order(ids, signal)
      supply.news.look()
      return answers
    },
    report: () => ({
      ...shown.report(),
      endpoint: order.endpoint,
      breaker: breaker.view(now()),
      inFlight: attempts?.inFlight ?? 0,
      frozen: queue.lanes.all.length - queue.lanes.busy,
      holds: holdsOf(order.endpoint, gate.pause, began),
    }),
    detail: () => ({
      concurrency: order.endpoint.concurrency,
      recent: recent.figures(),
      parkedObjects: parkedObjectsOf(queue.parking),
    }),
    sending: () => new Map(attempts?.sending),
    about: (key) => {
      const parked = queue.parking.get(key)
      const [told] = parked === undefined ? [] : parkedViewOf(parked)
      return { pacedMs: pace.waitMs(now()), ...(told !== undefined && { parked: told }) }
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}
