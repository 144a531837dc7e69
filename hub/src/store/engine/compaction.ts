/**
 * Compaction: what an endpoint has not read yet comes to the newest state of each object, so that one which is away fills no disk (law 5).
 *
 * One step goes over a few rows, oldest first. A row that an endpoint still has to be told, and that is followed by another one of the same
 * object for the same endpoint, is told no more: the later row's route becomes what both come to (combine.ts). Done in the order of the
 * rows this is exact, and a deletion stays until it is told, unless its object never was. A row that nobody needs then is deleted.
 *
 * Only rows up to `upTo` take part: what is younger is in memory elsewhere, as it was appended. One sweep is over rows up to one `upTo`.
 * A courier may hold rows that it read before: what it makes of them is refused where they are not there any more (`overtaken`).
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Output } from '../calls.ts'
import { combined } from '../combine.ts'
import type { Freeze, Route, Sequence } from '../store.ts'
import type { Backlog } from './backlog.ts'
import type { Batches } from './batches.ts'
import type { Bodies } from './bodies.ts'
import { jsonText } from './columns.ts'
import type { Database } from './database.ts'
import type { Endpoints } from './endpoints.ts'
import type { Log } from './log.ts'
import { logRowBytes, routeNeedle, routesText } from './log-row.ts'
import type { Patches } from './patches.ts'

export interface CompactionDeps {
  readonly backlog: Backlog
  readonly batches: Batches
  readonly bodies: Bodies
  readonly endpoints: Endpoints
  readonly log: Log
  readonly patches: Patches
}

export interface Compaction {
  /** One step. */
  step(of: Input<'compact'>): Output<'compact'>
  /**
   * True when the step would freeze a row that it read from the log before a later one took its place; or a chunk of a scan, or a replay, which
   * tell what is so at the cursor, after rows before the cursor may have gone into rows behind it.
   */
  overtaken(step: Freeze): boolean
}

/** Rows that one step looks at. */
const rowsPerStep = 500

const chunkRow = object({
  sequence: integer,
  routes: jsonText(routesText),
  uid: string,
  cluster: string,
  group: string,
  resource: string,
  bytes: integer,
})
type ChunkRow = ReturnType<typeof chunkRow.decode>

export function createCompaction(db: Database, deps: CompactionDeps): Compaction {
  const { batches: frozenBatches, endpoints, log } = deps
  const chunk = db.query(
    `SELECT log.sequence, log.routes, log.uid, streams.cluster, streams.grp AS "group", streams.resource,
       ${logRowBytes} AS bytes
     FROM log JOIN streams ON streams.id = log.stream JOIN bodies ON bodies.sequence = log.sequence
     WHERE log.sequence > ? AND log.sequence <= ? ORDER BY log.sequence LIMIT ${rowsPerStep}`,
    chunkRow,
  )
  const merge = createMerge(db, deps)
  const remove = createRemove(db, deps)

  return {
    step: ({ from, upTo, merging }) => {
      const rows = chunk.all(from, upTo)
      const last = rows.at(-1)?.sequence
      if (last === undefined) return {}
      const cursors = endpoints.cursors()
      const frozen = frozenBatches.rowsWithin(rows[0]?.sequence ?? last, last)
      const needs = ({ endpoint }: Route, sequence: Sequence) => sequence > (cursors.get(endpoint) ?? Number.POSITIVE_INFINITY)
      /** Routes that changed in this step. */
      const changed = new Map<Sequence, readonly Route[]>()
      const unneeded: ChunkRow[] = []
      for (const row of rows) {
        const waiting = (changed.get(row.sequence) ?? row.routes).filter((route) => needs(route, row.sequence))
        const merged = waiting.filter(
          (route) =>
            merging !== undefined &&
            (merging.endpoint ?? route.endpoint) === route.endpoint &&
            merge(row, route, { upTo, changed }),
        )
        if (merged.length === waiting.length && !frozen.has(row.sequence)) unneeded.push(row)
      }
      remove(unneeded)
      for (const { sequence } of unneeded) changed.delete(sequence)
      for (const [sequence, routes] of changed) log.setRoutes(sequence, routes)
      const bytes = unneeded.reduce((sum, row) => sum + row.bytes, 0)
      if (unneeded.length > 0 || changed.size > 0) log.shrink({ rows: unneeded.length, bytes, thinned: upTo })
      return rows.length < rowsPerStep ? {} : { next: last }
    },
    overtaken: ({ endpoint, batches, replaced = [], replayed = [], cursor: to, scan }) => {
      const { thinned } = log.totals()
      if ((scan !== undefined || replayed.length > 0) && thinned > to) return true
      const cursor = endpoints.cursors().get(endpoint) ?? 0
      return [...batches, ...replaced.flatMap(({ by }) => by)].some(
        ({ members, payload, parking }) =>
          (payload === undefined || (parking !== undefined && scan === undefined)) &&
          members.some(({ sequence }) => sequence > cursor && sequence <= thinned && !log.isRouted(sequence, endpoint)),
      )
    },
  }
}

interface Merging {
  readonly upTo: Sequence
  readonly changed: Map<Sequence, readonly Route[]>
}

/** Passes one row over for one endpoint, if a later row can tell all of it. False = it has to stay. */
function createMerge(db: Database, { backlog, endpoints }: CompactionDeps) {
  const following = db.query(
    `SELECT log.sequence, log.routes FROM log JOIN streams ON streams.id = log.stream
     WHERE log.uid = ? AND log.sequence > ? AND log.sequence <= ?
       AND streams.cluster = ? AND streams.grp = ? AND streams.resource = ? AND instr(log.routes, ?) > 0
     ORDER BY log.sequence`,
    object({ sequence: integer, routes: jsonText(routesText) }),
  )
  const routesOf = (sequence: Sequence, routes: readonly Route[], { changed }: Merging) => changed.get(sequence) ?? routes
  const without = (routes: readonly Route[], endpoint: string) => routes.filter((route) => route.endpoint !== endpoint)

  const next = ({ uid, sequence, cluster, group, resource }: ChunkRow, endpoint: string, merging: Merging) => {
    for (const row of following.each(uid, sequence, merging.upTo, cluster, group, resource, routeNeedle(endpoint))) {
      const routes = routesOf(row.sequence, row.routes, merging)
      const route = routes.find((each) => each.endpoint === endpoint)
      if (route !== undefined) return { sequence: row.sequence, routes, route } // else it vanished in this step
    }
    return undefined
  }
  return (row: ChunkRow, route: Route, merging: Merging): boolean => {
    const { endpoint } = route
    const later = next(row, endpoint, merging)
    if (later === undefined) return false
    const { changed } = merging
    const both = combined(route, later.route, row.sequence <= endpoints.doubted(endpoint))
    changed.set(row.sequence, without(routesOf(row.sequence, row.routes, merging), endpoint))
    changed.set(
      later.sequence,
      both === undefined
        ? without(later.routes, endpoint)
        : later.routes.map((each) => (each.endpoint === endpoint ? both : each)),
    )
    const passedOver = both === undefined ? [row.sequence, later.sequence] : [row.sequence]
    for (const sequence of passedOver) backlog.lower(endpoint, sequence)
    endpoints.skip(endpoint, passedOver.length)
    return true
  }
}

function createRemove(db: Database, { bodies, patches }: CompactionDeps) {
  const remove = db.command('DELETE FROM log WHERE sequence = ?')
  return (rows: readonly ChunkRow[]): void => {
    for (const { sequence } of rows) {
      remove(sequence)
      patches.release(sequence)
      bodies.release(sequence)
    }
  }
}
