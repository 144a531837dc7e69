/** What commits took from endpoints that are told so, kind by kind, as derive.ts wants to know it. */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import { flag, nullable } from './columns.ts'
import type { Database } from './database.ts'
import type { Leaving } from './derive.ts'

/** By endpoint; those that nothing is to be known of are not there. */
export type Leavings = (of: { readonly cluster: string; readonly kind: string }) => ReadonlyMap<string, Leaving>

const row = object({
  endpoint: string,
  watch: string,
  active: integer,
  told: flag,
  started: nullable(integer),
  over: flag,
})
type Row = ReturnType<typeof row.decode>

export function createLeavings(db: Database): Leavings {
  const rows = db.query(
    // What ended for one kind holds nothing of kinds that the watch got later, for others.
    `SELECT pair.endpoint, pair.watch, pair.active, endpoints.unwatched AS told, scans.started,
       removed.kind IS NOT NULL OR (pair.active = 0 AND scans.started IS NULL AND EXISTS (SELECT 1 FROM removed AS other
         WHERE other.cluster = pair.cluster AND other.endpoint = pair.endpoint AND other.watch = pair.watch)) AS over
     FROM subscriptions AS pair JOIN endpoints ON endpoints.name = pair.endpoint AND endpoints.left_at IS NULL
     LEFT JOIN scans ON scans.endpoint = pair.endpoint AND scans.watch = pair.watch AND scans.cluster = pair.cluster AND scans.kind = ?2
     LEFT JOIN removed ON removed.endpoint = pair.endpoint AND removed.watch = pair.watch AND removed.cluster = pair.cluster
       AND removed.kind = ?2
     WHERE pair.cluster = ?1 AND (endpoints.unwatched = 1 OR removed.kind IS NOT NULL)`,
    row,
  )
  return ({ cluster, kind }) => {
    const byEndpoint = Map.groupBy(rows.all(cluster, kind), ({ endpoint }) => endpoint)
    return new Map([...byEndpoint].map(([endpoint, pairs]) => [endpoint, leavingOf(pairs)]))
  }
}

function leavingOf(pairs: readonly Row[]): Leaving {
  const having = (fits: (pair: Row) => boolean) => new Set(pairs.filter(fits).map(({ watch }) => watch))
  const isEnding = ({ over, started }: Row) => !over && started === 0
  return {
    holding: having((pair) => isEnding(pair) || (!pair.over && pair.started === undefined && pair.told && pair.active === 1)),
    going: having(({ over, started = 0 }) => !over && started > 0),
    over: having(({ over }) => over),
    resting: having(({ over, active }) => !over && active === 2),
  }
}
