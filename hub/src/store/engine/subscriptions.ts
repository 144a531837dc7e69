/** Which endpoint hears which watch of which cluster, now or once. What was heard once is what makes renaming a watch silent. */
import { array, decodeJson, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { ResyncOrder } from '../store.ts'
import type { Database } from './database.ts'
import { endOfScan } from './scan-read.ts'

export interface Subscription {
  readonly cluster: string
  readonly endpoint: string
  readonly watch: string
}

export interface Subscriptions {
  /** By endpoint: all watches of the cluster that it hears or ever heard. */
  heard(cluster: string): ReadonlyMap<string, ReadonlySet<string>>
  /** Makes `wanted` the active ones. Answers with those that began (new or again) and those that ended. */
  replace(
    wanted: readonly Subscription[],
    now: number,
  ): { readonly began: readonly Subscription[]; readonly ended: readonly Subscription[] }
  /** Active ones that fit, in one order. `after`: a `positionOf`. */
  page(of: ResyncOrder, page: { readonly after?: string; readonly limit: number }): readonly Subscription[]
  positionOf(pair: Subscription): string
  /** Active ones of these watches without a scan that has something to tell but its marker. `scannedAt`: when the last scan began, or the pair itself, ms. */
  quiet(watches: readonly string[]): readonly (Subscription & { readonly scannedAt: number })[]
  /** A scan of it began. */
  scanned(pair: Subscription, now: number): void
}

const row = object({ cluster: string, endpoint: string, watch: string })

export function createSubscriptions(db: Database): Subscriptions {
  const heard = db.query('SELECT cluster, endpoint, watch FROM subscriptions WHERE cluster = ?', row)
  const active = db.query('SELECT cluster, endpoint, watch FROM subscriptions WHERE active = 1', row)
  const begin = db.command(
    `INSERT INTO subscriptions (cluster, endpoint, watch, active, scanned_at) VALUES (?, ?, ?, 1, ?)
     ON CONFLICT DO UPDATE SET active = 1, scanned_at = excluded.scanned_at`,
  )
  const end = db.command('UPDATE subscriptions SET active = 0 WHERE cluster = ? AND endpoint = ? AND watch = ?')
  return {
    heard: (cluster) => {
      const byEndpoint = new Map<string, Set<string>>()
      for (const { endpoint, watch } of heard.all(cluster)) {
        const watches = byEndpoint.get(endpoint) ?? new Set()
        byEndpoint.set(endpoint, watches.add(watch))
      }
      return byEndpoint
    },
    ...createPages(db),
    replace: (wanted, at) => {
      const before = new Map(active.all().map((each) => [key(each), each]))
      const now = new Map(wanted.map((each) => [key(each), each]))
      const began = [...now].flatMap(([id, each]) => (before.has(id) ? [] : [each]))
      const ended = [...before].flatMap(([id, each]) => (now.has(id) ? [] : [each]))
      for (const { cluster, endpoint, watch } of began) begin(cluster, endpoint, watch, at)
      for (const { cluster, endpoint, watch } of ended) end(cluster, endpoint, watch)
      return { began, ended }
    },
  }
}

function createPages(db: Database): Omit<Subscriptions, 'heard' | 'replace'> {
  const page = db.query(
    `SELECT cluster, endpoint, watch FROM subscriptions WHERE active = 1 AND endpoint = ?1
       AND (?2 IS NULL OR watch = ?2) AND (?3 IS NULL OR cluster = ?3) AND (cluster, watch) > (?4, ?5)
     ORDER BY cluster, watch LIMIT ?6`,
    row,
  )
  const quiet = db.query(
    `SELECT cluster, endpoint, watch, scanned_at AS scannedAt FROM subscriptions AS pair
     WHERE active = 1 AND watch IN (SELECT value FROM json_each(?)) AND NOT EXISTS (SELECT 1 FROM scans WHERE scans.endpoint = pair.endpoint AND scans.watch = pair.watch AND scans.cluster = pair.cluster AND scans.position <> '${endOfScan}')`,
    object({ cluster: string, endpoint: string, watch: string, scannedAt: integer }),
  )
  const scanned = db.command('UPDATE subscriptions SET scanned_at = ? WHERE cluster = ? AND endpoint = ? AND watch = ?')
  return {
    page: ({ endpoint, watch, cluster }, { after, limit }) => {
      const [afterCluster = '', afterWatch = ''] = after === undefined ? [] : decodeJson(array(string), after)
      return page.all(endpoint, watch ?? null, cluster ?? null, afterCluster, afterWatch, limit)
    },
    positionOf: ({ cluster, watch }) => JSON.stringify([cluster, watch]),
    quiet: (watches) => quiet.all(JSON.stringify(watches)),
    scanned: ({ cluster, endpoint, watch }, now) => void scanned(now, cluster, endpoint, watch),
  }
}

const key = ({ cluster, endpoint, watch }: Subscription): string => JSON.stringify([cluster, endpoint, watch])
