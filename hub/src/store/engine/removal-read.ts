/**
 * Reading for a scan that tells removals: objects of one kind that the inventory still counts among the watch's, and that no other watch of the
 * endpoint wants, as deletions. Each has a number of its own, above everything that the endpoint was told before.
 *
 * What the log told since the scan began is left out; so is what the removal of another watch tells that began with it, unless the object
 * changed since.
 */
import type { LogRow } from '../store.ts'
import { present } from './columns.ts'
import type { Database } from './database.ts'
import { take } from './log-row.ts'
import type { PlanRoutes } from './plans.ts'
import { createTogether } from './removals.ts'
import {
  endOfScan,
  type ObjectRow,
  objectsLookedAt,
  objectsQuery,
  type ReadScan,
  type ScanReadDeps,
  withoutLast,
} from './scan-read.ts'
import type { ScanRow } from './scans.ts'
import type { Streams } from './streams.ts'
import type { Wanting } from './wanting.ts'

export interface RemovalReadDeps extends ScanReadDeps {
  readonly streams: Streams
  readonly wanting: Wanting
}

export function createRemovalRead(db: Database, deps: RemovalReadDeps): ReadScan {
  const together = createTogether(db)
  return ({ scan, limits }, head) => {
    const { cluster, kind, started, position } = scan
    if (started === 0) return { head, rows: [], position, done: false, waiting: true }
    const sources = deps.streams.ofCluster(cluster).filter(({ name }) => name === kind)
    const plan = deps.plans.lastWith(cluster, scan.watch) ?? deps.plans.current(cluster)
    if (sources.length === 0 || plan === undefined) return { head, rows: [], position: endOfScan, done: true }
    const found = objectsQuery(
      db,
      sources.map(({ id }) => ({ id, planned: true })),
    ).all(position)
    const objects = found.length < objectsLookedAt ? found : withoutLast(found)
    const told = new Set(together(scan, started))
    const { rows, complete } = take(tell(objects, { scan, plan, told, wanting: new Set(deps.wanting(scan)), deps }), limits)
    if (complete && found.length < objectsLookedAt) return { head, rows, position: endOfScan, done: true }
    return { head, rows, position: (complete ? objects : rows.map((row) => row.object)).at(-1)?.uid ?? position, done: false }
  }
}

interface Telling {
  readonly scan: ScanRow
  readonly plan: PlanRoutes
  /** Watches whose removal tells what both have. */
  readonly told: ReadonlySet<string>
  readonly wanting: ReadonlySet<string>
  readonly deps: RemovalReadDeps
}

function* tell(objects: readonly ObjectRow[], { scan, plan, told, wanting, deps }: Telling): Generator<LogRow> {
  if (objects.length === 0) return
  const { endpoint, watch, cluster } = scan
  const context = String(deps.contexts.of(plan, deps.agents.clusterUid(cluster)))
  const appendedAt = deps.now()
  const isTold = ({ matches, sequence }: ObjectRow) =>
    sequence > scan.started ? deps.log.isRouted(sequence, endpoint) : matches.some((each) => told.has(each))
  for (const rows of Map.groupBy(objects, ({ uid }) => uid).values()) {
    const row = rows.find(({ matches }) => matches.includes(watch))
    if (row === undefined || isTold(row) || rows.some(({ matches }) => matches.some((each) => wanting.has(each)))) continue
    const { uid, group, version, kind, resource, namespace, name, resourceVersion, traceparent, ...rest } = row
    yield {
      ...rest,
      sequence: deps.log.nextSequence(),
      cluster,
      context,
      object: { group, version, kind, resource, namespace, name, uid, resourceVersion },
      appendedAt,
      cause: 'list',
      change: 'modified',
      routes: [{ endpoint, type: 'deleted', reason: 'unwatched', watches: [watch] }],
      body: deps.bodies.get(row.sequence),
      ...present({ traceparent }),
    }
  }
}
