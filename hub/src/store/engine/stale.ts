/**
 * What is stale: inventory of streams that no current plan has, plans and subscriptions of clusters that are gone. It is kept for a while,
 * so that a commit that is taken back, or a cluster that returns, goes on where it was; then it goes, in small chunks.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { Activation } from '../store.ts'
import type { Audiences } from './audiences.ts'
import type { Bodies } from './bodies.ts'
import { nullable } from './columns.ts'
import type { Database } from './database.ts'
import type { Inventory } from './inventory.ts'
import type { Log } from './log.ts'
import type { Plans } from './plans.ts'
import type { Streams } from './streams.ts'

export interface StaleDeps {
  readonly audiences: Audiences
  readonly bodies: Bodies
  readonly inventory: Inventory
  readonly log: Log
  readonly plans: Plans
  readonly streams: Streams
}

export interface Stale {
  /** What the activation lacks is stale from now on, unless it was before; what it has is not. */
  mark(activation: Pick<Activation, 'clusters'>, now: number): void
  /** Drops a chunk of what became stale before this time. True = there may be more. */
  drop(staleBefore: number): boolean
}

/** Objects of one chunk. */
const objectsPerChunk = 500

export function createStale(db: Database, deps: StaleDeps): Stale {
  const streams = db.query(
    'SELECT id, cluster, stream, stale_at AS staleAt FROM streams',
    object({ id: integer, cluster: string, stream: string, staleAt: nullable(integer) }),
  )
  const setStream = db.command('UPDATE streams SET stale_at = ? WHERE id = ?')
  const clusters = db.query(
    'SELECT DISTINCT cluster, stale_at AS staleAt FROM plans',
    object({ cluster: string, staleAt: nullable(integer) }),
  )
  const setPlans = db.command('UPDATE plans SET stale_at = ? WHERE cluster = ?')
  const dropStream = createDropStream(db, deps)
  const dropPlans = db.command(
    `DELETE FROM plans WHERE stale_at < ? AND NOT EXISTS (SELECT 1 FROM scans WHERE scans.cluster = plans.cluster AND kind <> '')`,
  )
  const dropSubscriptions = db.command(
    'DELETE FROM subscriptions WHERE active <> 1 AND cluster NOT IN (SELECT cluster FROM plans)',
  )
  const dropRemoved = db.command('DELETE FROM removed WHERE cluster NOT IN (SELECT cluster FROM plans)')
  return {
    mark: ({ clusters: planned }, now) => {
      const wanted = new Map(planned.map(({ cluster, streams }) => [cluster, new Set(streams.map(({ id }) => id))]))
      const marked = (isStale: boolean, since: number | undefined) => (isStale ? (since ?? now) : null)
      for (const { id, cluster, stream, staleAt } of streams.all()) {
        const mark = marked(!wanted.get(cluster)?.has(stream), staleAt)
        if (mark !== (staleAt ?? null)) setStream(mark, id)
      }
      for (const { cluster, staleAt } of clusters.all()) {
        const mark = marked(!wanted.has(cluster), staleAt)
        if (mark !== (staleAt ?? null)) setPlans(mark, cluster)
      }
    },
    drop: (staleBefore) => {
      if (dropStream(staleBefore)) return true
      if (dropPlans(staleBefore) === 0) return false
      dropSubscriptions()
      dropRemoved()
      deps.plans.forget()
      deps.audiences.forget()
      return false
    },
  }
}

/** One chunk of one stream. The log may still name its bodies, and the stream. */
function createDropStream(db: Database, { audiences, bodies, inventory, log, plans, streams }: StaleDeps) {
  const one = db.query(
    // What endpoints have still to be told of is kept, however long they are away.
    `SELECT id, cluster, stream, grp, resource FROM streams WHERE stale_at < ?
       AND NOT EXISTS (SELECT 1 FROM scans WHERE scans.cluster = streams.cluster AND kind <> '')
       AND (objects > 0 OR EXISTS (SELECT 1 FROM stream_watches WHERE stream_watches.stream = streams.id))`,
    object({ id: integer, cluster: string, stream: string, grp: string, resource: string }),
  )
  /**
   * The current plan has streams of the kind that the agent has not compared in full: they may yet take over what this one holds
   * (heirs.ts), however long the agent is away.
   */
  const isAwaited = ({
    cluster,
    grp,
    resource,
  }: {
    readonly cluster: string
    readonly grp: string
    readonly resource: string
  }) => {
    const plan = plans.current(cluster)
    const name = resourceName({ group: grp, resource })
    const numbers = new Map(streams.ofCluster(cluster).map(({ id, stream }) => [stream, id]))
    return (plan?.routes.streams ?? []).some(({ id, resource: kind, watches }) => {
      if (kind !== name || !plans.isPlanned(cluster)) return false
      const number = numbers.get(id)
      const compared = number === undefined ? new Map<string, string>() : audiences.inStep(number)
      return watches.some((watch) => !compared.has(watch))
    })
  }
  const forgetWatches = db.command('DELETE FROM stream_watches WHERE stream = ?')
  return (staleBefore: number): boolean => {
    const stream = one.all(staleBefore).find((each) => !isAwaited(each))?.id
    if (stream === undefined) return false
    // At once: a stream that comes back with some of its rows was never compared in full.
    if (forgetWatches(stream) > 0) audiences.forget()
    const rows = inventory.page(stream, { after: '', limit: objectsPerChunk })
    const { thinned } = log.totals()
    for (const { uid, sequence } of rows) {
      inventory.remove(stream, uid)
      if (sequence <= thinned) bodies.release(sequence)
    }
    streams.change(stream, { objects: -rows.length, checksum: 0 })
    streams.dropChecksum(stream)
    return true
  }
}
