/**
 * Routes by plan hash: what a frame means depends on the plan it was made under, also after the hub has moved on or restarted.
 * The newest plans of a cluster are kept; the one activated last is its current one.
 */
import { array, integer, literal, object, record, string } from '@watch-hub/shared/protocol/decode'
import type { ClusterRoutes, WatchRoute } from '../store.ts'
import { count, eventType, jsonText, metadata, names, nullable } from './columns.ts'
import type { Database } from './database.ts'

/** Plans kept per cluster. An agent is at most a few commits behind; what is older than that starts anew. */
const plansKept = 20

/** Routes of one plan, made for looking things up. */
export interface PlanRoutes {
  readonly routes: ClusterRoutes
  readonly watches: ReadonlyMap<string, WatchRoute>
  /** Watches of each stream. */
  readonly streams: ReadonlyMap<string, readonly string[]>
  /** What is in force instead, where that is another plan. */
  readonly newer?: PlanRoutes
  /** The context that was made of it, see contexts.ts; absent until the first entry needs one. */
  readonly context?: number | undefined
  /** The commit that made these routes. */
  readonly commit?: string | undefined
}

export interface Plans {
  get(cluster: string, plan: string): PlanRoutes | undefined
  current(cluster: string): PlanRoutes | undefined
  /** False: the cluster is not in the Activation any more, whatever its newest plan says. */
  isPlanned(cluster: string): boolean
  /** The newest plan that has the watch: what is known of one that was taken away. */
  lastWith(cluster: string, watch: string): PlanRoutes | undefined
  /**
   * The plan, for a frame that was made under it: what commits since then say about who hears a watch counts too, where the watch itself stayed as
   * it was. An endpoint that begins to hear it is told by the log what comes after its scan, whichever plan the agent still runs.
   */
  inForce(cluster: string, plan: string): PlanRoutes | undefined
  /** True when the routes are other than the current ones. */
  put(routes: ClusterRoutes, commit?: string): boolean
  setContext(cluster: string, plan: string, context: number): void
  /** The cluster is another one than before under the same name: contexts of its plans are made anew. */
  dropContexts(cluster: string): void
  forget(): void
}

const clusterRoutes = object({
  cluster: string,
  plan: string,
  context: object({ name: string, labels: record(string), metadata }),
  streams: array(object({ id: string, resource: string, watches: names })),
  watches: record(
    object({ definition: string, endpoints: names, events: array(eventType), initial: literal('send', 'skip'), metadata }),
  ),
})
const planRow = object({ routes: jsonText(clusterRoutes), context: nullable(integer), commit: nullable(string) })

export function createPlans(db: Database): Plans {
  const select = db.query('SELECT routes, context, made_by AS "commit" FROM plans WHERE cluster = ? AND plan = ?', planRow)
  const newest = db.query(
    'SELECT plan, routes FROM plans WHERE cluster = ? ORDER BY activated DESC LIMIT 1',
    object({ plan: string, routes: string }),
  )
  const upsert = db.command(`INSERT INTO plans (cluster, plan, routes, made_by, activated)
    VALUES (?, ?, ?, ?, (SELECT ifnull(max(activated), 0) + 1 FROM plans))
    ON CONFLICT (cluster, plan) DO UPDATE SET
      context = iif(routes = excluded.routes AND made_by IS excluded.made_by, context, NULL), made_by = excluded.made_by, routes = excluded.routes, activated = excluded.activated`)
  const trim = db.command(`DELETE FROM plans WHERE cluster = ?1 AND activated <=
    (SELECT activated FROM plans WHERE cluster = ?1 ORDER BY activated DESC LIMIT 1 OFFSET ${plansKept})`)
  const setContext = db.command('UPDATE plans SET context = ? WHERE cluster = ? AND plan = ?')
  const dropContexts = db.command('UPDATE plans SET context = NULL WHERE cluster = ?')
  const planned = db.query('SELECT count(*) AS n FROM plans WHERE cluster = ? AND stale_at IS NULL', count)
  const having = db.query(
    `SELECT plan FROM plans WHERE cluster = ? AND json_type(routes, '$.watches.' || json_quote(?)) IS NOT NULL
     ORDER BY activated DESC LIMIT 1`,
    object({ plan: string }),
  )
  const known = new Map<string, PlanRoutes>()
  const key = (cluster: string, plan: string) => JSON.stringify([cluster, plan])

  const get = (cluster: string, plan: string): PlanRoutes | undefined => {
    const found = known.get(key(cluster, plan)) ?? prepared(select.get(cluster, plan))
    if (found !== undefined) known.set(key(cluster, plan), found)
    return found
  }
  const current = (cluster: string): PlanRoutes | undefined => {
    const found = newest.get(cluster)
    return found && get(cluster, found.plan)
  }
  return {
    get,
    current,
    isPlanned: (cluster) => (planned.get(cluster)?.n ?? 0) > 0,
    lastWith: (cluster, watch) => {
      const found = having.get(cluster, watch)
      return found && get(cluster, found.plan)
    },
    inForce: (cluster, plan) => {
      const of = get(cluster, plan)
      const now = of && current(cluster)
      return of === undefined || now === undefined || now === of ? of : { ...of, newer: now }
    },
    put: (routes, commit) => {
      const { cluster, plan } = routes
      const text = JSON.stringify(routes)
      const before = newest.get(cluster)
      if (before?.plan === plan && before.routes === text) return false
      upsert(cluster, plan, text, commit ?? null)
      trim(cluster)
      known.clear()
      return true
    },
    setContext: (cluster, plan, context) => {
      setContext(context, cluster, plan)
      known.delete(key(cluster, plan))
    },
    dropContexts: (cluster) => {
      dropContexts(cluster)
      known.clear()
    },
    forget: () => known.clear(),
  }
}

/** Routes of the watches for one stream of a plan: see `inForce`. */
export function watchesFor({ watches, streams, newer }: PlanRoutes, stream: string): PlanRoutes['watches'] {
  if (newer === undefined) return watches
  const own = new Set(streams.get(stream)).intersection(new Set(newer.streams.get(stream)))
  return new Map(
    [...watches].map(([watch, route]) => {
      const now = newer.watches.get(watch)
      if (now?.definition !== route.definition || !own.has(watch)) return [watch, route]
      return [watch, { ...now, endpoints: [...new Set([...route.endpoints, ...now.endpoints])].sort() }]
    }),
  )
}

/** Kinds that the watch has under a plan. */
export const kindsIn = ({ streams }: Pick<ClusterRoutes, 'streams'>, watch: string): readonly string[] => [
  ...new Set(streams.flatMap(({ resource, watches }) => (watches.includes(watch) ? [resource] : []))),
]

function prepared(row: ReturnType<typeof planRow.decode> | undefined): PlanRoutes | undefined {
  if (row === undefined) return undefined
  const { routes, context, commit } = row
  return {
    routes,
    watches: new Map(Object.entries(routes.watches)),
    streams: new Map(routes.streams.map((stream) => [stream.id, stream.watches])),
    context,
    commit,
  }
}
