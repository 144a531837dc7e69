/** Streams of all clusters under short numbers, and what the inventory holds of each in sum: objects and checksum. */

import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { FrameStream } from '@watch-hub/shared/protocol/frames'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { StoreStats } from '../store.ts'
import { flag } from './columns.ts'
import type { Database } from './database.ts'

const streamRow = object({ id: integer, stream: string, group: string, resource: string, kind: string, objects: integer })

/** One stream of one cluster. `name`: its kind as people write it, `deployments.apps`. */
export interface StreamRow extends ReturnType<typeof streamRow.decode> {
  readonly name: string
}

export interface Streams {
  /** The number of a stream that a frame carries; a new one gets the next. */
  number(cluster: string, stream: Pick<FrameStream, 'id' | 'group' | 'resource' | 'kind'>): number
  /** The number of another stream of the same kind. */
  sibling(of: StreamRow, cluster: string, stream: string): number
  ofCluster(cluster: string): readonly StreamRow[]
  /** The inventory changed: `objects` came or went, and its checksum is greater by `checksum`. See stream-sums.ts. */
  change(id: number, by: { readonly objects: number; readonly checksum: number }): void
  /** Rows changed, and nobody says how: the checksum is counted again when it is needed. */
  dropChecksum(id: number): void
  /** What the cluster's agent told after the rows that are here was lost; endpoints may hold it. Until a comparison of the stream has ended. */
  doubt(cluster: string): void
  isDoubted(cluster: string, stream: string): boolean
  /** The heir has what the source had. */
  passDoubt(source: number, heir: number): void
  inventory(): StoreStats['inventory']
  /** After a rollback: what is known from before may be untrue. */
  forget(): void
}

export function createStreams(db: Database): Streams {
  const insert = db.command(`INSERT INTO streams (cluster, stream, grp, resource, kind, checksum) VALUES (?, ?, ?, ?, ?, 0)
    ON CONFLICT (cluster, stream) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind`)
  const select = db.query('SELECT id FROM streams WHERE cluster = ? AND stream = ?', object({ id: integer }))
  const byCluster = db.query(
    'SELECT id, stream, grp AS "group", resource, kind, objects FROM streams WHERE cluster = ? ORDER BY id',
    streamRow,
  )
  const change = db.command('UPDATE streams SET objects = objects + ?, checksum = (checksum + ?) % (1 << 48) WHERE id = ?')
  const doubt = db.command('UPDATE streams SET doubted = 1 WHERE cluster = ?')
  const doubted = db.query('SELECT doubted FROM streams WHERE cluster = ? AND stream = ?', object({ doubted: flag }))
  const passDoubt = db.command(
    'UPDATE streams SET doubted = 1 WHERE id = ?2 AND EXISTS (SELECT 1 FROM streams WHERE id = ?1 AND doubted = 1)',
  )
  const dropChecksum = db.command('UPDATE streams SET checksum = NULL WHERE id = ?')
  const inventory = db.query(
    'SELECT cluster, grp, resource, sum(objects) AS objects FROM streams GROUP BY cluster, grp, resource HAVING sum(objects) > 0',
    object({ cluster: string, grp: string, resource: string, objects: integer }),
  )
  const numbers = new Map<string, number>()
  const number: Streams['number'] = (cluster, { id, group, resource, kind }) => {
    const key = JSON.stringify([cluster, id, kind])
    const known = numbers.get(key)
    if (known !== undefined) return known
    insert(cluster, id, group, resource, kind)
    const found = select.get(cluster, id)
    if (found === undefined) throw new Error(`expected stream ${id} of ${cluster} to be in the database, got nothing`)
    if (numbers.size >= 10_000) numbers.clear()
    numbers.set(key, found.id)
    return found.id
  }
  return {
    number,
    sibling: (of, cluster, stream) => number(cluster, { ...of, id: stream }),
    ofCluster: (cluster) => byCluster.all(cluster).map((row) => ({ ...row, name: resourceName(row) })),
    change: (id, { objects, checksum }) => {
      if (objects !== 0 || checksum !== 0) change(objects, checksum, id)
    },
    dropChecksum: (id) => void dropChecksum(id),
    doubt: (cluster) => void doubt(cluster),
    isDoubted: (cluster, stream) => doubted.get(cluster, stream)?.doubted ?? false,
    passDoubt: (source, heir) => void passDoubt(source, heir),
    inventory: () =>
      inventory
        .all()
        .map(({ cluster, grp, resource, objects }) => ({ cluster, resource: resourceName({ group: grp, resource }), objects })),
    forget: () => numbers.clear(),
  }
}
