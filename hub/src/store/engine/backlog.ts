/**
 * What is routed to each endpoint, counted by slots of about a second. With it a backlog is known without reading the log,
 * and an endpoint to which little is routed jumps over what is not for it. Counts are written with the rows they count.
 */
import type { Route, Sequence } from '../store.ts'
import { count } from './columns.ts'
import type { Database } from './database.ts'
import { routeNeedle } from './log-row.ts'

/** Sequences are microseconds. */
const slotSize = 2 ** 20
const slotOf = (sequence: Sequence): number => Math.floor(sequence / slotSize)
const endOf = (slot: number): Sequence => (slot + 1) * slotSize

/** Routes of the rows of one append, by slot and endpoint. */
export interface Tally {
  count(sequence: Sequence, routes: readonly Route[]): void
  write(): void
}

export interface Backlog {
  tally(): Tally
  /** Rows after `from` that are routed to the endpoint. */
  events(endpoint: string, from: Sequence): number
  /** The first of them. */
  first(endpoint: string, from: Sequence): Sequence | undefined
  /** A row is no longer routed to the endpoint. */
  lower(endpoint: string, sequence: Sequence): void
  /** Forgets the counts of rows that are gone. */
  prune(endpoint: string, pruned: Sequence): void
  remove(endpoint: string): void
}

export function createBacklog(db: Database): Backlog {
  const upsert = db.command('INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events')
  const later = db.query('SELECT ifnull(sum(events), 0) AS n FROM tallies WHERE endpoint = ? AND slot > ?', count)
  const within = db.query('SELECT count(*) AS n FROM log WHERE sequence > ? AND sequence < ? AND instr(routes, ?) > 0', count)
  const firstWithin = db.query(
    'SELECT sequence AS n FROM log WHERE sequence > ? AND sequence < ? AND instr(routes, ?) > 0 ORDER BY sequence LIMIT 1',
    count,
  )
  const nextSlot = db.query('SELECT slot AS n FROM tallies WHERE endpoint = ? AND slot > ? ORDER BY slot LIMIT 1', count)
  const lower = db.command('UPDATE tallies SET events = events - 1 WHERE endpoint = ? AND slot = ?')
  const forgetEmpty = db.command('DELETE FROM tallies WHERE endpoint = ? AND slot = ? AND events <= 0')
  const prune = db.command('DELETE FROM tallies WHERE endpoint = ? AND slot < ?')
  const remove = db.command('DELETE FROM tallies WHERE endpoint = ?')
  return {
    tally: () => tally(upsert),
    events: (endpoint, from) => {
      const slot = slotOf(from)
      return (later.get(endpoint, slot)?.n ?? 0) + (within.get(from, endOf(slot), routeNeedle(endpoint))?.n ?? 0)
    },
    first: (endpoint, from) => {
      const needle = routeNeedle(endpoint)
      for (let slot: number | undefined = slotOf(from); slot !== undefined; slot = nextSlot.get(endpoint, slot)?.n) {
        const row = firstWithin.get(Math.max(from, endOf(slot - 1) - 1), endOf(slot), needle)
        if (row !== undefined) return row.n
      }
      return undefined
    },
    lower: (endpoint, sequence) => {
      lower(endpoint, slotOf(sequence))
      forgetEmpty(endpoint, slotOf(sequence)) // looking for the first row goes from slot to slot
    },
    prune: (endpoint, pruned) => void prune(endpoint, slotOf(pruned)),
    remove: (endpoint) => void remove(endpoint),
  }
}

function tally(write: (endpoint: string, slot: number, events: number) => number): Tally {
  const slots = new Map<number, Map<string, number>>()
  return {
    count: (sequence, routes) => {
      if (routes.length === 0) return
      const slot = slotOf(sequence)
      const counts = slots.get(slot) ?? new Map<string, number>()
      slots.set(slot, counts)
      for (const { endpoint } of routes) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
    },
    write: () => {
      for (const [slot, counts] of slots) for (const [endpoint, events] of counts) write(endpoint, slot, events)
    },
  }
}
