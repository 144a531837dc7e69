/**
 * Compaction: what a window of the log comes to for one endpoint. Pure.
 *
 * `every`: each row is told. `latest`: each object is told once, in its newest state, with the transition that the endpoint has to make:
 *   it did not have it, and it is there now  → created
 *   it had it, and it is there now           → updated
 *   it had it, and it is gone now            → deleted
 *   it did not have it, and it is gone now   → nothing
 * Whether it had it is told by the first row that waits: only `created` says no. A re-created object has another uid, so it is another
 * object here; its rows come after the old one's `deleted` in the log, and so they do in what comes out, which is ordered by newest row.
 */
import type { EndpointConfig } from '../config/model.ts'
import type { LogRow, Member, Reason, Route } from '../store/store.ts'

/** What the rows of one object come to. */
export interface Span {
  /** The newest one. */
  readonly row: LogRow
  /** Absent = there is nothing to tell. */
  readonly member?: Member
  /** Positions of its oldest and its newest row in the window. */
  readonly first: number
  readonly last: number
}

/** Ordered by `last`. Every row of `rows` that is routed to `endpoint` belongs to exactly one span. */
export function compact(rows: readonly LogRow[], { name, history }: Pick<EndpointConfig, 'name' | 'history'>): readonly Span[] {
  return history === 'every' ? eachRow(rows, name) : eachObject(rows, name)
}

export const routeOf = (row: LogRow, endpoint: string): Route | undefined =>
  row.routes.find((route) => route.endpoint === endpoint)

/** What an endpoint is told of one row by itself. */
export const memberOf = (row: LogRow, route: Route): Member => member(row, route, route.type, route.reason)

function eachRow(rows: readonly LogRow[], endpoint: string): readonly Span[] {
  const spans: Span[] = []
  rows.forEach((row, at) => {
    const route = routeOf(row, endpoint)
    if (route !== undefined) spans.push({ row, member: memberOf(row, route), first: at, last: at })
  })
  return spans
}

/** What is known of one object while its rows are read. */
interface Story {
  readonly first: number
  /** The endpoint had it before the window. */
  readonly had: boolean
  readonly last: number
  readonly row: LogRow
  readonly route: Route
  /** Of the newest `created`. */
  readonly entered?: Route
}

function eachObject(rows: readonly LogRow[], endpoint: string): readonly Span[] {
  const stories = new Map<string, Story>()
  rows.forEach((row, at) => {
    const route = routeOf(row, endpoint)
    if (route === undefined) return
    const key = objectKey(row)
    const before = stories.get(key)
    stories.delete(key) // so that the map stays in the order of the newest rows
    const entered = route.type === 'created' ? route : before?.entered
    stories.set(key, {
      first: before?.first ?? at,
      had: before?.had ?? route.type !== 'created',
      last: at,
      row,
      route,
      ...(entered && { entered }),
    })
  })
  return Array.from(stories.values(), spanOf)
}

function spanOf(story: Story): Span {
  const { row, first, last } = story
  const told = outcome(story)
  return told === undefined ? { row, first, last } : { row, member: told, first, last }
}

function outcome({ row, route, had, entered }: Story): Member | undefined {
  if (route.type === 'deleted') return had ? memberOf(row, route) : undefined
  if (!had) return member(row, route, 'created', entered?.reason)
  return member(row, route, 'updated', route.reason !== undefined && ofUpdates.has(route.reason) ? route.reason : undefined)
}

/** The others explain why an object comes or goes, which an object that stays does not. */
const ofUpdates: ReadonlySet<Reason> = new Set<Reason>(['recovered', 'projection', 'resync'])

function member(row: LogRow, route: Route, type: Member['type'], reason: Reason | undefined): Member {
  const { watches } = route
  return reason === undefined ? { sequence: row.sequence, type, watches } : { sequence: row.sequence, type, reason, watches }
}

const objectKey = ({ cluster, object }: LogRow): string => `${cluster}\n${object.group}\n${object.resource}\n${object.uid}`
