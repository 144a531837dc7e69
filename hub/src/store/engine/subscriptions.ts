/** Which endpoint hears which watch of which cluster, now or once. What was heard once is what makes renaming a watch silent. */
import { object, string } from '@watch-hub/shared/protocol/decode'
import type { Database } from './database.ts'

export interface Subscription {
  readonly cluster: string
  readonly endpoint: string
  readonly watch: string
}

export interface Subscriptions {
  /** By endpoint: all watches of the cluster that it hears or ever heard. */
  heard(cluster: string): ReadonlyMap<string, ReadonlySet<string>>
  /** Makes `wanted` the active ones. Answers with those that began (new or again) and those that ended. */
  replace(wanted: readonly Subscription[]): { readonly began: readonly Subscription[]; readonly ended: readonly Subscription[] }
}

const row = object({ cluster: string, endpoint: string, watch: string })

export function createSubscriptions(db: Database): Subscriptions {
  const heard = db.query('SELECT cluster, endpoint, watch FROM subscriptions WHERE cluster = ?', row)
  const active = db.query('SELECT cluster, endpoint, watch FROM subscriptions WHERE active = 1', row)
  const begin = db.command(
    'INSERT INTO subscriptions (cluster, endpoint, watch, active) VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET active = 1',
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
    replace: (wanted) => {
      const before = new Map(active.all().map((each) => [key(each), each]))
      const now = new Map(wanted.map((each) => [key(each), each]))
      const began = [...now].flatMap(([id, each]) => (before.has(id) ? [] : [each]))
      const ended = [...before].flatMap(([id, each]) => (now.has(id) ? [] : [each]))
      for (const { cluster, endpoint, watch } of began) begin(cluster, endpoint, watch)
      for (const { cluster, endpoint, watch } of ended) end(cluster, endpoint, watch)
      return { began, ended }
    },
  }
}

const key = ({ cluster, endpoint, watch }: Subscription): string => JSON.stringify([cluster, endpoint, watch])
