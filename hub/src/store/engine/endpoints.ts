/** Endpoints: where each stands and what waits for it. It outlives a restart and the endpoint's absence. */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Activation, EndpointBacklog, EndpointState, Sequence } from '../store.ts'
import type { Backlog } from './backlog.ts'
import type { Batches } from './batches.ts'
import { flag, nullable } from './columns.ts'
import type { Database } from './database.ts'
import type { DeadLetters } from './dead-letters.ts'

export interface Endpoints {
  /** Makes these the ones that are sent something. Those that are new begin at `head`; what came before is in doubt for those that come. */
  replace(
    listed: Pick<Activation, 'endpoints' | 'deltas' | 'markers' | 'unwatched'>,
    at: { readonly head: Sequence; readonly now: number },
  ): void
  state(endpoint: string): Pick<EndpointState, 'cursor' | 'doubted'>
  /** By endpoint, those that left among them. */
  cursors(): ReadonlyMap<string, Sequence>
  /** Moves the cursor forward, counts what was passed over on the way. */
  move(endpoint: string, to: { readonly cursor: Sequence; readonly skipped: number }): void
  /** Versions were passed over that the endpoint was never told, because a newer one of their object is, or nothing. */
  skip(endpoint: string, versions: number): void
  /** Its scans are closed by markers. */
  wantsMarkers(endpoint: string): boolean
  /** Those for which rows wait, those with the most first. */
  needy(): readonly string[]
  /** Of what was appended up to `upTo` it may not hold everything: no patch is based on that. */
  doubt(endpoint: string, upTo: Sequence): void
  /** See `EndpointState.doubted`. */
  doubted(endpoint: string): Sequence
  /** Without their scans. */
  backlogs(): readonly Omit<EndpointBacklog, 'scans'>[]
  /** The newest row of the log that no endpoint needs, nor anything older; `head` when none is needed. */
  passed(head: Sequence): Sequence
  /** Forgets endpoints that left before this time, by and by. True = there may be more. */
  prune(leftBefore: number, pruned: Sequence): boolean
}

export interface EndpointsDeps {
  readonly backlog: Backlog
  readonly batches: Batches
  readonly deadLetters: DeadLetters
}

const endpointRow = object({ name: string, cursor: integer })
const number = object({ n: nullable(integer) })

export function createEndpoints(db: Database, deps: EndpointsDeps): Endpoints {
  const { backlog, batches } = deps
  const all = db.query('SELECT name, cursor FROM endpoints ORDER BY name', endpointRow)
  const one = db.query('SELECT cursor, doubted FROM endpoints WHERE name = ?', object({ cursor: integer, doubted: integer }))
  // Nobody knows where the file was until now: it can be yesterday's copy.
  const begun = db.query('SELECT head AS n FROM totals', number).get()?.n ?? 0
  const move = db.command('UPDATE endpoints SET cursor = max(cursor, ?) WHERE name = ?')
  const left = db.query('SELECT name, cursor FROM endpoints WHERE left_at < ?', endpointRow)
  const remove = db.command('DELETE FROM endpoints WHERE name = ?')
  const skip = db.command('UPDATE endpoints SET skipped = skipped + ? WHERE name = ?')
  const markers = db.query('SELECT markers FROM endpoints WHERE name = ?', object({ markers: flag }))
  const doubt = db.command('UPDATE endpoints SET doubted = max(doubted, ?) WHERE name = ?')
  const cursors = () => new Map(all.all().map(({ name, cursor }) => [name, cursor]))
  return {
    replace: createReplace(db),
    state: (endpoint) => {
      const row = one.get(endpoint)
      if (row === undefined) throw new Error(`expected an endpoint that was activated once, got ${endpoint}`)
      return { cursor: row.cursor, doubted: Math.max(row.doubted, begun) }
    },
    cursors,
    move: (endpoint, { cursor, skipped }) => {
      if (move(cursor, endpoint) === 0) throw new Error(`expected an endpoint that was activated once, got ${endpoint}`)
      if (skipped > 0) skip(skipped, endpoint)
    },
    skip: (endpoint, versions) => void skip(versions, endpoint),
    wantsMarkers: (endpoint) => markers.get(endpoint)?.markers === true,
    needy: () => {
      const needs = [...cursors()].map(([endpoint, cursor]) => ({ endpoint, rows: backlog.events(endpoint, cursor) }))
      const waiting = needs.filter(({ rows }) => rows > 0).sort((a, b) => b.rows - a.rows)
      return waiting.map(({ endpoint }) => endpoint)
    },
    doubt: (endpoint, upTo) => void doubt(upTo, endpoint),
    doubted: (endpoint) => Math.max(one.get(endpoint)?.doubted ?? 0, begun),
    backlogs: createBacklogs(db, deps),
    passed: (head) => {
      const cursors = all.all().map(({ name, cursor }) => (backlog.first(name, cursor) ?? head + 1) - 1)
      const frozen = batches.oldestRow()
      return Math.min(head, ...cursors, (frozen ?? head + 1) - 1)
    },
    prune: (leftBefore, pruned) => {
      for (const { name } of left.all(leftBefore)) {
        if (batches.drop(name)) return true
        backlog.remove(name)
        remove(name)
      }
      for (const { name } of all.all()) backlog.prune(name, pruned)
      return false
    },
  }
}

