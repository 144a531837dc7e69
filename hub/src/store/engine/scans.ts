/**
 * Scans: one endpoint is told what the inventory holds of one watch in one cluster. `initial`: it begins to hear the watch; `resync`: it is
 * told again. They outlive restarts, go on behind the chunk that was frozen last, and end with the pair that they are for.
 *
 * A watch with a new definition is told once the cluster was compared under it.
 *
 * What tells that a commit took something is a scan as well: `unwatched`, for a pair and one kind (removals.ts).
 *
 * When the endpoint wants markers, a scan is over only once the cluster was compared in full: one of a watch that is new there waits for the
 * agent, whose comparison brings the objects through the log, and then its marker closes what came.
 */
import { createHash, randomBytes } from 'node:crypto'
import { integer, literal, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Output } from '../calls.ts'
import type { Freeze, Scan, ScanChunk, Sequence } from '../store.ts'
import type { Audiences } from './audiences.ts'
import { count, flag } from './columns.ts'
import type { Database } from './database.ts'
import type { Endpoints } from './endpoints.ts'
import { createRemovalRead, type RemovalReadDeps } from './removal-read.ts'
import type { Removals } from './removals.ts'
import { createScanRead, endOfScan } from './scan-read.ts'
import { watchesOf } from './scan-sources.ts'
import type { Hearing, Subscription, Subscriptions } from './subscriptions.ts'

export interface ScanDeps extends RemovalReadDeps {
  readonly audiences: Pick<Audiences, 'forget'>
  readonly endpoints: Endpoints
  readonly removals: Removals
  readonly subscriptions: Subscriptions
}

export interface Scans {
  /** Begins one where an endpoint begins to hear a watch of which the hub holds something, or could. */
  begin(of: Subscription): void
  /** Tells a pair anew, in whole, when it gets kinds of which the hub holds something by this watch that was told to others alone. */
  widen(of: Hearing): void
  cancel(of: Subscription): void
  /** Tells a pair anew, unless that is under way. */
  repeat(of: Subscription): void
  resync(of: Input<'resync'>): Output<'resync'>
  resyncDue(periods: Input<'resyncDue'>): Output<'resyncDue'>
  of(endpoint: string): readonly Scan[]
  /** Endpoints with scans in this cluster that need not wait (any more), after a comparison. */
  ready(cluster: string): readonly string[]
  read(of: Input<'readScan'>, head: Sequence): ScanChunk
  /** After a chunk was frozen. A scan that was cancelled meanwhile stays so. */
  step(scan: NonNullable<Freeze['scan']>): void
}

/** Scans that begin in one step: for each of them the objects are counted. */
const pairsPerStep = 8

const scanRow = object({
  id: string,
  endpoint: string,
  watch: string,
  cluster: string,
  reason: literal('initial', 'resync', 'unwatched'),
  started: integer,
  position: string,
  sent: integer,
  total: integer,
  marked: flag,
  kind: string,
})
export type ScanRow = ReturnType<typeof scanRow.decode>
const scanColumns = 'id, endpoint, watch, cluster, reason, started, position, sent, total, marked, kind'

