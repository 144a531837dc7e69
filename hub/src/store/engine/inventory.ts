/**
 * The inventory: the last known state of every object of every stream. A row exists only while a watch matches the object,
 * or because a commit took the stream away before anybody could say that nothing does ("stale": it heals when the stream comes back).
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import type { Sequence } from '../store.ts'
import { jsonText, names, nullable } from './columns.ts'
import type { Database } from './database.ts'

export interface Held {
  readonly resourceVersion: string
  readonly hash: string
  /** JSON text of the names of the watches that match, sorted. */
  readonly matches: string
  /** Of its last log row, which holds the body. */
  readonly sequence: Sequence
}

export interface Holding extends Held {
  readonly version: string
  readonly namespace: string
  readonly name: string
  readonly observedAt: number
  /** Of its last log row. */
  readonly traceparent?: string | undefined
}

interface Page {
  /** Uid that the page begins behind. */
  readonly after: string
  readonly limit: number
}

export interface Inventory {
  get(stream: number, uid: string): Held | undefined
  put(stream: number, uid: string, row: Holding): void
  setVersion(stream: number, uid: string, resourceVersion: string): void
  setMatches(stream: number, uid: string, matches: string): void
  remove(stream: number, uid: string): void
  /** What an agent has to know, in the order of uids. */
  index(stream: number, page: Page): readonly IndexEntry[]
  page(stream: number, page: Page): readonly (Holding & { readonly uid: string })[]
}

const held = { resourceVersion: string, hash: string, matches: string, sequence: integer }
const heldColumns = 'resource_version AS resourceVersion, hash, matches, sequence'

/** Occurs in the JSON text of `matches` exactly when the watch is one of them. */
export const watchNeedle = (watch: string): string => JSON.stringify(watch)

export function createInventory(db: Database): Inventory {
  const select = db.query(`SELECT ${heldColumns} FROM inventory WHERE stream = ? AND uid = ?`, object(held))
  const upsert = db.command(`INSERT INTO inventory
      (stream, uid, version, namespace, name, resource_version, hash, matches, observed_at, sequence, traceparent)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET version = excluded.version, namespace = excluded.namespace, name = excluded.name,
      resource_version = excluded.resource_version, hash = excluded.hash, matches = excluded.matches,
      observed_at = excluded.observed_at, sequence = excluded.sequence, traceparent = excluded.traceparent`)
  const setVersion = db.command('UPDATE inventory SET resource_version = ? WHERE stream = ? AND uid = ?')
  const setMatches = db.command('UPDATE inventory SET matches = ? WHERE stream = ? AND uid = ?')
  const remove = db.command('DELETE FROM inventory WHERE stream = ? AND uid = ?')
  const index = db.query(
    `SELECT uid, namespace, name, resource_version AS resourceVersion, hash, matches FROM inventory
     WHERE stream = ? AND uid > ? ORDER BY uid LIMIT ?`,
    object({ uid: string, namespace: string, name: string, resourceVersion: string, hash: string, matches: jsonText(names) }),
  )
  const page = db.query(
    `SELECT uid, version, namespace, name, observed_at AS observedAt, traceparent, ${heldColumns} FROM inventory
     WHERE stream = ? AND uid > ? ORDER BY uid LIMIT ?`,
    object({
      ...{ uid: string, version: string, namespace: string, name: string, observedAt: integer, ...held },
      traceparent: nullable(string),
    }),
  )
  return {
    get: (stream, uid) => select.get(stream, uid),
    put: (stream, uid, { version, namespace, name, resourceVersion, hash, matches, observedAt, sequence, traceparent }) =>
      void upsert(
        ...[stream, uid, version, namespace, name, resourceVersion, hash, matches, observedAt, sequence],
        traceparent ?? null,
      ),
    setVersion: (stream, uid, resourceVersion) => void setVersion(resourceVersion, stream, uid),
    setMatches: (stream, uid, matches) => void setMatches(matches, stream, uid),
    remove: (stream, uid) => void remove(stream, uid),
    index: (stream, { after, limit }) => index.all(stream, after, limit),
    page: (stream, { after, limit }) => page.all(stream, after, limit),
  }
}
