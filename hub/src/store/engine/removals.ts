/**
 * Removals: endpoints that ask for it (`unwatched: delete`) are told `deleted`, reason `unwatched`, of what a commit takes from them: by ending
 * a watch for them, or by taking a kind from one. One scan tells it for each pair and kind, from the inventory; it writes no rows.
 *
 * It begins once it is known that no other watch of the endpoint wants the objects: when those that it has of the kind were compared under
 * their present definitions, and the agent has taken its own leave from the watch, whose deletions the log tells (derive.ts). Until then the
 * endpoint holds what it held. What a commit narrows without ending a pair, the log tells alone.
 *
 * When it is over, the pair is remembered as removed for the kind: should the endpoint hear it again, it is told all of it again.
 */
import { randomBytes } from 'node:crypto'
import { object, string } from '@watch-hub/shared/protocol/decode'
import type { Sequence } from '../store.ts'
import type { Audiences } from './audiences.ts'
import { count, flag } from './columns.ts'
import type { Database } from './database.ts'
import type { Guards } from './guards.ts'
import { watchNeedle } from './inventory.ts'
import type { Log } from './log.ts'
import type { Plans } from './plans.ts'
import type { Streams } from './streams.ts'
import type { Subscription, Subscriptions } from './subscriptions.ts'
import type { Wanting } from './wanting.ts'

export interface RemovalDeps {
  readonly audiences: Audiences
  readonly guards: Guards
  readonly log: Log
  readonly plans: Plans
  readonly streams: Streams
  readonly subscriptions: Subscriptions
  readonly wanting: Wanting
}

/** A pair, and the kind that it lost, `deployments.apps`. */
export interface Removal extends Subscription {
  readonly kind: string
}

export interface Removals {
  begin(removal: Removal): void
  /** What the endpoint hears again is not removed. Answers with those of which it was told something, or nothing for a while. */
  undo(isBack: (removal: Removal) => boolean): readonly Removal[]
  /** Of endpoints that want no such thing any more: what was not told yet is not told. */
  drop(wanted: ReadonlySet<string>): void
  /** Begins those whose time has come, in one cluster or in all. */
  ripen(cluster?: string): void
  /** Somebody has still to be told of the watch's objects. */
  isOwed(of: Pick<Removal, 'cluster' | 'watch' | 'kind'>): boolean
  /** A scan has told all of it. */
  over(removal: Removal): void
}

const removalRow = object({ endpoint: string, cluster: string, watch: string, kind: string })
const startedRow = object({ endpoint: string, cluster: string, watch: string, kind: string, ripe: flag })

export function createRemovals(db: Database, deps: RemovalDeps): Removals {
  const { audiences, guards, log } = deps
  const insert =
    db.command(`INSERT INTO scans (id, endpoint, watch, cluster, reason, started, position, sent, total, marked, kind)
    SELECT ?1, ?2, ?3, ?4, 'unwatched', 0, '', 0, 0, 0, ?5
    WHERE NOT EXISTS (SELECT 1 FROM scans WHERE endpoint = ?2 AND watch = ?3 AND cluster = ?4 AND kind = ?5)
      AND NOT EXISTS (SELECT 1 FROM removed WHERE endpoint = ?2 AND watch = ?3 AND cluster = ?4 AND kind = ?5)`)
  const all = db.query("SELECT endpoint, cluster, watch, kind, started > 0 AS ripe FROM scans WHERE kind <> ''", startedRow)
  const unripe = db.query(
    "SELECT endpoint, cluster, watch, kind FROM scans WHERE kind <> '' AND started = 0 AND cluster = ifnull(?, cluster)",
    removalRow,
  )
  const removed = db.query('SELECT endpoint, cluster, watch, kind FROM removed', removalRow)
  const start = db.command(
    'UPDATE scans SET started = ?, total = ? WHERE endpoint = ? AND watch = ? AND cluster = ? AND kind = ?',
  )
  const cancel = db.command('DELETE FROM scans WHERE endpoint = ? AND watch = ? AND cluster = ? AND kind = ?')
  const remember = db.command(`INSERT INTO removed (endpoint, watch, cluster, kind, started)
    SELECT endpoint, watch, cluster, kind, started FROM scans WHERE endpoint = ? AND watch = ? AND cluster = ? AND kind = ?`)
  const forget = db.command('DELETE FROM removed WHERE endpoint = ? AND watch = ? AND cluster = ? AND kind = ?')
  const owed = db.query('SELECT count(*) AS n FROM scans WHERE cluster = ? AND watch = ? AND kind = ?', count)
  const isAwaited = createAwaited(deps)
  const objects = createCount(db, deps)

  const over = (removal: Removal): void => {
    remember(...keyOf(removal))
    cancel(...keyOf(removal))
    audiences.forget()
  }
  return {
    over,
    isOwed: ({ cluster, watch, kind }) => (owed.get(cluster, watch, kind)?.n ?? 0) > 0,
    begin: ({ endpoint, watch, cluster, kind }) => void insert(randomBytes(8).toString('hex'), endpoint, watch, cluster, kind),
    undo: (isBack) => {
      const begun = all.all().filter(isBack)
      const told = removed.all().filter(isBack)
      for (const each of begun) cancel(...keyOf(each))
      for (const each of told) forget(...keyOf(each))
      return [...begun.filter(({ ripe }) => ripe), ...told]
    },
    drop: (wanted) => {
      for (const each of all.all().filter(({ endpoint }) => !wanted.has(endpoint))) {
        if (each.ripe) over(each)
        else cancel(...keyOf(each))
      }
    },
    ripen: (cluster) => {
      const ripe = unripe.all(cluster ?? null).filter((each) => !isAwaited(each))
      if (ripe.length === 0) return
      const started = log.nextSequence()
      for (const each of ripe.toSorted((a, b) => (a.watch < b.watch ? -1 : 1))) {
        const total = objects(each, started)
        start(started, total, ...keyOf(each))
        if (total === 0) over(each)
        guards.count(each.endpoint, total)
      }
      audiences.forget()
    },
  }
}

