/** Streams of all clusters under short numbers, and how many objects the inventory holds of each. */

import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { FrameStream } from '@watch-hub/shared/protocol/frames'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { StoreStats } from '../store.ts'
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
  addObjects(id: number, delta: number): void
  inventory(): StoreStats['inventory']
  /** After a rollback: what is known from before may be untrue. */
  forget(): void
}

export function createStreams(db: Database): Streams {
  const insert = db.command(`INSERT INTO streams (cluster, stream, grp, resource, kind) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (cluster, stream) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind`)
  const select = db.query('SELECT id FROM streams WHERE cluster = ? AND stream = ?', object({ id: integer }))
  const byCluster = db.query(
    'SELECT id, stream, grp AS "group", resource, kind, objects FROM streams WHERE cluster = ? ORDER BY id',
    streamRow,
  )
  const add = db.command('UPDATE streams SET objects = objects + ? WHERE id = ?')
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
    addObjects: (id, delta) => {
      if (delta !== 0) add(delta, id)
    },
    inventory: () =>
      inventory
        .all()
        .map(({ cluster, grp, resource, objects }) => ({ cluster, resource: resourceName({ group: grp, resource }), objects })),
    forget: () => numbers.clear(),
  }
}
