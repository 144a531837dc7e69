/**
 * The dispatcher: which couriers run. It follows the Snapshot: an endpoint that appears gets a courier, one that is gone loses it, one whose
 * settings changed is told, and one that is unchanged is not touched. Cursors and frozen batches stay in the store whatever happens here.
 */
import { isDeepStrictEqual } from 'node:util'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Log } from '@watch-hub/shared/runtime/log'
import { sleep as realSleep, type Sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Snapshot } from '../config/model.ts'
import type { EndpointBacklog, LogRow } from '../store/store.ts'
import { contexts } from './contexts.ts'
import { type Courier, type CourierDeps, type DeliveryStore, type Order, startCourier } from './courier.ts'
import type { Egress } from './egress.ts'
import type { Pause } from './gate.ts'
import { type DeliveryMeter, silentMeter } from './meter.ts'
import type { Amount } from './news.ts'
import type { Secrets } from './secrets.ts'
import type { EndpointStatus } from './status.ts'
import { shownUrl, type TargetSettings } from './target.ts'

export interface DeliveryDeps {
  readonly store: DeliveryStore
  readonly secrets: Secrets
  readonly egress: Egress
  readonly log: Log
  /** @default none */
  readonly meter?: DeliveryMeter
  /** ms since 1970. @default Date.now */
  readonly now?: () => number
  readonly sleep?: Sleep
  /** In [0, 1). @default Math.random */
  readonly random?: () => number
}

export interface DeliverySettings extends TargetSettings {
  /** What an attempt under way gets to end when its courier is stopped, ms. @default 5000 */
  readonly graceMs?: number
}

export interface Delivery extends AsyncDisposable {
  /** Rejects when the way out as a whole has failed; what happens to one endpoint is in its status. */
  readonly done: Promise<void>
  /** Call it once `Store.activate` has taken in the same Snapshot. The same one again only makes couriers look for new scans. */
  follow(snapshot: Snapshot): void
  /** By name. */
  status(): Promise<readonly EndpointStatus[]>
  /** An operator's hold; survives restarts. False = there is no such endpoint. */
  pause(name: string, by: string): Promise<boolean>
  /** Ends an operator's hold, not one in Git. False = there is no such endpoint. */
  resume(name: string): Promise<boolean>
}

interface Running {
  readonly order: Order
  readonly courier: Courier
}

export function startDelivery(deps: DeliveryDeps, settings: DeliverySettings): Delivery {
  const { store, now = Date.now } = deps
  const { graceMs = 5_000, ...target } = settings
  const courierDeps: CourierDeps = {
    sleep: realSleep,
    random: Math.random,
    meter: silentMeter,
    ...deps,
    now,
    contexts: contexts(store),
  }
  const running = new Map<string, Running>()
  const ending = new Map<string, Promise<void>>()
  let pauses: ReadonlyMap<string, Pause> = new Map()
  let wanted: Snapshot | undefined
  const wantedChanged = bell()

  function apply(snapshot: Snapshot): void {
    for (const name of [...running.keys()]) if (!snapshot.endpoints.has(name)) stop(name)
    for (const endpoint of snapshot.endpoints.values()) {
      const order = { endpoint, attach: snapshot.settings.attach }
      const before = running.get(endpoint.name)
      if (before === undefined) start(order)
      else if (!sameOrder(before.order, order)) {
        running.set(endpoint.name, { ...before, order })
        before.courier.configure(order)
      }
      before?.courier.lookForScans()
    }
  }

  function start(order: Order): void {
    const { name } = order.endpoint
    const courier = startCourier(order, courierDeps, { ...target, graceMs, after: ending.get(name) })
    courier.hold(pauses.get(name))
    running.set(name, { order, courier })
  }

  function stop(name: string): void {
    const courier = running.get(name)?.courier
    if (courier === undefined) return
    running.delete(name)
    const end = ended(name, courier)
    ending.set(name, end)
    void end.then(() => ending.get(name) === end && ending.delete(name))
  }

  /** Resolves whatever happens: what did not end well is said, and holds up nobody. */
  async function ended(name: string, courier: Courier): Promise<void> {
    try {
      await courier[Symbol.asyncDispose]()
    } catch (error) {
      deps.log.error('courier did not end well', { endpoint: name, error })
    }
  }

  async function hold(name: string, pause: Pause | undefined): Promise<boolean> {
    const courier = running.get(name)?.courier
    if (courier === undefined) return false
    await store.setPaused(name, pause)
    pauses = pause === undefined ? new Map([...pauses].filter(([each]) => each !== name)) : new Map([...pauses, [name, pause]])
    running.get(name)?.courier.hold(pause)
    return true
  }

  const listening = store.onAppend((rows) => {
    for (const [name, amount] of routed(rows)) running.get(name)?.courier.arrived(amount)
  })
  const task = new Task(async (signal) => {
    pauses = await store.paused()
    for (;;) {
      await wantedChanged.wait(signal)
      if (wanted !== undefined) apply(wanted)
    }
  })

  return {
    done: task.done,
    follow(snapshot) {
      wanted = snapshot
      wantedChanged.ring()
    },
    status: async () => {
      const backlogs = new Map((await store.stats()).endpoints.map((each) => [each.endpoint, each]))
      const all = [...running].sort(([a], [b]) => (a < b ? -1 : 1))
      return all.map(([name, { courier }]) => statusOf(courier, { backlog: backlogs.get(name), now: now() }))
    },
    pause: (name, by) => hold(name, { since: now(), by }),
    resume: (name) => hold(name, undefined),
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      await task[Symbol.asyncDispose]()
      for (const name of [...running.keys()]) stop(name)
      await Promise.all(ending.values())
    },
  }
}

/** The place of an endpoint in its file does not matter. */
const sameOrder = (a: Order, b: Order): boolean =>
  isDeepStrictEqual({ ...a.endpoint, at: undefined }, { ...b.endpoint, at: undefined }) && isDeepStrictEqual(a.attach, b.attach)

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

function statusOf(
  courier: Courier,
  { backlog, now }: { readonly backlog: EndpointBacklog | undefined; readonly now: number },
): EndpointStatus {
  const { endpoint, scans, ...report } = courier.report()
  return {
    name: endpoint.name,
    url: shownUrl(endpoint.url),
    format: endpoint.format,
    ...report,
    backlog: backlog?.events ?? 0,
    ...(backlog?.oldestAt !== undefined && { oldestMs: Math.max(0, now - backlog.oldestAt) }),
    scans: scans.map(({ watch, cluster, reason, sent, total }) => ({ watch, cluster, reason, sent, total })),
  }
}