const keyOf = ({ endpoint, watch, cluster, kind }: Removal) => [endpoint, watch, cluster, kind] as const

/** True while the agent has still to say which objects another watch of the endpoint wants, or will take its leave from the watch by itself. */
function createAwaited({ audiences, plans, streams, subscriptions }: RemovalDeps) {
  return ({ endpoint, cluster, watch, kind }: Removal): boolean => {
    const plan = plans.isPlanned(cluster) ? plans.current(cluster) : undefined
    if (plan === undefined) return false
    const { active } = subscriptions.heardNow(endpoint, cluster)
    const numbers = new Map(streams.ofCluster(cluster).map(({ id, stream }) => [stream, id]))
    return plan.routes.streams
      .filter(({ resource }) => resource === kind)
      .some(({ id, watches }) => {
        const number = numbers.get(id)
        const compared = number === undefined ? new Map<string, string>() : audiences.inStep(number)
        const loose = number === undefined ? new Set<string>() : audiences.loose(number)
        const outOfStep = (each: string) => loose.has(each) || compared.get(each) !== plan.watches.get(each)?.definition
        const own = watches.filter((each) => active.has(each))
        if (own.length > 0 && (own.some(outOfStep) || streams.isDoubted(cluster, id))) return true
        return compared.has(watch) && !watches.includes(watch)
      })
  }
}

/** Objects that it would tell now, without those that others which begin with it tell. */
function createCount(db: Database, { streams, wanting }: Pick<RemovalDeps, 'streams' | 'wanting'>) {
  const together = createTogether(db)
  return (removal: Removal, started: Sequence): number => {
    const { cluster, watch, kind } = removal
    const ids = streams.ofCluster(cluster).flatMap(({ id, name }) => (name === kind ? [id] : []))
    if (ids.length === 0) return 0
    const others = [...wanting(removal), ...together(removal, started)]
    const held = (matching: string) => `SELECT uid FROM inventory WHERE stream IN (${ids.join()}) AND (${matching})`
    const without = others.length === 0 ? '' : ` EXCEPT ${held(others.map(() => 'instr(matches, ?) > 0').join(' OR '))}`
    const query = db.query(`SELECT count(*) AS n FROM (${held('instr(matches, ?) > 0')}${without})`, count)
    return query.get(...[watch, ...others].map(watchNeedle))?.n ?? 0
  }
}

/** Watches of the same endpoint and kind whose removal began with this one, and that come before it: they tell what both have. */
export function createTogether(db: Database): (removal: Removal, started: Sequence) => readonly string[] {
  const query = db.query(
    `SELECT watch FROM scans WHERE endpoint = ?1 AND cluster = ?2 AND kind = ?3 AND started = ?4 AND watch < ?5
     UNION SELECT watch FROM removed WHERE endpoint = ?1 AND cluster = ?2 AND kind = ?3 AND started = ?4 AND watch < ?5`,
    object({ watch: string }),
  )
  return ({ endpoint, cluster, watch, kind }, started) =>
    query.all(endpoint, cluster, kind, started, watch).map((each) => each.watch)
}
