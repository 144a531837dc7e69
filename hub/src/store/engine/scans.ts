/**
 * Scans: one endpoint reads the inventory of one watch in one cluster, in the order of uids, in chunks that survive a restart.
 *
 * An object whose last change came after the scan began is left out where the log tells that change; where it does not (`events` may
 * keep it from that, or the change is of no interest to this endpoint), the scan does. A watch is looked for in the streams of the current plan that have it, and in streams of the same kinds
 * that the plan dropped and nobody took over yet.
 */
import { randomBytes } from 'node:crypto'
import { integer, literal, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { Freeze, LogRow, Route, Scan, ScanChunk, Sequence } from '../store.ts'
import type { Agents } from './agents.ts'
import type { Bodies } from './bodies.ts'
import { count, names, sharedJson } from './columns.ts'
import type { Contexts } from './contexts.ts'
import type { Database } from './database.ts'
import type { Inventory } from './inventory.ts'
import type { Log } from './log.ts'
import { take } from './log-row.ts'
import type { PlanRoutes, Plans } from './plans.ts'
import type { Streams } from './streams.ts'
import type { Subscription } from './subscriptions.ts'

export interface ScanDeps {
  readonly agents: Agents
  readonly bodies: Bodies
  readonly contexts: Contexts
  readonly inventory: Inventory
  readonly log: Log
  readonly plans: Plans
  readonly streams: Streams
  readonly now: () => number
}

export interface Scans {
  /** Begins one where an endpoint begins to hear a watch of which the hub holds something, or could. */
  begin(of: Subscription, head: Sequence): void
  cancel(of: Subscription): void
  of(endpoint: string): readonly Scan[]
  read(of: Input<'readScan'>, head: Sequence): ScanChunk
  /** After a chunk was frozen. A scan that was cancelled meanwhile stays so. */
  step(scan: NonNullable<Freeze['scan']>): void
}

/** Objects of the inventory that one chunk looks at. */
const objectsLookedAt = 5_000

const scanRow = object({
  id: string,
  endpoint: string,
  watch: string,
  cluster: string,
  reason: literal('initial', 'resync'),
  started: integer,
  position: string,
  sent: integer,
  total: integer,
})
type ScanRow = ReturnType<typeof scanRow.decode>
const scanColumns = 'id, endpoint, watch, cluster, reason, started, position, sent, total'

export function createScans(db: Database, deps: ScanDeps): Scans {
  const ofEndpoint = db.query(`SELECT ${scanColumns} FROM scans WHERE endpoint = ? ORDER BY number`, scanRow)
  const one = db.query(`SELECT ${scanColumns} FROM scans WHERE id = ?`, scanRow)
  const insert = db.command(`INSERT INTO scans (id, endpoint, watch, cluster, reason, started, position, sent, total)
    VALUES (?, ?, ?, ?, 'initial', ?, '', 0, ?)`)
  const cancel = db.command('DELETE FROM scans WHERE endpoint = ? AND watch = ? AND cluster = ?')
  const move = db.command('UPDATE scans SET position = ?, sent = sent + ? WHERE id = ?')
  const remove = db.command('DELETE FROM scans WHERE id = ?')
  const known = db.query(
    `SELECT count(*) AS n FROM stream_watches JOIN streams ON streams.id = stream_watches.stream WHERE streams.cluster = ? AND watch = ?`,
    count,
  )
  const { inventory, plans, streams } = deps
  return {
    begin: ({ endpoint, watch, cluster }, head) => {
      const plan = plans.current(cluster)
      const route = plan?.watches.get(watch)
      if (plan === undefined || route === undefined || route.initial === 'skip' || !route.events.includes('created')) return
      const total = streamsOf(plan, watch, streams).reduce((sum, stream) => sum + inventory.count(stream.id, watch), 0)
      // Nothing held and never compared: the agent's first comparison brings the watch through the log.
      if (total === 0 && known.get(cluster, watch)?.n === 0) return
      insert(randomBytes(8).toString('hex'), endpoint, watch, cluster, head, total)
    },
    cancel: ({ endpoint, watch, cluster }) => void cancel(endpoint, watch, cluster),
    of: (endpoint) => ofEndpoint.all(endpoint).map(({ started: _, position: __, ...scan }) => scan),
    read: createRead(db, deps, (id) => one.get(id)),
    step: ({ id, position, sent, done }) => void (done ? remove(id) : move(position, sent, id)),
  }
}

interface ScanStream {
  readonly id: number
  /** False: the current plan does not have it any more. */
  readonly planned: boolean
}

function streamsOf(plan: PlanRoutes, watch: string, streams: Streams): readonly ScanStream[] {
  const having = plan.routes.streams.filter(({ watches }) => watches.includes(watch))
  const kinds = new Set(having.map(({ resource }) => resource))
  const planned = new Set(having.map(({ id }) => id))
  return streams
    .ofCluster(plan.routes.cluster)
    .filter(({ stream, name }) => planned.has(stream) || (!plan.streams.has(stream) && kinds.has(name)))
    .map(({ id, stream }) => ({ id, planned: planned.has(stream) }))
}

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
})
type ObjectRow = ReturnType<typeof objectRow.decode>

