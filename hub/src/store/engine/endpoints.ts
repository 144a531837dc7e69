/** Endpoints: where each stands, its frozen batches, and an operator's hold. All of it outlives a restart and the endpoint's absence. */
import { array, type Decoder, integer, object, optional, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Pause } from '../calls.ts'
import type { Activation, EndpointBacklog, EndpointState, FrozenBatch, Member, Sequence } from '../store.ts'
import type { Backlog } from './backlog.ts'
import { count, eventType, flag, jsonText, names, nullable, reason } from './columns.ts'
import type { Database } from './database.ts'

export interface Endpoints {
  /** Makes these the ones that are sent something. Those that are new begin at `head`; what came before is in doubt for those that come. */
  replace(
    listed: Pick<Activation, 'endpoints' | 'deltas' | 'markers'>,
    at: { readonly head: Sequence; readonly now: number },
  ): void
  /** Without its scans. */
  state(endpoint: string): Omit<EndpointState, 'scans'>
  /** By endpoint, those that left among them. */
  cursors(): ReadonlyMap<string, Sequence>
  /** Rows from `first` to `last` that frozen batches are rendered from. */
  frozen(first: Sequence, last: Sequence): ReadonlySet<Sequence>
  /** Forgets settled batches, keeps new ones, moves the cursor forward, counts what was passed over. */
  step(of: Omit<Input<'freeze'>, 'scan'>): void
  /** Versions were passed over that the endpoint was never told, because a newer one of their object is, or nothing. */
  skip(endpoint: string, versions: number): void
  /** Its scans are closed by markers. */
  wantsMarkers(endpoint: string): boolean
  /** The one for which the most rows wait; none when nothing waits. */
  neediest(): string | undefined
  /** Of what was appended up to `upTo` it may not hold everything: no patch is based on that. */
  doubt(endpoint: string, upTo: Sequence): void
  /** See `EndpointState.doubted`. */
  doubted(endpoint: string): Sequence
  /** Without their scans. */
  backlogs(): readonly Omit<EndpointBacklog, 'scans'>[]
  /** The newest row of the log that no endpoint needs, nor anything older; `head` when none is needed. */
  passed(head: Sequence): Sequence
  /** Forgets endpoints that left before this time. */
  prune(leftBefore: number, pruned: Sequence): void
  setPaused(of: Input<'setPaused'>): void
  paused(): ReadonlyMap<string, Pause>
}

const endpointRow = object({ name: string, cursor: integer })
const member: Decoder<Member> = object({
  sequence: integer,
  type: eventType,
  reason: optional(reason),
  watches: names,
  base: optional(integer),
})
export const members = array(member)
const batchRow = object({
  id: string,
  createdAt: integer,
  members: jsonText(members),
  frame: string,
  payload: nullable(string),
})
const number = object({ n: nullable(integer) })

