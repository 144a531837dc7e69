/**
 * The dispatcher: the way out as a whole. It follows the Snapshot, wakes couriers when there is something for them, and takes operators' orders.
 * Cursors, frozen batches and scans stay in the store whatever happens here.
 */
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Log } from '@watch-hub/shared/runtime/log'
import { deadline, sleep as realSleep, type Sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Snapshot } from '../config/model.ts'
import type { EndpointBacklog, LogRow, Pause, Resynced, Store, StoreStats } from '../store/store.ts'
import { createBodies } from './body/bodies.ts'
import { contexts } from './contexts.ts'
import { type Courier, type CourierDeps, type DeliveryStore, startCourier } from './courier.ts'
import { createCouriers } from './couriers.ts'
import { type AboutObject, detailOf, type EndpointDetail, type ReplayedLetter, shownErrors } from './detail.ts'
import type { Egress } from './egress.ts'
import { createHolds } from './holds.ts'
import { type DeliveryMeter, silentMeter } from './meter.ts'
import type { Amount } from './news.ts'
import { type ObjectAddress, objectKey } from './object-key.ts'
import type { EgressProxy } from './proxy.ts'
import { startResyncs } from './resyncs.ts'
import { type SampleAnswer, sendSample } from './sample.ts'
import type { Secrets } from './secrets.ts'
import type { EndpointStatus } from './status.ts'
import { shownUrl, type TargetSettings } from './target.ts'
import { type DeliveryTracer, silentTracer } from './tracer.ts'

export interface DeliveryDeps {
  readonly store: DeliveryStore & Pick<Store, 'resync' | 'resyncDue' | 'dropBacklog' | 'attempts'>
  readonly secrets: Secrets
  readonly egress: Egress
  /** @default none */
  readonly proxy?: EgressProxy | undefined
  readonly log: Log
  /** @default none */
  readonly meter?: DeliveryMeter
  /** @default none */
  readonly tracer?: DeliveryTracer
  /** ms since 1970. @default Date.now */
  readonly now?: () => number
  readonly sleep?: Sleep
  /** In [0, 1). @default Math.random */
  readonly random?: () => number
}

export interface DeliverySettings extends TargetSettings {
  /** What an attempt under way gets to end when its courier is stopped, ms. @default 5000 */
  readonly graceMs?: number
  /** Where the hub is known to be, without a slash at the end. @default '' */
  readonly source?: string
}

export interface Delivery extends AsyncDisposable {
  /** Rejects when the way out as a whole has failed; what happens to one endpoint is in its status. */
  readonly done: Promise<void>
  /** Call it once `Store.activate` has taken in the same Snapshot. The same one again only makes couriers look for new scans. */
  follow(snapshot: Snapshot): void
  /** By name. */
  status(): Promise<readonly EndpointStatus[]>
  /** An operator's hold; survives restarts. False = there is no such endpoint. */
  pause(name: string, order: HoldOrder): Promise<boolean>
  /** Ends an operator's hold, not one in Git. False = there is no such endpoint. */
  resume(name: string): Promise<boolean>
  /** All that is known of one. Nothing = there is no such endpoint. */
  detail(name: string): Promise<EndpointDetail | undefined>
  /** Requests of one endpoint that are sent just now, by their batch: since when, ms. */
  sending(name: string): ReadonlyMap<string, number>
  /** The same, and how it stands with one object. Nothing = there is no such endpoint. */
  about(
    name: string,
    object: ObjectAddress,
  ): Promise<{ readonly detail: EndpointDetail; readonly object: AboutObject } | undefined>
  /** Tells dead letters of one endpoint again; answers for each id. Nothing = there is no such endpoint. */
  replay(name: string, ids: readonly string[]): Promise<readonly ReplayedLetter[] | undefined>
  /** Sends a marked sample, once. Nothing = there is no such endpoint. */
  test(name: string, signal: AbortSignal): Promise<SampleAnswer | undefined>
  /** Sends the current state again. Nothing = there is no such endpoint. */
  resync(name: string, what: ResyncWhat): Promise<ResyncAnswer | undefined>
}

export interface HoldOrder {
  readonly by: string
  readonly reason?: string
  /** Ends by itself then, ms since 1970. */
  readonly untilMs?: number
}

export interface ResyncWhat {
  /** Absent = all. */
  readonly watch?: string
  /** Absent = all. */
  readonly cluster?: string
  /** What waits is passed over first, except deletions. Only for the whole endpoint. */
  readonly dropBacklog?: boolean
}

export interface ResyncAnswer extends Resynced {
  /** Events that were passed over. */
  readonly dropped: number
}

/** What was to be told again and could not be by then is answered with `waits`. */
const replayPatienceMs = 10_000