function createReplace(db: Database): Endpoints['replace'] {
  const active = db.query('SELECT name FROM endpoints WHERE left_at IS NULL', object({ name: string }))
  const enter = db.command(
    'INSERT INTO endpoints (name, cursor, doubted) VALUES (?1, ?2, ?2) ON CONFLICT DO UPDATE SET left_at = NULL, doubted = excluded.doubted',
  )
  const setDelta = db.command('UPDATE endpoints SET delta = ?1, doubted = ?2 WHERE name = ?3 AND delta <> ?1')
  const setMarkers = db.command('UPDATE endpoints SET markers = ?1 WHERE name = ?2 AND markers <> ?1')
  const setUnwatched = db.command('UPDATE endpoints SET unwatched = ?1 WHERE name = ?2 AND unwatched <> ?1')
  const leave = db.command('UPDATE endpoints SET left_at = ? WHERE name = ?')
  return ({ endpoints: listed, deltas = [], markers = [], unwatched = [] }, { head, now }) => {
    const before = new Set(active.all().map(({ name }) => name))
    const wanted = new Set(listed)
    for (const name of wanted.difference(before)) enter(name, head)
    for (const name of before.difference(wanted)) leave(now, name)
    for (const name of listed) {
      setDelta(Number(deltas.includes(name)), head, name)
      setMarkers(Number(markers.includes(name)), name)
      setUnwatched(Number(unwatched.includes(name)), name)
    }
  }
}

function createBacklogs(db: Database, { backlog, batches, deadLetters }: EndpointsDeps): Endpoints['backlogs'] {
  const active = db.query(
    'SELECT name, cursor, skipped FROM endpoints WHERE left_at IS NULL ORDER BY name',
    object({ name: string, cursor: integer, skipped: integer }),
  )
  const appended = db.query('SELECT appended_at AS n FROM log WHERE sequence = ?', number)
  return () =>
    active.all().map(({ name, cursor, skipped }) => {
      const frozen = batches.waiting(name)
      const behind = backlog.events(name, cursor)
      const first = behind > 0 ? backlog.first(name, cursor) : undefined
      const oldestAt = frozen.oldestAt ?? (first === undefined ? undefined : appended.get(first)?.n)
      const apart = { parked: batches.parked(name), deadLetters: deadLetters.total(name) }
      return { endpoint: name, events: behind + frozen.events, skipped, ...apart, ...(oldestAt !== undefined && { oldestAt }) }
    })
}
