/**
 * Compaction: what a window of the log comes to for one endpoint. Pure.
 *
 * `every`: each row is told. `latest`: each object is told once, in its newest state, with the transition that the endpoint has to make
 * (store/combine.ts). A re-created object has another uid, so it is another object here; its rows come after the old one's `deleted` in the
 * log, and so they do in what comes out, which is ordered by newest row.
 */
import type { EndpointConfig } from '../config/model.ts'
import { combined } from '../store/combine.ts'
import type { LogRow, Member, Route, Sequence } from '../store/store.ts'

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

/**
 * Ordered by `last`. Every row of `rows` that is routed to `endpoint` belongs to exactly one span. A row that is told by itself is told
 * as its patch, where it has one for the endpoint whose base is newer than `doubted`. Rows up to `unsure` may have been told before.
 */
export function compact(
  rows: readonly LogRow[],
  { name, history }: Pick<EndpointConfig, 'name' | 'history'>,
  doubted: Sequence = Number.POSITIVE_INFINITY,
  unsure: Sequence = 0,
): readonly Span[] {
  const spans = history === 'every' ? eachRow(rows, name) : eachObject(rows, name, unsure)
  return spans.map((span) => patched(span, name, doubted))
}

function patched(span: Span, endpoint: string, doubted: Sequence): Span {
  const { row, member, first, last } = span
  if (row.patch === undefined || member === undefined || first !== last || row.patch.base <= doubted) return span
  return routeOf(row, endpoint)?.delta ? { ...span, member: { ...member, base: row.patch.base } } : span
}

export const routeOf = (row: LogRow, endpoint: string): Route | undefined =>
  row.routes.find((route) => route.endpoint === endpoint)

/** What an endpoint is told by one row, under a route of its own or one that earlier rows went into. */
export function memberOf({ sequence }: LogRow, { type, reason, watches }: Route): Member {
  return reason === undefined ? { sequence, type, watches } : { sequence, type, reason, watches }
}

function eachRow(rows: readonly LogRow[], endpoint: string): readonly Span[] {
  const spans: Span[] = []
  rows.forEach((row, at) => {
    const route = routeOf(row, endpoint)
    if (route !== undefined) spans.push({ row, member: memberOf(row, route), first: at, last: at })
  })
  return spans
}

/** What is known of one object while its rows are read. */
interface Story extends Omit<Span, 'member'> {
  /** What they come to; absent = nothing. */
  readonly route?: Route | undefined
}

function eachObject(rows: readonly LogRow[], endpoint: string, unsure: Sequence): readonly Span[] {
  const stories = new Map<string, Story>()
  rows.forEach((row, at) => {
    const route = routeOf(row, endpoint)
    if (route === undefined) return
    const key = objectKey(row)
    const before = stories.get(key)
    stories.delete(key) // so that the map stays in the order of the newest rows
    const told = before?.route === undefined ? route : combined(before.route, route, before.row.sequence <= unsure)
    stories.set(key, { first: before?.first ?? at, last: at, row, route: told })
  })
  return Array.from(stories.values(), ({ route, ...span }) =>
    route === undefined ? span : { ...span, member: memberOf(span.row, route) },
  )
}

const objectKey = ({ cluster, object }: LogRow): string => `${cluster}\n${object.group}\n${object.resource}\n${object.uid}`
