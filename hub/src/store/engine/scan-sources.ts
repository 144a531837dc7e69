/**
 * Where the objects of a watch are: the streams of the current plan that have it, and, until what the hub holds has moved along with a commit
 * (see heirs.ts), the streams of the same kinds that had it before.
 */
import type { Audiences } from './audiences.ts'
import { count } from './columns.ts'
import type { Database } from './database.ts'
import { watchNeedle } from './inventory.ts'
import type { PlanRoutes } from './plans.ts'
import type { Streams } from './streams.ts'

export interface ScanStream {
  readonly id: number
  /** False: the current plan has the watch in another stream. */
  readonly planned: boolean
}

export interface ScanSources {
  /** `kinds`: only those. @default all of the watch */
  of(plan: PlanRoutes, watch: string, kinds?: readonly string[]): readonly ScanStream[]
  /** True when all streams of the watch were compared in full under the definition that it has now, and no data was lost since. */
  inStep(plan: PlanRoutes, watch: string): boolean
  /** True when a stream of the watch was last compared under another definition: what the inventory says of it, a commit may have taken away. */
  outdated(plan: PlanRoutes, watch: string): boolean
  /** Objects of some streams that one of the watches matches. */
  count(sources: readonly ScanStream[], watches: readonly string[]): number
}

export function createScanSources(db: Database, { audiences, streams }: { audiences: Audiences; streams: Streams }): ScanSources {
  const havingOf = (plan: PlanRoutes, watch: string) => plan.routes.streams.filter(({ watches }) => watches.includes(watch))
  /** For each stream of the watch: under which definition it was last compared in full, if it was. */
  const comparedAs = (plan: PlanRoutes, watch: string): readonly (string | undefined)[] => {
    const numbers = new Map(streams.ofCluster(plan.routes.cluster).map(({ id, stream }) => [stream, id]))
    return havingOf(plan, watch).map(({ id }) => {
      const number = numbers.get(id)
      return number === undefined ? undefined : audiences.inStep(number).get(watch)
    })
  }
  return {
    of: (plan, watch, only) => {
      const rows = streams.ofCluster(plan.routes.cluster)
      const having = havingOf(plan, watch).filter(({ resource }) => only?.includes(resource) ?? true)
      const planned = new Set(having.map(({ id }) => id))
      const compared = new Set(rows.filter(({ id }) => audiences.inStep(id).has(watch)).map(({ stream }) => stream))
      const kinds = new Set(having.map(({ resource }) => resource))
      // A stream that stays lends its rows when the new one begins (heirs.ts); until then they are only there.
      const lent = new Set(having.flatMap(({ id, resource }) => (compared.has(id) ? [] : [resource])))
      return rows
        .filter(
          ({ stream, name }) =>
            planned.has(stream) || (kinds.has(name) && !plan.streams.has(stream)) || (lent.has(name) && plan.streams.has(stream)),
        )
        .map(({ id, stream }) => ({ id, planned: planned.has(stream) }))
    },
    inStep: (plan, watch) =>
      comparedAs(plan, watch).every((definition) => definition === plan.watches.get(watch)?.definition) &&
      havingOf(plan, watch).every(({ id }) => !streams.isDoubted(plan.routes.cluster, id)),
    outdated: (plan, watch) =>
      comparedAs(plan, watch).some(
        (definition) => definition !== undefined && definition !== plan.watches.get(watch)?.definition,
      ),
    count: (sources, watches) => {
      if (sources.length === 0 || watches.length === 0) return 0
      const matching = watches.map(() => 'instr(matches, ?) > 0').join(' OR ')
      const ids = sources.map(({ id }) => id).join()
      const query = db.query(`SELECT count(DISTINCT uid) AS n FROM inventory WHERE stream IN (${ids}) AND (${matching})`, count)
      return query.get(...watches.map(watchNeedle))?.n ?? 0
    },
  }
}

/** Watches of the plan that an endpoint hears. */
export const watchesOf = ({ watches }: PlanRoutes, endpoint: string): readonly string[] =>
  [...watches].flatMap(([watch, { endpoints }]) => (endpoints.includes(endpoint) ? [watch] : []))