/** Objects of some streams in one order of uids; of two rows of one uid the planned stream's comes first. */
const objectsQuery = (db: Database, scanned: readonly ScanStream[]) =>
  db.query(
    `${scanned
      .map(
        ({ id, planned }) => `
      SELECT uid, streams.stream, grp AS "group", version, kind, resource, namespace, name, resource_version AS resourceVersion,
        matches, observed_at AS observedAt, sequence, ${planned ? 0 : 1} AS rank
      FROM inventory JOIN streams ON streams.id = ${id} WHERE inventory.stream = ${id} AND uid > ?1`,
      )
      .join(' UNION ALL ')} ORDER BY uid, rank LIMIT ${objectsLookedAt}`,
    objectRow,
  )

function createRead(db: Database, deps: ScanDeps, scanOf: (id: string) => ScanRow | undefined): Scans['read'] {
  return ({ id, limits }, head) => {
    const scan = scanOf(id)
    const plan = scan && deps.plans.current(scan.cluster)
    const scanned = scan === undefined || plan === undefined ? [] : streamsOf(plan, scan.watch, deps.streams)
    if (scan === undefined || plan === undefined || scanned.length === 0) return { head, rows: [], position: '', done: true }
    const objects = objectsQuery(db, scanned).all(scan.position)
    const { rows, complete } = take(tell(objects, { scan, plan, deps }), limits)
    const lookedAtAll = complete && objects.length < objectsLookedAt
    const position = complete ? objects.at(-1)?.uid : rows.at(-1)?.object.uid
    return { head, rows, position: position ?? scan.position, done: lookedAtAll }
  }
}

interface Telling {
  readonly scan: ScanRow
  readonly plan: PlanRoutes
  readonly deps: ScanDeps
}

function* tell(objects: readonly ObjectRow[], telling: Telling): Generator<LogRow> {
  const { scan, plan, deps } = telling
  const context = String(deps.contexts.of(plan, deps.agents.clusterUid(scan.cluster)))
  const appendedAt = deps.now()
  let last = ''
  for (const { uid, group, version, kind, resource, namespace, name, resourceVersion, ...row } of objects) {
    if (uid === last || !row.matches.includes(scan.watch)) continue
    if (row.sequence > scan.started && deps.log.isRouted(row.sequence, scan.endpoint)) continue
    last = uid
    yield {
      ...row,
      cluster: scan.cluster,
      context,
      object: { group, version, kind, resource, namespace, name, uid, resourceVersion },
      appendedAt,
      cause: 'list',
      change: 'added',
      routes: [routeOf(row.matches, telling)],
      body: deps.bodies.get(row.sequence),
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
