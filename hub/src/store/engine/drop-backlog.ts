/**
 * Passing over what waits for an endpoint, in bounded steps. Deletions stay: nobody would tell them again. Everything else has to be told by
 * scans that began before the first step and are read after the last one; so a step that is missing loses nothing.
 */
import { randomUUID } from 'node:crypto'
import { decodeJson, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Output } from '../calls.ts'
import type { Member } from '../store.ts'
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

/** `after`: the last row that was looked at; `upTo`: what comes later stays. */
const place = object({ after: integer, upTo: integer })

export function createDropBacklog(db: Database, { backlog, endpoints, log, now }: DropDeps) {
  const thin = createThin(db, now)
  return ({ endpoint, after: position }: Input<'dropBacklog'>): Output<'dropBacklog'> => {
    if (position === undefined) {
      const upTo = log.totals().head
      endpoints.doubt(endpoint, upTo)
      const dropped = thin(endpoint)
      endpoints.skip(endpoint, dropped)
      return { dropped, next: JSON.stringify({ after: endpoints.state(endpoint).cursor, upTo }) }
    }
    const { after, upTo } = decodeJson(place, position)
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
    endpoints.skip(endpoint, passing.length)
    const dropped = passing.length
    return read.complete ? { dropped } : { dropped, next: JSON.stringify({ after: read.upTo, upTo }) }
  }
}

/**
 * Frozen batches keep their deletions, under another id. What has a payload stays or goes as it is: it stays where it tells a deletion, of a
 * parked object or of a dead letter. Answers with the number of other events, without those of scans.
 */
function createThin(db: Database, now: () => number): (endpoint: string) => number {
  const batches = db.query(
    'SELECT id, members, payload IS NOT NULL AS packed, object IS NOT NULL AS parked FROM batches WHERE endpoint = ?',
    object({ id: string, members: jsonText(members), packed: flag, parked: flag }),
  )
  const remove = db.command('DELETE FROM batches WHERE id = ?')
  const replace = db.command('UPDATE batches SET id = ?, created_at = ?, members = ?, events = ? WHERE id = ?')
  return (endpoint) => {
    let dropped = 0
    for (const { id, members: all, packed, parked } of batches.all(endpoint)) {
      const deletions: readonly Member[] = all.filter(({ type }) => type === 'deleted')
      if (deletions.length > 0 && packed) continue
      if (parked || !packed) dropped += all.length - deletions.length
      if (deletions.length === 0) remove(id)
      else if (deletions.length < all.length) replace(randomUUID(), now(), JSON.stringify(deletions), deletions.length, id)
    }
    return dropped
  }
}