export function createEndpoints(db: Database, backlog: Backlog): Endpoints {
  const all = db.query('SELECT name, cursor FROM endpoints ORDER BY name', endpointRow)
  const one = db.query('SELECT cursor, doubted FROM endpoints WHERE name = ?', object({ cursor: integer, doubted: integer }))
  // Nobody knows where the file was until now: it can be yesterday's copy.
  const begun = db.query('SELECT head AS n FROM totals', number).get()?.n ?? 0
  const move = db.command('UPDATE endpoints SET cursor = max(cursor, ?) WHERE name = ?')
  const left = db.query('SELECT name, cursor FROM endpoints WHERE left_at < ?', endpointRow)
  const remove = db.command('DELETE FROM endpoints WHERE name = ?')
  const batches = db.query(
    'SELECT id, created_at AS createdAt, members, frame, payload FROM batches WHERE endpoint = ? ORDER BY number',
    batchRow,
  )
  const settle = db.command('DELETE FROM batches WHERE endpoint = ? AND id = ?')
  const settleAll = db.command('DELETE FROM batches WHERE endpoint = ?')
  const freeze = db.command(`INSERT INTO batches (endpoint, id, created_at, members, frame, payload, oldest, newest)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
  const skip = db.command('UPDATE endpoints SET skipped = skipped + ? WHERE name = ?')
  const markers = db.query('SELECT markers FROM endpoints WHERE name = ?', object({ markers: flag }))
  const doubt = db.command('UPDATE endpoints SET doubted = max(doubted, ?) WHERE name = ?')
  const oldestMember = db.query('SELECT min(oldest) AS n FROM batches WHERE oldest IS NOT NULL', number)
  const membersWithin = db.query(
    `SELECT DISTINCT member.value ->> 'sequence' AS n FROM batches, json_each(batches.members) AS member
     WHERE oldest <= ? AND newest >= ? AND n BETWEEN ? AND ?`,
    count,
  )
  const cursors = () => new Map(all.all().map(({ name, cursor }) => [name, cursor]))
  return {
    replace: createReplace(db),
    state: (endpoint) => {
      const row = one.get(endpoint)
      if (row === undefined) throw new Error(`expected an endpoint that was activated once, got ${endpoint}`)
      return { cursor: row.cursor, doubted: Math.max(row.doubted, begun), batches: batches.all(endpoint).map(frozenBatch) }
    },
    cursors,
    frozen: (first, last) => new Set(membersWithin.all(last, first, first, last).map(({ n }) => n)),
    step: ({ endpoint, settled, batches, cursor, skipped = 0 }) => {
      for (const id of settled) settle(endpoint, id)
      for (const batch of batches) {
        const { id, createdAt, members, frame, payload } = batch
        freeze(endpoint, id, createdAt, JSON.stringify(members), frame, payload ?? null, ...span(batch))
      }
      if (move(cursor, endpoint) === 0) throw new Error(`expected an endpoint that was activated once, got ${endpoint}`)
      if (skipped > 0) skip(skipped, endpoint)
    },
    skip: (endpoint, versions) => void skip(versions, endpoint),
    wantsMarkers: (endpoint) => markers.get(endpoint)?.markers === true,
    neediest: () => {
      const needs = [...cursors()].map(([endpoint, cursor]) => ({ endpoint, rows: backlog.events(endpoint, cursor) }))
      return needs.filter(({ rows }) => rows > 0).sort((a, b) => b.rows - a.rows)[0]?.endpoint
    },
    doubt: (endpoint, upTo) => void doubt(upTo, endpoint),
    doubted: (endpoint) => Math.max(one.get(endpoint)?.doubted ?? 0, begun),
    backlogs: createBacklogs(db, backlog),
    passed: (head) => {
      const cursors = all.all().map(({ name, cursor }) => (backlog.first(name, cursor) ?? head + 1) - 1)
      const frozen = oldestMember.get()?.n
      return Math.min(head, ...cursors, (frozen ?? head + 1) - 1)
    },
    prune: (leftBefore, pruned) => {
      for (const { name } of left.all(leftBefore)) {
        settleAll(name)
        backlog.remove(name)
        remove(name)
      }
      for (const { name } of all.all()) backlog.prune(name, pruned)
    },
    ...createPauses(db),
  }
}

const frozenBatch = ({ payload, ...batch }: ReturnType<typeof batchRow.decode>): FrozenBatch =>
  payload === undefined ? batch : { ...batch, payload }

/** Between which rows its members lie. */
function span({ members, payload }: FrozenBatch): readonly [oldest: Sequence | null, newest: Sequence | null] {
  const [first] = members
  if (payload !== undefined || first === undefined) return [null, null]
  const outermost = (pick: (a: number, b: number) => number) =>
    members.reduce((found, { sequence }) => pick(found, sequence), first.sequence)
  return [outermost(Math.min), outermost(Math.max)]
}

function createReplace(db: Database): Endpoints['replace'] {
  const active = db.query('SELECT name FROM endpoints WHERE left_at IS NULL', object({ name: string }))
  const enter = db.command(
    'INSERT INTO endpoints (name, cursor, doubted) VALUES (?1, ?2, ?2) ON CONFLICT DO UPDATE SET left_at = NULL, doubted = excluded.doubted',
  )
  const setDelta = db.command('UPDATE endpoints SET delta = ?1, doubted = ?2 WHERE name = ?3 AND delta <> ?1')
  const setMarkers = db.command('UPDATE endpoints SET markers = ?1 WHERE name = ?2 AND markers <> ?1')
  const leave = db.command('UPDATE endpoints SET left_at = ? WHERE name = ?')
  return ({ endpoints: listed, deltas = [], markers = [] }, { head, now }) => {
    const before = new Set(active.all().map(({ name }) => name))
    const wanted = new Set(listed)
    for (const name of wanted.difference(before)) enter(name, head)
    for (const name of before.difference(wanted)) leave(now, name)
    for (const name of listed) {
      setDelta(Number(deltas.includes(name)), head, name)
      setMarkers(Number(markers.includes(name)), name)
    }
  }
}

function createBacklogs(db: Database, backlog: Backlog): Endpoints['backlogs'] {
  const active = db.query(
    'SELECT name, cursor, skipped FROM endpoints WHERE left_at IS NULL ORDER BY name',
    object({ name: string, cursor: integer, skipped: integer }),
  )
  const frozen = db.query('SELECT sum(json_array_length(members)) AS n FROM batches WHERE endpoint = ?', number)
  // What a scan tells again may be old; it waits since its batch was made.
  const oldestFrozen = db.query(
    `SELECT min(iif(payload IS NULL, ifnull(log.appended_at, created_at), created_at)) AS n FROM batches
     LEFT JOIN log ON log.sequence = members ->> '$[0].sequence' WHERE endpoint = ?`,
    number,
  )
  const appended = db.query('SELECT appended_at AS n FROM log WHERE sequence = ?', number)
  return () =>
    active.all().map(({ name, cursor, skipped }) => {
      const events = backlog.events(name, cursor) + (frozen.get(name)?.n ?? 0)
      const first = events > 0 ? backlog.first(name, cursor) : undefined
      const oldestAt = oldestFrozen.get(name)?.n ?? (first === undefined ? undefined : appended.get(first)?.n)
      return { endpoint: name, events, skipped, ...(oldestAt !== undefined && { oldestAt }) }
    })
}

function createPauses(db: Database): Pick<Endpoints, 'setPaused' | 'paused'> {
  const set = db.command('INSERT OR REPLACE INTO pauses VALUES (?, ?, ?)')
  const unset = db.command('DELETE FROM pauses WHERE endpoint = ?')
  const all = db.query(
    'SELECT endpoint, since, by FROM pauses ORDER BY endpoint',
    object({ endpoint: string, since: integer, by: string }),
  )
  return {
    setPaused: ({ endpoint, pause }) => void (pause === undefined ? unset(endpoint) : set(endpoint, pause.since, pause.by)),
    paused: () => new Map(all.all().map(({ endpoint, ...pause }) => [endpoint, pause])),
  }
}
