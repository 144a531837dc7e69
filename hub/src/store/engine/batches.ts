/**
 * Frozen batches: what an endpoint is being told, in order, until it is settled. A batch that is replaced passes its place on, so the order
 * of everything else stays. Parked ones are batches like the others; whose turn it is, the courier decides.
 */
import { array, type Decoder, decodeJson, integer, object, optional, string } from '@watch-hub/shared/protocol/decode'
import type { AttemptRecord, EndpointBacklog, EndpointState, Freeze, FrozenBatch, Member, Parking, Sequence } from '../store.ts'
import { count, eventType, jsonText, names, nullable, number, present, reason } from './columns.ts'
import type { Database } from './database.ts'

export interface Batches {
  /** A page of those of one endpoint, in order. `next`: where to go on. */
  page(endpoint: string, after: string | undefined): Pick<EndpointState, 'batches' | 'tried'> & { readonly next?: string }
  /** Settles, replaces and appends, and says how parked ones stand now. */
  step(of: Pick<Freeze, 'endpoint' | 'settled' | 'batches' | 'replaced' | 'parking'>): void
  /** Attempts were made; those of batches that are not there any more are passed over. */
  tried(endpoint: string, attempts: readonly AttemptRecord[]): void
  /** Rows from `first` to `last` that frozen batches are rendered from. */
  rowsWithin(first: Sequence, last: Sequence): ReadonlySet<Sequence>
  /** The oldest row that one is rendered from. */
  oldestRow(): Sequence | undefined
  /** Events that wait in those that are not parked, and since when the oldest does. */
  waiting(endpoint: string): { readonly events: number; readonly oldestAt?: number }
  parked(endpoint: string): EndpointBacklog['parked']
  /** Drops some of them. True = there may be more. */
  drop(endpoint: string): boolean
}

/** Bytes of payloads and members of one page, about. */
const pageBytes = 8 * 1024 * 1024
/** Batches that are dropped in one step. */
const droppedAtOnce = 500
/** Digits of one step of a path: enough for every event of a batch. */
const stepDigits = 6

const member: Decoder<Member> = object({
  sequence: integer,
  type: eventType,
  reason: optional(reason),
  watches: names,
  base: optional(integer),
})
export const members = array(member)

export const parking: Decoder<Parking> = object({
  object: string,
  firstAttemptAt: optional(number),
  attempts: integer,
  nextAttemptAt: number,
  reason: string,
  status: optional(integer),
})

const place = object({ place: integer, path: string })
type Place = ReturnType<typeof place.decode>

const lastAttempt = object({ number: integer, traceparent: nullable(string) })

const batchRow = object({
  place: integer,
  path: string,
  id: string,
  createdAt: integer,
  members: jsonText(members),
  frame: string,
  payload: nullable(string),
  parking: nullable(jsonText(parking)),
  attempts: integer,
  firstAt: nullable(integer),
  lastAttempt: nullable(jsonText(lastAttempt)),
})
type BatchRow = ReturnType<typeof batchRow.decode>

export function createBatches(db: Database): Batches {
  const oldestRow = db.query('SELECT min(oldest) AS n FROM batches WHERE oldest IS NOT NULL', object({ n: nullable(integer) }))
  const membersWithin = db.query(
    `SELECT DISTINCT member.value ->> 'sequence' AS n FROM batches, json_each(batches.members) AS member
     WHERE oldest <= ? AND newest >= ? AND n BETWEEN ? AND ?`,
    count,
  )
  const tried = db.command(`UPDATE batches SET attempts = attempts + 1, first_attempt_at = min(ifnull(first_attempt_at, ?1), ?1),
    last_attempt = json_object('number', ifnull(last_attempt ->> 'number', 0) + 1,
      'traceparent', ifnull(?4, last_attempt ->> 'traceparent')) WHERE endpoint = ?2 AND id = ?3`)
  const parked = db.query(
    `SELECT count(DISTINCT object) AS objects, ifnull(sum(bytes), 0) AS bytes FROM batches WHERE endpoint = ? AND object IS NOT NULL`,
    object({ objects: integer, bytes: integer }),
  )
  const drop = db.command(`DELETE FROM batches WHERE number IN
    (SELECT number FROM batches WHERE endpoint = ? LIMIT ${droppedAtOnce})`)
  return {
    page: createPage(db),
    step: createStep(db),
    tried: (endpoint, attempts) => {
      for (const { at, batch, traceparent } of attempts) tried(at, endpoint, batch, traceparent ?? null)
    },
    rowsWithin: (first, last) => new Set(membersWithin.all(last, first, first, last).map(({ n }) => n)),
    oldestRow: () => oldestRow.get()?.n,
    waiting: createWaiting(db),
    parked: (endpoint) => parked.get(endpoint) ?? { objects: 0, bytes: 0 },
    drop: (endpoint) => drop(endpoint) === droppedAtOnce,
  }
}

