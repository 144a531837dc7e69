/**
 * Passing over what waits for an endpoint, in bounded steps. Deletions stay: nobody would tell them again. Everything else has to be told by
 * scans that began before the first step and are read after the last one; so a step that is missing loses nothing.
 */
import { randomUUID } from 'node:crypto'
import { decodeJson, integer, object, optional, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Output } from '../calls.ts'
import type { Member, Sequence } from '../store.ts'
import type { Backlog } from './backlog.ts'
import { members } from './batches.ts'
import { flag, jsonText } from './columns.ts'
import type { Database } from './database.ts'
import type { Endpoints } from './endpoints.ts'
import type { Log } from './log.ts'

export interface DropDeps {
  readonly backlog: Backlog
  readonly endpoints: Endpoints
  readonly log: Log
  readonly now: () => number
}

/** Rows of the log that one step reads. */
const limits = { rows: 500, bytes: 8 * 1024 * 1024 }

/** Frozen batches that one step looks at. */
const batchesAtOnce = 1_000

/** `upTo`: what comes later stays. Frozen batches come first, up to `place` and `path` they are done; then rows of the log, up to `after`. */
const position = object({ upTo: integer, place: optional(integer), path: optional(string), after: optional(integer) })

export function createDropBacklog(db: Database, { backlog, endpoints, log, now }: DropDeps) {
  const thin = createThin(db, now)
  const passOver = (
    endpoint: string,
    after: Sequence,
    upTo: Sequence,
  ): { readonly dropped: number; readonly next?: Sequence } => {
    const read = log.read({ endpoint, from: after, limits: { ...limits, upTo } })
    const passing = read.rows.filter(({ routes }) =>
      routes.some((route) => route.endpoint === endpoint && route.type !== 'deleted'),
    )
    for (const { sequence, routes } of passing) {
      log.setRoutes(
        sequence,
        routes.filter((route) => route.endpoint !== endpoint),
      )
      backlog.lower(endpoint, sequence)
    }
    return { dropped: passing.length, ...(!read.complete && { next: read.upTo }) }
  }
  return ({ endpoint, after: encoded }: Input<'dropBacklog'>): Output<'dropBacklog'> => {
    const { head } = log.totals()
    if (encoded === undefined) endpoints.doubt(endpoint, head)
    const { upTo, after, place = -1, path = '' } = encoded === undefined ? { upTo: head } : decodeJson(position, encoded)
    const step = after === undefined ? thin(endpoint, { place, path }) : passOver(endpoint, after, upTo)
    endpoints.skip(endpoint, step.dropped)
    if (typeof step.next === 'object') return { dropped: step.dropped, next: JSON.stringify({ upTo, ...step.next }) }
    const next = after === undefined ? endpoints.state(endpoint).cursor : step.next
    return { dropped: step.dropped, ...(next !== undefined && { next: JSON.stringify({ upTo, after: next }) }) }
  }
}

interface Place {
  readonly place: number
  readonly path: string
}

/**
 * Frozen batches keep their deletions, under another id. What has a payload stays or goes as it is: it stays where it tells a deletion, of a
 * parked object or of a dead letter. Counts the other events, without those of scans.
 */
function createThin(db: Database, now: () => number) {
  const batches = db.query(
    `SELECT place, path, id, members, payload IS NOT NULL AS packed, object IS NOT NULL AS parked FROM batches
     WHERE endpoint = ? AND (place, path) > (?, ?) ORDER BY place, path LIMIT ${batchesAtOnce}`,
    object({ place: integer, path: string, id: string, members: jsonText(members), packed: flag, parked: flag }),
  )
  const remove = db.command('DELETE FROM batches WHERE id = ?')
  const replace = db.command(
    'UPDATE batches SET id = ?, created_at = ?, members = ?, events = ?, attempts = 0, first_attempt_at = NULL WHERE id = ?',
  )
  return (endpoint: string, from: Place): { readonly dropped: number; readonly next?: Place } => {
    const some = batches.all(endpoint, from.place, from.path)
    let dropped = 0
    for (const { id, members: all, packed, parked } of some) {
      const deletions: readonly Member[] = all.filter(({ type }) => type === 'deleted')
      if (deletions.length > 0 && packed) continue
      if (parked || !packed) dropped += all.length - deletions.length
      if (deletions.length === 0) remove(id)
      else if (deletions.length < all.length) replace(randomUUID(), now(), JSON.stringify(deletions), deletions.length, id)
    }
    const last = some.length === batchesAtOnce ? some.at(-1) : undefined
    return { dropped, ...(last !== undefined && { next: { place: last.place, path: last.path } }) }
  }
}
