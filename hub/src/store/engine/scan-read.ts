/**
 * Reading for a scan: objects of the inventory in the order of their uids, in chunks that survive a restart.
 *
 * An object whose last change came after the scan began is left out where the log tells that change; where it does not (`events` may
 * keep it from that, the change is of no interest to this endpoint, or its backlog was dropped), the scan does.
 *
 * While a watch is not compared under its newest definition, nothing is told of it: the inventory still counts what a commit took from it.
 *
 * A scan that a marker closes also tells the objects of its streams that only other watches of the endpoint match: an object can pass from
 * one watch to another without an event, and a receiver that still counts it among the scanned watch's must not take it for a ghost.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { LogRow, Marker, Route, ScanChunk, Sequence } from '../store.ts'
import type { Agents } from './agents.ts'
import type { Bodies } from './bodies.ts'
import { flag, names, nullable, present, sharedJson } from './columns.ts'
import type { Contexts } from './contexts.ts'
import type { Database } from './database.ts'
import type { Log } from './log.ts'
import { take } from './log-row.ts'
import type { PlanRoutes, Plans } from './plans.ts'
import type { ScanSources, ScanStream } from './scan-sources.ts'
import type { ScanRow } from './scans.ts'

export interface ScanReadDeps {
  readonly agents: Agents
  readonly bodies: Bodies
  readonly contexts: Contexts
  readonly log: Log
  readonly plans: Plans
  readonly sources: ScanSources
  readonly now: () => number
}

/** Position of a scan that has read everything: behind every uid. */
export const endOfScan = '\uffff'

/** Objects of the inventory that one chunk looks at. */
export const objectsLookedAt = 5_000

const objectRow = object({
  uid: string,
  stream: string,
  group: string,
  version: string,
  kind: string,
  resource: string,
  namespace: string,
  name: string,
  resourceVersion: string,
  matches: sharedJson(names),
  observedAt: integer,
  sequence: integer,
  traceparent: nullable(string),
})
export type ObjectRow = ReturnType<typeof objectRow.decode>

/** Objects of some streams in one order of uids; of two rows of one uid the planned stream's comes first. */
export const objectsQuery = (db: Database, sources: readonly ScanStream[]) =>
  db.query(
    `${sources
      .map(
        ({ id, planned }) => `
      SELECT uid, streams.stream, grp AS "group", version, kind, resource, namespace, name, resource_version AS resourceVersion,
        matches, observed_at AS observedAt, sequence, traceparent, ${planned ? 0 : 1} AS rank
      FROM inventory JOIN streams ON streams.id = ${id} WHERE inventory.stream = ${id} AND uid > ?1`,
      )
      .join(' UNION ALL ')} ORDER BY uid, rank LIMIT ${objectsLookedAt}`,
    objectRow,
  )

export type ReadScan = (of: { readonly scan: ScanRow; readonly limits: Input<'readScan'>['limits'] }, head: Sequence) => ScanChunk

export function createScanRead(db: Database, deps: ScanReadDeps): ReadScan {
  const removals = db.query(
    'SELECT unwatched = 1 OR EXISTS (SELECT 1 FROM removed WHERE endpoint = name) AS told FROM endpoints WHERE name = ?',
    object({ told: flag }),
  )
  return ({ scan, limits }, head) => {
    const plan = deps.plans.current(scan.cluster)
    if (plan === undefined) return { head, rows: [], position: endOfScan, done: true }
    if (deps.sources.outdated(plan, scan.watch)) return { head, rows: [], position: scan.position, done: false, waiting: true }
    const sources = deps.sources.of(plan, scan.watch)
    const telling = { scan, plan, deps, anew: removals.get(scan.endpoint)?.told === true }
    const found = sources.length === 0 ? [] : objectsQuery(db, sources).all(scan.position)
    const objects = found.length < objectsLookedAt ? found : withoutLast(found)
    const { rows, complete } = take(tell(objects, telling), limits)
    if (!complete || found.length === objectsLookedAt) {
      const position = complete ? objects.at(-1)?.uid : rows.at(-1)?.object.uid
      return { head, rows, position: position ?? scan.position, done: false }
    }
    const end = { head, rows, position: endOfScan }
    if (!scan.marked) return { ...end, done: true }
    // Before the cluster was compared in full, what the inventory lacks may well exist.
    if (!deps.sources.inStep(plan, scan.watch)) return { ...end, done: false, waiting: true }
    return { ...end, done: true, marker: markerOf(telling, sources, head) }
  }
}

/** Without the rows of the last uid, of which there may be more. */
export function withoutLast(objects: readonly ObjectRow[]): readonly ObjectRow[] {
  const last = objects.at(-1)?.uid
  return objects.filter(({ uid }) => uid !== last)
}

interface Telling {
  readonly scan: ScanRow
  /** The endpoint may have been told that an object is gone which is there unchanged: what it is told of it has to have a higher number. */
  readonly anew: boolean
  readonly plan: PlanRoutes
  readonly deps: ScanReadDeps
}

const contextOf = ({ scan, plan, deps }: Telling): string => String(deps.contexts.of(plan, deps.agents.clusterUid(scan.cluster)))

function markerOf(telling: Telling, sources: readonly ScanStream[], head: Sequence): Marker {
  const { watch, cluster, started } = telling.scan
  const count = telling.deps.sources.count(sources, [watch])
  return { watch, cluster, context: contextOf(telling), since: started, sequence: Math.max(head, started), count }
}

function* tell(objects: readonly ObjectRow[], telling: Telling): Generator<LogRow> {
  const { scan, deps, anew } = telling
  if (objects.length === 0) return
  const context = contextOf(telling)
  const appendedAt = deps.now()
  let last = ''
  for (const { uid, group, version, kind, resource, namespace, name, resourceVersion, traceparent, ...row } of objects) {
    if (uid === last) continue
    const route = routeOf(row.matches, telling)
    if (route.watches.length === 0 || !(scan.marked || row.matches.includes(scan.watch))) continue
    last = uid
    const later = row.sequence > scan.started && deps.log.isRouted(row.sequence, scan.endpoint)
    // A frame of an older plan can tell its end to an endpoint that hears it by another watch now: what is there has a number above that.
    const isBack = later && deps.log.isDeletion(row.sequence, scan.endpoint)
    if (later && !isBack) continue
    yield {
      ...row,
      sequence: isBack || anew ? deps.log.nextSequence() : row.sequence,
      cluster: scan.cluster,
      context,
      object: { group, version, kind, resource, namespace, name, uid, resourceVersion },
      appendedAt,
      cause: 'list',
      change: 'added',
      routes: [route],
      body: deps.bodies.get(row.sequence),
      ...present({ traceparent }),
    }
  }
}

/** A resync tells what is there whatever the watches' `events` say; the beginning is subject to them like any creation. */
function routeOf(matches: readonly string[], { scan: { endpoint, reason }, plan }: Telling): Route {
  const type = reason === 'initial' ? 'created' : 'updated'
  const watches = matches.filter((watch) => {
    const route = plan.watches.get(watch)
    return route?.endpoints.includes(endpoint) && (reason === 'resync' || route.events.includes(type))
  })
  return { endpoint, type, reason, watches }
}
