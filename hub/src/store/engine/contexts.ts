/**
 * Contexts: metadata as it was configured when an entry was appended. Log rows name them by number, so that a commit which
 * changes labels concerns later events only. One lives as long as a plan that uses it, and then until the log has passed.
 */
import { createHash } from 'node:crypto'
import { integer, object, optional, record, string } from '@watch-hub/shared/protocol/decode'
import type { Context, Sequence } from '../store.ts'
import { jsonText, metadata } from './columns.ts'
import type { Database } from './database.ts'
import type { PlanRoutes, Plans } from './plans.ts'

export interface Contexts {
  /** Number of the context of a plan's entries; `clusterUid` is what the agent joined with. */
  of(plan: PlanRoutes, clusterUid: string): number
  get(key: string): Context
  /** Marks those that no plan uses any more. */
  drop(head: Sequence): void
  /** Deletes the marked ones that no row of the log can name. */
  prune(pruned: Sequence): void
}

const context = object({
  cluster: object({ name: string, uid: string, labels: record(string), metadata }),
  watches: record(metadata),
  commit: optional(string),
})

export function createContexts(db: Database, plans: Plans): Contexts {
  const upsert = db.query(
    `INSERT INTO contexts (hash, context) VALUES (?, ?) ON CONFLICT (hash) DO UPDATE SET dropped_at = NULL RETURNING id`,
    object({ id: integer }),
  )
  const select = db.query('SELECT context FROM contexts WHERE id = ?', object({ context: jsonText(context) }))
  const drop = db.command(`UPDATE contexts SET dropped_at = ? WHERE dropped_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM plans WHERE plans.context = contexts.id)`)
  const prune = db.command('DELETE FROM contexts WHERE dropped_at <= ?')
  return {
    of: (plan, clusterUid) => {
      if (plan.context !== undefined) return plan.context
      const { cluster, plan: hash } = plan.routes
      const text = JSON.stringify(contextOf(plan, clusterUid))
      const row = upsert.get(createHash('sha256').update(text).digest('base64url'), text)
      if (row === undefined) throw new Error(`expected a number for the context of plan ${hash} of ${cluster}, got nothing`)
      plans.setContext(cluster, hash, row.id)
      return row.id
    },
    get: (key) => {
      const row = select.get(Number(key))
      if (row === undefined) throw new Error(`expected a context that a row of the log names, got ${JSON.stringify(key)}`)
      return row.context
    },
    drop: (head) => void drop(head),
    prune: (pruned) => void prune(pruned),
  }
}

function contextOf({ routes, watches, commit }: PlanRoutes, uid: string): Context {
  const { name, labels, metadata } = routes.context
  return {
    cluster: { name, uid, labels, metadata },
    watches: Object.fromEntries([...watches].map(([watch, route]) => [watch, route.metadata])),
    ...(commit !== undefined && { commit }),
  }
}
