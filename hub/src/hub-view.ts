/** What the admin API and the metrics see of a running hub, read from its parts. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { CurrentConfig } from './config/current.ts'
import type { Delivery } from './delivery/dispatcher.ts'
import type { Fleet } from './fleet/fleet.ts'
import type { HubAbout, HubStatus } from './http/status.ts'
import type { EventFilter, HubView } from './http/view.ts'
import { letterView } from './letter-view.ts'
import type { Backups } from './store/backup/backups.ts'
import type { LogRow, Store, StoreStats } from './store/store.ts'
import type { Figures } from './telemetry/metrics/figures.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { traceView } from './trace/trace.ts'
import { createWhy } from './why/why.ts'

export interface HubParts {
  readonly store: Store
  readonly config: CurrentConfig
  readonly delivery: Delivery
  readonly fleet: Fleet
}

export interface ViewParts extends HubParts {
  readonly about: () => HubAbout
  readonly backups: Backups
  readonly now: () => number
}

/** Rows that may wait for a reader that follows; one that is slower sees its stream end. */
const maxWaitingRows = 5_000
/** How far back a filtered look goes at most. */
const maxPastRows = 20_000

export function createView({ about, backups, now, ...parts }: ViewParts): HubView {
  const { store, config, delivery, fleet } = parts
  return {
    about,
    status: async () => {
      const stats = await store.stats()
      const [clusters, endpoints] = await Promise.all([fleet.clusters(stats), delivery.status()])
      return { hub: about(), config: config.status(), clusters, endpoints, store: storeFigures(stats) }
    },
    clusters: async () => fleet.clusters(await store.stats()),
    issueToken: (cluster, options) => fleet.issueToken({ cluster, ...options }),
    revoke: fleet.revoke,
    endpoints: delivery.status,
    endpoint: delivery.detail,
    attempts: async (endpoint, which) =>
      config.snapshot()?.endpoints.has(endpoint) === true ? store.attempts({ endpoint, ...which }) : undefined,
    pause: (endpoint, { forMs, ...order }) =>
      delivery.pause(endpoint, { ...order, ...(forMs !== undefined && { untilMs: now() + forMs }) }),
    resume: delivery.resume,
    test: delivery.test,
    resync: delivery.resync,
    ...letterView({ store, delivery, now }),
    ...traceView(parts),
    why: createWhy(parts),
    fetchNow: config.fetchNow,
    backup: backups.make,
    events: (filter, signal) => events(store, filter, signal),
    ready: () => {
      const status = config.status()
      const reasons =
        status.live === undefined
          ? [`no good config yet: ${status.failing?.reason ?? 'the newest commit was refused or not read'}`]
          : []
      if (store.state.kind === 'stopped') reasons.push(store.state.reason ?? 'the store takes nothing')
      return { ok: reasons.length === 0, reasons }
    },
    healthy: () => ({ ok: true, reasons: [] }), // a part that fails ends the process; one that answers is well
  }
}

const storeFigures = ({ state, logRows, logBytes, logLimit, freeBytes, commitMs }: StoreStats): HubStatus['store'] => ({
  ...{ state, logRows, logBytes, logLimit, commitMs },
  ...(freeBytes !== undefined && { freeBytes }),
})

/** The past first, then what comes. The listener begins before the past is read, so that nothing falls between. */
async function* events(store: Store, filter: EventFilter, signal: AbortSignal): AsyncGenerator<LogRow> {
  const waiting: LogRow[] = []
  const news = bell()
  const wanted = matcher(filter)
  let overflow = false
  using _listener = filter.follow
    ? store.onAppend((rows) => {
        const more = rows.filter(wanted)
        overflow ||= waiting.length + more.length > maxWaitingRows
        if (!overflow) waiting.push(...more)
        news.ring()
      })
    : undefined
  const past = await store.tail(filter.from ?? 0, isFiltered(filter) ? maxPastRows : filter.limit)
  const shown = past.filter(wanted).slice(-filter.limit)
  yield* shown
  const last = past.at(-1)?.sequence ?? 0
  while (filter.follow) {
    for (const row of waiting.splice(0)) if (row.sequence > last) yield row
    if (overflow) throw new Error(`the reader of events is too slow: more than ${maxWaitingRows} rows wait`)
    if (waiting.length === 0) await news.wait(signal)
  }
}

const isFiltered = ({ cluster, watch, endpoint, resource }: EventFilter): boolean =>
  [cluster, watch, endpoint, resource].some((part) => part !== undefined)

const matcher =
  ({ cluster, watch, endpoint, resource, from = 0 }: EventFilter) =>
  (row: LogRow): boolean =>
    row.sequence >= from &&
    (cluster === undefined || row.cluster === cluster) &&
    (resource === undefined || resourceName(row.object) === resource) &&
    (watch === undefined || row.matches.includes(watch) || row.routes.some((route) => route.watches.includes(watch))) &&
    (endpoint === undefined || row.routes.some((route) => route.endpoint === endpoint))

export interface FigureParts extends HubParts {
  readonly tracing: Pick<Tracing, 'figures'>
}

/** States for `/metrics`. */
export async function figuresOf(
  { store, config, delivery, fleet, tracing }: FigureParts,
  moment: Pick<Figures, 'now' | 'process'>,
): Promise<Figures> {
  const stats = await store.stats()
  const [clusters, endpoints] = await Promise.all([fleet.clusters(stats), delivery.status()])
  return { ...moment, clusters, endpoints, store: stats, config: config.status(), spans: tracing.figures() }
}