export function startDelivery(deps: DeliveryDeps, settings: DeliverySettings): Delivery {
  const { store, now = Date.now } = deps
  const { graceMs = 5_000, ...target } = settings
  const bodies = createBodies()
  const courierDeps: CourierDeps = {
    sleep: realSleep,
    random: Math.random,
    meter: silentMeter,
    tracer: silentTracer,
    ...deps,
    now,
    contexts: contexts(store),
    bodies,
    holding: {
      gone: (endpoint, reason) => holds.gone(endpoint, reason),
      guarded: (name) => holds.guarded(name),
      expired: (name) => holds.expired(name),
    },
  }
  let wanted: Snapshot | undefined
  const wantedChanged = bell()

  const couriers = createCouriers({
    log: deps.log,
    start: (order, after) => {
      const courier = startCourier(order, courierDeps, { ...target, graceMs, after })
      courier.hold(holds.of(order.endpoint.name))
      return courier
    },
  })
  const holds = createHolds({ store, now, log: deps.log, tell: (name, pause) => couriers.get(name)?.hold(pause) })
  const lookForScans = (name: string) => couriers.get(name)?.lookForScans()
  const resyncs = startResyncs({ ...courierDeps, store, onBegun: lookForScans })

  async function hold(name: string, pause: Pause | undefined): Promise<boolean> {
    if (couriers.get(name) === undefined) return false
    await holds.put(name, pause)
    return true
  }

  async function resync(name: string, { dropBacklog, ...which }: ResyncWhat): Promise<ResyncAnswer | undefined> {
    if (dropBacklog) return couriers.apart(name, () => store.dropBacklog(name))
    if (couriers.get(name) === undefined) return undefined
    const scans = await store.resync({ endpoint: name, ...which })
    lookForScans(name)
    return { ...scans, dropped: 0 }
  }

  async function detail(name: string): Promise<EndpointDetail | undefined> {
    const [stats, failed] = await Promise.all([
      store.stats(),
      store.attempts({ endpoint: name, failed: true, limit: shownErrors }),
    ])
    const courier = couriers.get(name)
    return courier && detailOf(statusOf(courier, stats, now()), courier.detail(), failed)
  }

  const about: Delivery['about'] = async (name, object) => {
    const known = await detail(name)
    const own = couriers.get(name)?.about(objectKey(object))
    return known && own && { detail: known, object: own }
  }

  async function sample(name: string, signal: AbortSignal): Promise<SampleAnswer | undefined> {
    const endpoint = couriers.get(name)?.report().endpoint
    const attach = wanted?.settings.attach ?? {}
    return endpoint && sendSample({ endpoint, attach }, { ...deps, now, bodies }, { ...target, signal })
  }

  const listening = store.onAppend((rows, ready) => {
    for (const [name, amount] of routed(rows)) couriers.get(name)?.arrived(amount)
    for (const name of ready) {
      lookForScans(name)
      holds.review(name)
    }
  })
  const task = new Task(async (signal) => {
    for (;;) {
      await wantedChanged.wait(signal)
      if (wanted === undefined) continue
      await holds.follow(wanted)
      couriers.follow(wanted)
      resyncs.follow(wanted)
    }
  })

  let closing: Promise<void> | undefined
  async function close(): Promise<void> {
    listening[Symbol.dispose]()
    await task[Symbol.asyncDispose]()
    await resyncs[Symbol.asyncDispose]()
    await couriers[Symbol.asyncDispose]()
    await bodies[Symbol.asyncDispose]()
  }

  return {
    done: task.done,
    follow(snapshot) {
      wanted = snapshot
      wantedChanged.ring()
    },
    status: async () => {
      const stats = await store.stats()
      const all = couriers.all().toSorted(([a], [b]) => (a < b ? -1 : 1))
      return all.map(([, courier]) => statusOf(courier, stats, now()))
    },
    pause: (name, { by, reason, untilMs }) =>
      hold(name, { since: now(), by, ...(reason !== undefined && { reason }), ...(untilMs !== undefined && { until: untilMs }) }),
    resume: (name) => hold(name, undefined),
    detail,
    sending: (name) => couriers.get(name)?.sending() ?? new Map(),
    about,
    async replay(name, ids) {
      using patience = deadline(replayPatienceMs)
      return await couriers.get(name)?.replay(ids, patience.signal)
    },
    test: sample,
    resync,
    [Symbol.asyncDispose]: () => {
      closing ??= close()
      return closing
    },
  }
}

/** How much of these rows is routed to whom. */
function routed(rows: readonly LogRow[]): ReadonlyMap<string, Amount> {
  const amounts = new Map<string, { events: number; bytes: number }>()
  for (const { routes, body } of rows)
    for (const { endpoint } of routes) {
      const amount = amounts.get(endpoint)
      if (amount === undefined) amounts.set(endpoint, { events: 1, bytes: body.length })
      else {
        amount.events++
        amount.bytes += body.length
      }
    }
  return amounts
}

function statusOf(courier: Courier, { endpoints, deadLetterLimit }: StoreStats, now: number): EndpointStatus {
  const { endpoint, ...report } = courier.report()
  const backlog: EndpointBacklog | undefined = endpoints.find((each) => each.endpoint === endpoint.name)
  const { count, bytes } = backlog?.deadLetters ?? { count: 0, bytes: 0 }
  return {
    name: endpoint.name,
    url: shownUrl(endpoint.url),
    format: endpoint.format,
    ...report,
    backlog: backlog?.events ?? 0,
    skipped: backlog?.skipped ?? 0,
    ...(backlog?.oldestAt !== undefined && { oldestMs: Math.max(0, now - backlog.oldestAt) }),
    parked: backlog?.parked ?? { objects: 0, bytes: 0 },
    deadLetters: { count, bytes, limit: deadLetterLimit },
    scans: (backlog?.scans ?? []).map(({ id: _, endpoint: __, ...scan }) => scan),
  }
}
