/**
 * Courier: one endpoint's loop.
 *
 *   what was frozen and not accepted, in order → then the supply: log and scans → batches, frozen before their first attempt
 *   each batch: gate → fence → render → observed(retrying(post)) → accepted → the next one
 *
 * One batch is in flight at a time and is repeated until it is accepted, so order is kept. Couriers share nothing but the store: this one's
 * failures, holds and waits concern nobody else. When it is stopped, an attempt under way gets a grace to end and its result is written
 * down; everything else is in the store already. When something unforeseen fails, it begins anew from the store after a wait.
 */
import { backoff } from '@watch-hub/shared/runtime/backoff'
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { isAbort, Task } from '@watch-hub/shared/runtime/task'
import type { EndpointConfig, Metadata } from '../config/model.ts'
import type { Pause, Store } from '../store/store.ts'
import { fence } from './allow.ts'
import type { Bodies } from './body/bodies.ts'
import { shaping } from './body/shaping.ts'
import type { Contexts } from './contexts.ts'
import { type BreakerStatus, type CourierDetail, type Hold, holdsOf } from './detail.ts'
import type { Egress } from './egress.ts'
import { createGate } from './gate.ts'
import { graceful } from './grace.ts'
import { createLedger } from './ledger.ts'
import type { DeliveryMeter } from './meter.ts'
import type { Amount } from './news.ts'
import { observed } from './observe.ts'
import { type ProgressReport, progress } from './progress.ts'
import type { EgressProxy } from './proxy.ts'
import { createQueue } from './queue.ts'
import { createRecent } from './recent.ts'
import { retrying } from './retry.ts'
import type { Secrets } from './secrets.ts'
import type { Send } from './send.ts'
import { createSupply } from './supply.ts'
import type { TargetSettings } from './target.ts'

export type DeliveryStore = Pick<
  Store,
  'endpoint' | 'read' | 'readScan' | 'rows' | 'freeze' | 'context' | 'onAppend' | 'stats' | 'paused' | 'setPaused'
>

export interface CourierDeps {
  readonly store: DeliveryStore
  readonly contexts: Contexts
  readonly bodies: Pick<Bodies, 'render'>
  readonly secrets: Secrets
  readonly egress: Egress
  /** @default none */
  readonly proxy?: EgressProxy | undefined
  readonly log: Log
  readonly meter: DeliveryMeter
  readonly now: () => number
  readonly sleep: Sleep
  /** In [0, 1). */
  readonly random: () => number
}

export interface CourierSettings extends TargetSettings {
  /** What an attempt under way gets to end when the courier is stopped, ms. */
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
  report(): CourierReport
  detail(): CourierDetail
}

const delays = { minMs: 1_000, maxMs: 5 * 60_000 }

/** `after`: what has to be over before it begins, the end of an earlier courier of this endpoint. */
export function startCourier(
  first: Order,
  deps: CourierDeps,
  settings: CourierSettings & { readonly after?: Promise<void> | undefined },
): Courier {
  const { store, contexts, bodies, now, sleep, random } = deps
  const recent = createRecent(now)
  const meter: DeliveryMeter = {
    ...deps.meter,
    attempt(of) {
      const accepted = of.outcome === 'accepted'
      recent.attempt({ ms: of.ms, accepted: accepted ? of.events : 0, failed: !accepted })
      deps.meter.attempt(of)
    },
  }
  const { name } = first.endpoint
  const log = deps.log.with({ endpoint: name })
  let order = first
  const began = now()
  let pause: Pause | undefined
  let inside = fence(first.endpoint.allow)
  /** Counts the orders; and under which of them the batch in hand was looked at. */
  let revision = 0
  let lookedAt = 0
  const shown = progress(now)
  const ledger = createLedger(name, store)
  const queue = createQueue(name, { store, ledger, contexts, now, inside: () => inside })
  const { source = '' } = settings
  const making = () => ({ ...order, source, contexts, now, inside })
  const supply = createSupply(name, { store, ledger, meter, sleep, now, making })
  const gate = createGate(first.endpoint, { ...deps, onShut: shown.shut, onChange: supply.news.look }, settings)
  const faults = backoff({ ...delays, random })

  /** Sends one batch until it is accepted; or until an order came, then the batch has to be looked at again. */
  const sender = (stop: AbortSignal): Send =>
    retrying(
      {
        delays: () => backoff({ ...delays, random }),
        wait: (ms) => gate.wait(ms, stop),
        onSetback(setback, waitMs) {
          queue.release()
          shown.setback(setback, waitMs)
          log.warn('delivery failed', { reason: setback.why.message, waitMs: Math.round(waitMs) })
        },
      },
      async function gated(batch, signal) {
        const post = await gate.enter(stop)
        if (lookedAt !== revision) return { kind: 'changed' }
        shown.delivering()
        return observed(shaping(bodies, post), { meter, now })(batch, signal)
      },
    )

  async function deliverFirst(send: Send, signal: AbortSignal): Promise<void> {
    lookedAt = revision
    const request = await queue.first()
    if (request === undefined) return
    const outcome = await send(request, signal)
    if (outcome.kind !== 'accepted') return
    moment('batch-answered')
    const appendedAt = queue.accept()?.appendedAt
    const { failures } = shown.report()
    if (failures > 0) log.info('delivery goes on', { failures })
    faults.reset()
    shown.accepted(request.events)
    const waited = appendedAt !== undefined && { waitedMs: now() - appendedAt }
    meter.delivered({ endpoint: name, events: request.events, ...waited })
    if (queue.length > 0) await ledger.settle()
  }

  async function run(stop: AbortSignal): Promise<void> {
    using attempts = graceful(stop, settings.graceMs)
    const send = sender(stop)
    supply.scans.look()
    await queue.restore()
    while (!stop.aborted) {
      if (!gate.open) await ledger.flush()
      await gate.enter(stop)
      if (queue.length > 0) await deliverFirst(send, attempts.signal)
      else {
        shown.idle()
        queue.add(await supply.next(stop))
      }
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
    await ledger.flush().catch((error: unknown) => log.warn('what was accepted last will be sent again', { error }))
  }

  const task = new Task(supervise)
  return {
    configure(next) {
      order = next
      inside = fence(next.endpoint.allow)
      revision++
      gate.configure(next.endpoint)
    },
    hold(next) {
      pause = next
      gate.hold(next)
    },
    arrived: supply.news.arrived,
    lookForScans() {
      supply.scans.look()
      supply.news.look()
    },
    report: () => {
      const report = shown.report()
      const breaker = { state: 'closed', since: began } as const
      const holds = holdsOf(order.endpoint, pause, began)
      return { ...report, endpoint: order.endpoint, breaker, inFlight: report.phase === 'delivering' ? 1 : 0, holds }
    },
    detail: () => ({ concurrency: 1, recent: recent.figures(), parkedObjects: [] }),
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}
