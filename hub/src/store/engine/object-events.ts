/**
 * Events of an object that is addressed by its name. Names have no index, so that appends stay fast: the log is looked through from its end, a
 * bounded number of rows at a time, and the inventory by uid.
 */
import { array, decodeJson, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Ops } from '../calls.ts'
import type { NamedObject } from '../story.ts'
import { jsonText, nullable, present } from './columns.ts'
import type { Database } from './database.ts'
import type { Streams } from './streams.ts'

/** Rows of the log, or objects of the inventory, that one step looks at. */
export const namesLookedAt = 10_000

const sequences = jsonText(array(integer))
const position = object({ stream: integer, uid: string })

export function createObjectEvents(
  db: Database,
  { streams }: { readonly streams: Streams },
): Pick<Ops, 'objectRows' | 'objectHeld'> {
  const rows = db.query(
    `SELECT count(*) AS lookedAt, min(sequence) AS last,
       json_group_array(sequence) FILTER (WHERE name = ?1 AND namespace IN (SELECT value FROM json_each(?2))
         AND stream IN (SELECT value FROM json_each(?3))) AS found
     FROM (SELECT sequence, stream, namespace, name FROM log WHERE sequence < ?4 ORDER BY sequence DESC LIMIT ${namesLookedAt})`,
    object({ lookedAt: integer, last: nullable(integer), found: sequences }),
  )
  const held = db.query(
    `SELECT count(*) AS lookedAt, max(uid) AS last,
       json_group_array(sequence) FILTER (WHERE name = ?1 AND namespace IN (SELECT value FROM json_each(?2))) AS found
     FROM (SELECT uid, namespace, name, sequence FROM inventory WHERE stream = ?3 AND uid > ?4 ORDER BY uid LIMIT ${namesLookedAt})`,
    object({ lookedAt: integer, last: nullable(string), found: sequences }),
  )
  const streamsOf = ({ cluster, group, resource }: NamedObject): readonly number[] =>
    streams
      .ofCluster(cluster)
      .filter((each) => each.group === group && each.resource === resource)
      .map(({ id }) => id)
  return {
    objectRows: ({ before = Number.MAX_SAFE_INTEGER, ...of }) => {
      const ids = streamsOf(of)
      const step = ids.length === 0 ? undefined : rows.get(of.name, JSON.stringify(of.namespaces), JSON.stringify(ids), before)
      if (step === undefined) return { sequences: [], lookedAt: 0 }
      const { found, lookedAt, last } = step
      return {
        sequences: found.toSorted((a, b) => b - a),
        lookedAt,
        ...present({ next: lookedAt < namesLookedAt ? undefined : last }),
      }
    },
    objectHeld: ({ after, ...of }) => {
      const ids = streamsOf(of)
      const from = after === undefined ? { stream: ids[0] ?? 0, uid: '' } : decodeJson(position, after)
      const { found = [], lookedAt = 0, last } = held.get(of.name, JSON.stringify(of.namespaces), from.stream, from.uid) ?? {}
      const another = ids.find((id) => id > from.stream)
      const next =
        lookedAt === namesLookedAt && last !== undefined
          ? { stream: from.stream, uid: last }
          : another === undefined
            ? undefined
            : { stream: another, uid: '' }
      return { sequences: found, ...(next !== undefined && { next: JSON.stringify(next) }) }
    },
  }
}
