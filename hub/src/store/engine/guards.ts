/**
 * Guards: a commit that reports more deletions to an endpoint than its guard lets pass holds it, before the first one too many goes out.
 *
 * A commit counts from the activation that changes what the endpoint hears until the next one that does. Deletions are counted when they
 * are found: in the log as it grows, by scans when they begin. The hold ends when somebody lets the endpoint go on (then the commit
 * passes whole), or when a commit takes the former state back: as soon as nothing of it waits any more, or what the log tells of it is
 * followed by what takes it back.
 */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Activation, FrozenBatch, Pause } from '../store.ts'
import { count, flag, nullable } from './columns.ts'
import type { Database } from './database.ts'
import { kindsIn, type Plans } from './plans.ts'
import type { ScanSources } from './scan-sources.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface GuardDeps {
  readonly plans: Plans
  readonly sources: ScanSources
  readonly subscriptions: Subscriptions
  readonly now: () => number
}

export interface Guards {
  /** Before anything of the activation is counted. */
  follow(activation: Activation): void
  /** More deletions of the commit in force. */
  count(endpoint: string, removals: number): void
  /** True when the batches have deletions that wait for somebody to let them go. */
  stops(endpoint: string, batches: readonly FrozenBatch[]): boolean
  /** Somebody looked: the commit may pass. */
  pass(endpoint: string): void
  /** Ends holds whose reason is gone. Answers with the endpoints that may go on. */
  review(): readonly string[]
  held(): ReadonlyMap<string, Pause>
}

const guardRow = object({
  endpoint: string,
  most: integer,
  by: string,
  routes: string,
  former: string,
  removals: integer,
  heldAt: nullable(integer),
  reverted: flag,
})
type GuardRow = ReturnType<typeof guardRow.decode>

export function createGuards(db: Database, deps: GuardDeps): Guards {
  const columns = 'endpoint, most, by, routes, former, removals, held_at AS heldAt, reverted'
  const one = db.query(`SELECT ${columns} FROM guards WHERE endpoint = ?`, guardRow)
  const held = db.query(`SELECT ${columns} FROM guards WHERE held_at IS NOT NULL ORDER BY endpoint`, guardRow)
  const add = db.command("INSERT INTO guards (endpoint, most, by, routes, former) VALUES (?, ?, ?, ?, '')")
  const setMost = db.command('UPDATE guards SET most = ?1 WHERE endpoint = ?2 AND most <> ?1')
  const begin = db.command('UPDATE guards SET by = ?, routes = ?, former = routes, removals = 0, passed = 0 WHERE endpoint = ?')
  const moveHeld = db.command('UPDATE guards SET routes = ?1, reverted = former = ?1 WHERE endpoint = ?2')
  const unguard = db.command('DELETE FROM guards WHERE endpoint NOT IN (SELECT value FROM json_each(?))')
  const grow = db.command('UPDATE guards SET removals = removals + ? WHERE endpoint = ?')
  const hold = db.command(
    'UPDATE guards SET held_at = ? WHERE endpoint = ? AND removals > most AND held_at IS NULL AND passed = 0',
  )
  const pass = db.command('UPDATE guards SET held_at = NULL, passed = 1, reverted = 0 WHERE endpoint = ?')
  const release = db.command('UPDATE guards SET held_at = NULL, removals = 0, reverted = 0 WHERE endpoint = ?')
  const waits = createWaits(db)

  const follow = (endpoint: string, { most, routes, by }: Pick<GuardRow, 'most' | 'routes' | 'by'>): void => {
    setMost(most, endpoint)
    const guard = one.get(endpoint)
    if (guard === undefined) add(endpoint, most, by, routes)
    else if (guard.routes === routes) return
    else if (guard.heldAt === undefined) begin(by, routes, endpoint)
    else moveHeld(routes, endpoint)
  }
  return {
    follow: (activation) => {
      const { guards = {}, commit = '' } = activation
      unguard(JSON.stringify(Object.keys(guards)))
      for (const [endpoint, most] of Object.entries(guards))
        follow(endpoint, { most, by: commit, routes: routesOf(endpoint, activation) })
    },
    count: (endpoint, removals) => {
      if (removals === 0 || grow(removals, endpoint) === 0) return
      hold(deps.now(), endpoint)
    },
    stops: (endpoint, batches) =>
      batches.some(({ members }) => members.some(({ reason }) => reason === 'unwatched')) &&
      one.get(endpoint)?.heldAt !== undefined,
    pass: (endpoint) => void pass(endpoint),
    review: () => {
      const over = held.all().filter(({ endpoint, reverted }) => !waits(endpoint) || (reverted && isInStep(endpoint, deps)))
      for (const { endpoint } of over) release(endpoint)
      return over.map(({ endpoint }) => endpoint)
    },
    held: () => new Map(held.all().map((guard) => [guard.endpoint, pauseOf(guard)])),
  }
}

const pauseOf = ({ heldAt = 0, by, removals, most }: GuardRow): Pause => ({
  since: heldAt,
  by,
  cause: 'guard',
  reason: `the commit reports ${removals} deletions of objects that it took from the endpoint, its guard lets ${most} pass`,
})

/** What the endpoint hears, as a hash: watches with their definitions and kinds, by cluster. */
const routesOf = (endpoint: string, { clusters }: Activation): string =>
  contentHash(
    clusters
      .flatMap((routes) => {
        const watches = Object.entries(routes.watches).filter(([, route]) => route.endpoints.includes(endpoint))
        return watches.map(([watch, { definition }]) => [routes.cluster, watch, definition, kindsIn(routes, watch)])
      })
      .sort(),
  )

/** Deletions of commits that are not on their way: in scans, and in the log. */
function createWaits(db: Database): (endpoint: string) => boolean {
  const scans = db.query("SELECT count(*) AS n FROM scans WHERE endpoint = ? AND kind <> ''", count)
  const rows = db.query(
    `SELECT count(*) AS n FROM (SELECT 1 FROM log JOIN endpoints ON endpoints.name = ?1
       WHERE log.sequence > cursor AND instr(routes, ?2) > 0 LIMIT 1)`,
    count,
  )
  return (endpoint) => (scans.get(endpoint)?.n ?? 0) > 0 || (rows.get(endpoint, unwatchedNeedle(endpoint))?.n ?? 0) > 0
}

/** Occurs in encoded routes exactly when one of them tells the endpoint that a commit took the object. */
const unwatchedNeedle = (endpoint: string): string => `[${JSON.stringify(endpoint)},"deleted","unwatched",`

/** Every cluster was compared under what the endpoint hears now: what was taken back is in the log again. */
function isInStep(endpoint: string, { plans, sources, subscriptions }: GuardDeps): boolean {
  return subscriptions.activeOf(endpoint).every(({ cluster, watch }) => {
    const plan = plans.current(cluster)
    return plan === undefined || sources.inStep(plan, watch)
  })
}