export function createScans(db: Database, deps: ScanDeps): Scans {
  const ofEndpoint = db.query(`SELECT ${scanColumns} FROM scans WHERE endpoint = ? ORDER BY number`, scanRow)
  const one = db.query(`SELECT ${scanColumns} FROM scans WHERE id = ?`, scanRow)
  const ofPair = db.query(
    `SELECT ${scanColumns} FROM scans WHERE endpoint = ? AND watch = ? AND cluster = ? AND kind = ''`,
    scanRow,
  )
  const ofCluster = db.query(`SELECT ${scanColumns} FROM scans WHERE cluster = ?`, scanRow)
  const cancel = db.command("DELETE FROM scans WHERE endpoint = ? AND watch = ? AND cluster = ? AND kind = ''")
  const move = db.command('UPDATE scans SET position = ?, sent = sent + ? WHERE id = ?')
  const remove = db.command('DELETE FROM scans WHERE id = ?')
  const { audiences, plans, sources, subscriptions, endpoints, log, removals, now } = deps
  const start = createStart(db, deps)
  const readChunk = createScanRead(db, deps)
  const readRemovals = createRemovalRead(db, deps)

  const waits = ({ position, cluster, watch, reason, started }: ScanRow): boolean => {
    if (reason === 'unwatched') return started === 0
    const plan = plans.current(cluster)
    if (plan === undefined) return false
    return position === endOfScan ? !sources.inStep(plan, watch) : sources.outdated(plan, watch)
  }
  const again = (pair: Subscription, reason: 'initial' | 'resync'): void => {
    cancel(pair.endpoint, pair.watch, pair.cluster)
    // A commit since then can say that a beginning is not told; what it had begun to tell is.
    if (!start(pair, reason) && reason === 'initial') start(pair, 'resync')
  }
  return {
    begin: (pair) => void start(pair, 'initial'),
    widen: ({ kinds, ...pair }) => {
      const plan = plans.current(pair.cluster)
      if (plan === undefined || sources.count(sources.of(plan, pair.watch, kinds), [pair.watch]) === 0) return
      const running = ofPair.get(pair.endpoint, pair.watch, pair.cluster)
      if (running === undefined) start(pair, 'initial')
      else again(pair, running.reason === 'resync' ? 'resync' : 'initial')
    },
    repeat: (pair) => {
      if (ofPair.get(pair.endpoint, pair.watch, pair.cluster) === undefined) again(pair, 'initial')
    },
    cancel: ({ endpoint, watch, cluster }) => void cancel(endpoint, watch, cluster),
    resync: ({ after, again: restart = false, ...order }) => {
      // It may hold less than was sent to it: what comes next has to be whole.
      endpoints.doubt(order.endpoint, log.totals().head)
      const pairs = subscriptions.page(order, { ...(after !== undefined && { after }), limit: pairsPerStep })
      const initial = pairs.filter(({ endpoint, watch, cluster }) => {
        const scan = ofPair.get(endpoint, watch, cluster)
        return scan?.reason === 'initial' && scan.position !== endOfScan // one that only waits for its marker sends nothing more
      })
      for (const pair of pairs) if (!initial.includes(pair)) again(pair, 'resync')
      if (restart) for (const pair of initial) again(pair, 'initial')
      const last = pairs.length === pairsPerStep ? pairs.at(-1) : undefined
      const counts = { begun: pairs.length - initial.length, running: initial.length }
      return last === undefined ? counts : { ...counts, next: subscriptions.positionOf(last) }
    },
    resyncDue: (periods) => {
      const due = subscriptions
        .quiet(Object.keys(periods))
        .filter((pair) => isDue(pair, periods[pair.watch], now()))
        .slice(0, pairsPerStep)
      for (const pair of due) {
        endpoints.doubt(pair.endpoint, log.totals().head)
        again(pair, 'resync') // one that only waits for its marker gives way
      }
      return [...new Set(due.map(({ endpoint }) => endpoint))]
    },
    of: (endpoint) =>
      ofEndpoint.all(endpoint).map((row) => {
        const { started: _, position: __, marked: ___, kind: ____, ...scan } = row
        return waits(row) ? { ...scan, waiting: true } : scan
      }),
    ready: (cluster) => {
      removals.ripen(cluster)
      return [...new Set(ofCluster.all(cluster).flatMap((row) => (waits(row) ? [] : [row.endpoint])))]
    },
    read: ({ id, limits }, head) => {
      const scan = one.get(id)
      if (scan === undefined) return { head, rows: [], position: endOfScan, done: true }
      return (scan.reason === 'unwatched' ? readRemovals : readChunk)({ scan, limits }, head)
    },
    step: ({ id, position, sent, done }) => {
      const scan = one.get(id)
      log.keepTaken()
      if (!done) move(position, sent, id)
      else if (scan?.reason === 'unwatched') removals.over(scan)
      else if (scan !== undefined) {
        remove(id)
        subscriptions.begun(scan)
        if (scan.reason === 'initial') audiences.forget()
      }
    },
  }
}

/** False = nothing is to be told that way. */
type Start = (pair: Subscription, reason: 'initial' | 'resync') => boolean

function createStart(db: Database, { plans, sources, subscriptions, endpoints, log, now }: ScanDeps): Start {
  const insert = db.command(`INSERT INTO scans (id, endpoint, watch, cluster, reason, started, position, sent, total, marked)
    VALUES (?, ?, ?, ?, ?, ?, '', 0, ?, ?)`)
  const known = db.query(
    `SELECT count(*) AS n FROM stream_watches JOIN streams ON streams.id = stream_watches.stream WHERE streams.cluster = ? AND watch = ?`,
    count,
  )
  return (pair, reason) => {
    const { endpoint, watch, cluster } = pair
    const plan = plans.current(cluster)
    const route = plan?.watches.get(watch)
    if (plan === undefined || route === undefined) return false
    if (reason === 'initial' && (route.initial === 'skip' || !route.events.includes('created'))) return false
    const marked = endpoints.wantsMarkers(endpoint)
    const total = sources.count(sources.of(plan, watch), marked ? watchesOf(plan, endpoint) : [watch])
    // Nothing held and never compared: the agent's first comparison brings the watch through the log.
    if (reason === 'initial' && !marked && total === 0 && known.get(cluster, watch)?.n === 0) return false
    const id = randomBytes(8).toString('hex')
    insert(id, endpoint, watch, cluster, reason, log.nextSequence(), total, marked ? 1 : 0)
    subscriptions.scanned(pair, { initial: reason === 'initial', now: now() })
    return true
  }
}

/** Each pair has a period of its own, up to a tenth shorter than asked for, so that those which began together do not stay together. */
function isDue(pair: Subscription & { readonly scannedAt: number }, periodMs: number | undefined, now: number): boolean {
  if (periodMs === undefined || periodMs <= 0) return false
  const { cluster, endpoint, watch, scannedAt } = pair
  const share =
    createHash('sha256')
      .update(JSON.stringify([cluster, endpoint, watch]))
      .digest()
      .readUInt32BE() /
    2 ** 32
  return now - scannedAt >= periodMs * (1 - share / 10)
}
