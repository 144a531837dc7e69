/** Endpoints: where each stands, its frozen batches, and an operator's hold. All of it outlives a restart and the endpoint's absence. */
import { array, type Decoder, integer, object, optional, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Pause } from '../calls.ts'
import type { EndpointBacklog, EndpointState, FrozenBatch, Member, Sequence } from '../store.ts'
import type { Backlog } from './backlog.ts'
import { eventType, jsonText, names, nullable, reason } from './columns.ts'
import type { Database } from './database.ts'

export interface Endpoints {
  /** Makes these the ones that are sent something. Those that are new begin at `head`. */
  replace(listed: readonly string[], at: { readonly head: Sequence; readonly now: number }): void
  /** Without its scans. */
  state(endpoint: string): Omit<EndpointState, 'scans'>
  /** Forgets settled batches, keeps new ones, moves the cursor forward. */
  step(of: Pick<Input<'freeze'>, 'endpoint' | 'settled' | 'batches' | 'cursor'>): void
  /** Of what was appended up to `upTo` it may not hold everything: no patch is based on that. */
  doubt(endpoint: string, upTo: Sequence): void
  backlogs(): readonly EndpointBacklog[]
  /** The newest row of the log that no endpoint needs, nor anything older; `head` when none is needed. */
  passed(head: Sequence): Sequence
  /** Forgets endpoints that left before this time. */
  prune(leftBefore: number, pruned: Sequence): void
  setPaused(of: Input<'setPaused'>): void
  paused(): ReadonlyMap<string, Pause>
}

const endpointRow = object({ name: string, cursor: integer })
const member: Decoder<Member> = object({ sequence: integer, type: eventType, reason: optional(reason), watches: names })
const batchRow = object({
  id: string,
  createdAt: integer,
  members: jsonText(array(member)),
  frame: string,
  payload: nullable(string),
})
const number = object({ n: nullable(integer) })

export function createEndpoints(db: Database, backlog: Backlog): Endpoints {
  const all = db.query('SELECT name, cursor FROM endpoints ORDER BY name', endpointRow)
  const one = db.query('SELECT name, cursor FROM endpoints WHERE name = ?', endpointRow)
  const move = db.command('UPDATE endpoints SET cursor = max(cursor, ?) WHERE name = ?')
  const left = db.query('SELECT name, cursor FROM endpoints WHERE left_at < ?', endpointRow)
  const remove = db.command('DELETE FROM endpoints WHERE name = ?')
  const batches = db.query(
    'SELECT id, created_at AS createdAt, members, frame, payload FROM batches WHERE endpoint = ? ORDER BY number',
    batchRow,
  )
  const settle = db.command('DELETE FROM batches WHERE endpoint = ? AND id = ?')
  const settleAll = db.command('DELETE FROM batches WHERE endpoint = ?')
  const freeze = db.command('INSERT INTO batches (endpoint, id, created_at, members, frame, payload) VALUES (?, ?, ?, ?, ?, ?)')
  const doubt = db.command('UPDATE endpoints SET doubted = max(doubted, ?) WHERE name = ?')
  const oldestMember = db.query(
    `SELECT min(member.value ->> 'sequence') AS n FROM batches, json_each(batches.members) AS member WHERE batches.payload IS NULL`,
    number,
  )
  return {
    replace: createReplace(db),
    state: (endpoint) => {
      const row = one.get(endpoint)
      if (row === undefined) throw new Error(`expected an endpoint that was activated once, got ${endpoint}`)
      return { cursor: row.cursor, batches: batches.all(endpoint).map(frozenBatch) }
    },
    step: ({ endpoint, settled, batches, cursor }) => {
      for (const id of settled) settle(endpoint, id)
      for (const { id, createdAt, members, frame, payload } of batches)
        freeze(endpoint, id, createdAt, JSON.stringify(members), frame, payload ?? null)
      if (move(cursor, endpoint) === 0) throw new Error(`expected an endpoint that was activated once, got ${endpoint}`)
    },
    doubt: (endpoint, upTo) => void doubt(upTo, endpoint),
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

function createReplace(db: Database): Endpoints['replace'] {
  const active = db.query('SELECT name FROM endpoints WHERE left_at IS NULL', object({ name: string }))
  const enter = db.command('INSERT INTO endpoints (name, cursor) VALUES (?, ?) ON CONFLICT DO UPDATE SET left_at = NULL')
  const leave = db.command('UPDATE endpoints SET left_at = ? WHERE name = ?')
  return (listed, { head, now }) => {
    const before = new Set(active.all().map(({ name }) => name))
    const wanted = new Set(listed)
    for (const name of wanted.difference(before)) enter(name, head)
    for (const name of before.difference(wanted)) leave(now, name)
  }
}

function createBacklogs(db: Database, backlog: Backlog): Endpoints['backlogs'] {
  const active = db.query('SELECT name, cursor FROM endpoints WHERE left_at IS NULL ORDER BY name', endpointRow)
  const frozen = db.query('SELECT sum(json_array_length(members)) AS n FROM batches WHERE endpoint = ?', number)
  // What a scan tells again may be old; it waits since its batch was made.
  const oldestFrozen = db.query(
    `SELECT min(iif(payload IS NULL, ifnull(log.appended_at, created_at), created_at)) AS n FROM batches
     LEFT JOIN log ON log.sequence = members ->> '$[0].sequence' WHERE endpoint = ?`,
    number,
  )
  const appended = db.query('SELECT appended_at AS n FROM log WHERE sequence = ?', number)
  return () =>
    active.all().map(({ name, cursor }) => {
      const events = backlog.events(name, cursor) + (frozen.get(name)?.n ?? 0)
      const first = events > 0 ? backlog.first(name, cursor) : undefined
      const oldestAt = oldestFrozen.get(name)?.n ?? (first === undefined ? undefined : appended.get(first)?.n)
      return { endpoint: name, events, ...(oldestAt !== undefined && { oldestAt }) }
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
