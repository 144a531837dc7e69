/**
 * Which endpoint hears which watch of which cluster, now or once. What was heard once is what makes renaming a watch silent.
 *
 * It was heard of the kinds that the watch had then, for this endpoint. A name can get other kinds, and other endpoints can have had those
 * under the same name: of them this one holds nothing.
 */
import { array, decodeJson, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { ResyncOrder } from '../store.ts'
import { jsonText, names } from './columns.ts'
import type { Database } from './database.ts'
import { endOfScan } from './scan-read.ts'

export interface Subscription {
  readonly cluster: string
  readonly endpoint: string
  readonly watch: string
}

/** A pair, and kinds of its watch, `deployments.apps`. */
export interface Hearing extends Subscription {
  readonly kinds: readonly string[]
}

export interface Subscriptions {
  /** By endpoint: all watches of the cluster by which it hears or ever heard the kind. */
  heard(of: { readonly cluster: string; readonly kind: string }): ReadonlyMap<string, ReadonlySet<string>>
  /**
   * Makes `wanted` the active ones; `resting` says which of the others do not end, but pause. Answers with those that began (new or again),
   * those that are active no more, and those that ended: of the active ones and of those that paused. `widened`: active ones that go on,
   * with the kinds that they never had.
   */
  replace(
    wanted: readonly Hearing[],
    rest: { readonly resting: readonly Subscription[]; readonly now: number },
  ): Record<'began' | 'stopped' | 'ended', readonly Subscription[]> & { readonly widened: readonly Hearing[] }
  activeOf(endpoint: string): readonly Subscription[]
  /** Active watches of one endpoint in one cluster; and those of them that pause. */
  heardNow(endpoint: string, cluster: string): { readonly active: ReadonlySet<string>; readonly resting: ReadonlySet<string> }
  /** Active ones that fit, in one order. `after`: a `positionOf`. */
  page(of: ResyncOrder, page: { readonly after?: string; readonly limit: number }): readonly Subscription[]
  positionOf(pair: Subscription): string
  /** Active ones of these watches without a scan that has something to tell but its marker. `scannedAt`: when the last scan began, or the pair itself, ms. */
  quiet(watches: readonly string[]): readonly (Subscription & { readonly scannedAt: number })[]
  /** A scan of it began. `initial`: until it has ended, not everything was told that the endpoint is to hold. */
  scanned(pair: Subscription, scan: { readonly initial: boolean; readonly now: number }): void
  /** A scan of it has ended. */
  begun(pair: Subscription): void
  /** The endpoints that do not hear these watches any more are told no more of what others are: not everything of them was told. */
  leaveBehind(watches: readonly Omit<Subscription, 'endpoint'>[]): void
  /** By endpoint: watches of the cluster, active or not, of which not everything was told. */
  unbegun(cluster: string): ReadonlyMap<string, ReadonlySet<string>>
}

const row = object({ cluster: string, endpoint: string, watch: string })
/** `active`: 0 = ended, 1 = active, 2 = its watch is paused. */
const stateRow = object({ cluster: string, endpoint: string, watch: string, active: integer, kinds: jsonText(names) })
const paused = 2

export function createSubscriptions(db: Database): Subscriptions {
  const heard = db.query(
    `SELECT cluster, endpoint, watch FROM subscriptions WHERE cluster = ? AND EXISTS (SELECT 1 FROM json_each(kinds) WHERE value = ?)`,
    row,
  )
  const current = db.query('SELECT cluster, endpoint, watch, active, kinds FROM subscriptions WHERE active > 0', stateRow)
  const ofEndpoint = db.query('SELECT cluster, endpoint, watch FROM subscriptions WHERE endpoint = ? AND active = 1', row)
  const ofPair = db.query(
    'SELECT cluster, endpoint, watch, active, kinds FROM subscriptions WHERE cluster = ? AND endpoint = ? AND active > 0',
    stateRow,
  )
  const begin = db.command(
    `INSERT INTO subscriptions (cluster, endpoint, watch, active, scanned_at) VALUES (?, ?, ?, 1, ?)
     ON CONFLICT DO UPDATE SET active = 1, scanned_at = excluded.scanned_at`,
  )
  const widen = db.command(
    `UPDATE subscriptions SET kinds =
       (SELECT json_group_array(value) FROM (SELECT value FROM json_each(kinds) UNION SELECT value FROM json_each(?)))
     WHERE cluster = ? AND endpoint = ? AND watch = ?`,
  )
  const end = db.command('UPDATE subscriptions SET active = ? WHERE cluster = ? AND endpoint = ? AND watch = ?')
  return {
    heard: ({ cluster, kind }) => watchesByEndpoint(heard.all(cluster, kind)),
    ...createPages(db),
    activeOf: (endpoint) => ofEndpoint.all(endpoint),
    heardNow: (endpoint, cluster) => {
      const rows = ofPair.all(cluster, endpoint)
      const having = (state: number) => new Set(rows.flatMap(({ watch, active }) => (active === state ? [watch] : [])))
      return { active: having(1), resting: having(paused) }
    },
    replace: (wanted, { resting, now: at }) => {
      const before = current.all()
      const was = new Map(before.map((each) => [key(each), each]))
      const now = new Map(wanted.map((each) => [key(each), each]))
      const rests = new Set(resting.map(key))
      const began = [...now].flatMap(([id, each]) => (was.get(id)?.active === 1 ? [] : [each]))
      const widened = [...now].flatMap(([id, each]) => {
        const former = was.get(id)
        const kinds = each.kinds.filter((kind) => former?.kinds.includes(kind) === false)
        return former?.active === 1 && kinds.length > 0 ? [{ ...each, kinds }] : []
      })
      const left = before.filter((each) => !now.has(key(each)))
      for (const { cluster, endpoint, watch } of began) begin(cluster, endpoint, watch, at)
      for (const { cluster, endpoint, watch, kinds } of [...began, ...widened])
        widen(JSON.stringify(kinds), cluster, endpoint, watch)
      for (const each of left) end(rests.has(key(each)) ? paused : 0, each.cluster, each.endpoint, each.watch)
      return {
        began,
        widened,
        stopped: left.filter(({ active }) => active === 1),
        ended: left.filter((each) => !rests.has(key(each))),
      }
    },
  }
}

function createPages(db: Database): Omit<Subscriptions, 'heard' | 'heardNow' | 'activeOf' | 'replace'> {
  const page = db.query(
    `SELECT cluster, endpoint, watch FROM subscriptions WHERE active = 1 AND endpoint = ?1
       AND (?2 IS NULL OR watch = ?2) AND (?3 IS NULL OR cluster = ?3) AND (cluster, watch) > (?4, ?5)
     ORDER BY cluster, watch LIMIT ?6`,
    row,
  )
  const quiet = db.query(
    `SELECT cluster, endpoint, watch, scanned_at AS scannedAt FROM subscriptions AS pair
     WHERE active = 1 AND watch IN (SELECT value FROM json_each(?)) AND NOT EXISTS (SELECT 1 FROM scans WHERE scans.endpoint = pair.endpoint AND scans.watch = pair.watch AND scans.cluster = pair.cluster AND scans.kind = '' AND scans.position <> '${endOfScan}')`,
    object({ cluster: string, endpoint: string, watch: string, scannedAt: integer }),
  )
  const scanned = db.command(
    'UPDATE subscriptions SET scanned_at = ?, begun = min(begun, ?) WHERE cluster = ? AND endpoint = ? AND watch = ?',
  )
  const begun = db.command('UPDATE subscriptions SET begun = 1 WHERE cluster = ? AND endpoint = ? AND watch = ?')
  const leaveBehind = db.command(
    `UPDATE subscriptions SET begun = 0 WHERE active = 0 AND begun = 1 AND (cluster, watch) IN
       (SELECT value ->> 'cluster', value ->> 'watch' FROM json_each(?))`,
  )
  const unbegun = db.query('SELECT cluster, endpoint, watch FROM subscriptions WHERE cluster = ? AND begun = 0', row)
  return {
    page: ({ endpoint, watch, cluster }, { after, limit }) => {
      const [afterCluster = '', afterWatch = ''] = after === undefined ? [] : decodeJson(array(string), after)
      return page.all(endpoint, watch ?? null, cluster ?? null, afterCluster, afterWatch, limit)
    },
    positionOf: ({ cluster, watch }) => JSON.stringify([cluster, watch]),
    quiet: (watches) => quiet.all(JSON.stringify(watches)),
    scanned: ({ cluster, endpoint, watch }, { initial, now }) => void scanned(now, Number(!initial), cluster, endpoint, watch),
    begun: ({ cluster, endpoint, watch }) => void begun(cluster, endpoint, watch),
    leaveBehind: (watches) => void leaveBehind(JSON.stringify(watches)),
    unbegun: (cluster) => watchesByEndpoint(unbegun.all(cluster)),
  }
}

const watchesByEndpoint = (pairs: readonly Subscription[]): ReadonlyMap<string, ReadonlySet<string>> => {
  const byEndpoint = Map.groupBy(pairs, ({ endpoint }) => endpoint)
  return new Map([...byEndpoint].map(([endpoint, own]) => [endpoint, new Set(own.map(({ watch }) => watch))]))
}

const key = ({ cluster, endpoint, watch }: Subscription): string => JSON.stringify([cluster, endpoint, watch])