function createPage(db: Database): Batches['page'] {
  const batches = db.query(
    `SELECT place, path, id, created_at AS createdAt, members, frame, payload, parking, attempts, first_attempt_at AS firstAt,
       last_attempt AS lastAttempt
     FROM batches WHERE endpoint = ? AND (place, path) > (?, ?) ORDER BY place, path`,
    batchRow,
  )
  return (endpoint, after) => {
    const { place: afterPlace, path } = after === undefined ? { place: -1, path: '' } : decodeJson(place, after)
    const page: BatchRow[] = []
    let bytes = 0
    let next: string | undefined
    for (const row of batches.each(endpoint, afterPlace, path)) {
      bytes += (row.payload?.length ?? 0) + 100 * row.members.length
      if (page.length > 0 && bytes > pageBytes) {
        next = positionOf(page.at(-1))
        break
      }
      page.push(row)
    }
    const tried = new Map(
      page.flatMap(({ id, attempts, firstAt }) => (firstAt === undefined ? [] : [[id, { attempts, firstAt }] as const])),
    )
    return { batches: page.map(frozenBatch), ...(tried.size > 0 && { tried }), ...(next !== undefined && { next }) }
  }
}

const positionOf = (row: Place | undefined): string => JSON.stringify({ place: row?.place ?? -1, path: row?.path ?? '' })

const frozenBatch = ({ id, createdAt, members, frame, payload, parking, lastAttempt }: BatchRow): FrozenBatch => ({
  ...{ id, createdAt, members, frame },
  ...(payload !== undefined && { payload }),
  ...(parking !== undefined && { parking }),
  ...(lastAttempt !== undefined && { lastAttempt: { number: lastAttempt.number, ...present(lastAttempt) } }),
})

function createStep(db: Database): Batches['step'] {
  const settle = db.command('DELETE FROM batches WHERE endpoint = ? AND id = ?')
  const placeOf = db.query('SELECT place, path FROM batches WHERE endpoint = ? AND id = ?', place)
  const last = db.query('SELECT ifnull(max(place), 0) AS n FROM batches WHERE endpoint = ?', count)
  const setParking = db.command(
    'UPDATE batches SET object = ?, parking = ? WHERE endpoint = ? AND id = ? AND payload IS NOT NULL',
  )
  const insert = db.command(`INSERT INTO batches
    (endpoint, place, path, id, created_at, events, bytes, oldest, newest, object, parking, last_attempt, frame, members, payload)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const add = (endpoint: string, batch: FrozenBatch, at: Place): void => {
    const { id, createdAt, members, frame, payload, parking, lastAttempt } = batch
    if (parking !== undefined && payload === undefined)
      throw new Error(`expected a payload of batch ${id} of ${endpoint}, which is parked, got none`)
    insert(
      ...[endpoint, at.place, at.path, id, createdAt, members.length, Buffer.byteLength(payload ?? ''), ...span(batch)],
      ...[parking?.object ?? null, parking === undefined ? null : JSON.stringify(parking)],
      lastAttempt === undefined ? null : JSON.stringify({ traceparent: null, ...lastAttempt }),
      ...[frame, JSON.stringify(members), payload ?? null],
    )
  }
  const missing = (endpoint: string, id: string) => new Error(`expected batch ${id} of ${endpoint} to be frozen, got nothing`)
  return ({ endpoint, settled, batches, replaced = [], parking: parkings = [] }) => {
    for (const id of settled) settle(endpoint, id)
    for (const { id, by } of replaced) {
      const at = placeOf.get(endpoint, id)
      if (at === undefined) throw missing(endpoint, id)
      settle(endpoint, id)
      by.forEach((batch, i) => {
        add(endpoint, batch, by.length === 1 ? at : { ...at, path: at.path + String(i).padStart(stepDigits, '0') })
      })
    }
    for (const { id, parking } of parkings)
      if (setParking(parking.object, JSON.stringify(parking), endpoint, id) === 0) throw missing(endpoint, id)
    if (batches.length === 0) return
    let free = last.get(endpoint)?.n ?? 0
    for (const batch of batches) add(endpoint, batch, { place: ++free, path: '' })
  }
}

/** Between which rows those lie that it is rendered from. */
function span({ members, payload }: FrozenBatch): readonly [oldest: Sequence | null, newest: Sequence | null] {
  const [first] = members
  if (payload !== undefined || first === undefined) return [null, null]
  const outermost = (pick: (a: number, b: number) => number) =>
    members.reduce((found, { sequence }) => pick(found, sequence), first.sequence)
  return [outermost(Math.min), outermost(Math.max)]
}

function createWaiting(db: Database): Batches['waiting'] {
  const events = db.query('SELECT ifnull(sum(events), 0) AS n FROM batches WHERE endpoint = ? AND object IS NULL', count)
  // What a scan tells again may be old; it waits since its batch was made.
  const oldest = db.query(
    `SELECT min(iif(payload IS NULL, ifnull(log.appended_at, created_at), created_at)) AS n FROM batches
     LEFT JOIN log ON log.sequence = members ->> '$[0].sequence' WHERE endpoint = ? AND object IS NULL`,
    object({ n: nullable(integer) }),
  )
  return (endpoint) => {
    const oldestAt = oldest.get(endpoint)?.n
    return { events: events.get(endpoint)?.n ?? 0, ...(oldestAt !== undefined && { oldestAt }) }
  }
}
