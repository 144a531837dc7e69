/**
 * Told: which events the requests of each endpoint were about, so that somebody can ask what became of one. One row for each batch that was
 * tried, kept as long as its attempts are.
 */
import { array, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Sequence, Told } from '../store.ts'
import { jsonText, nullable, present } from './columns.ts'
import type { Database } from './database.ts'

export interface ToldBatch {
  readonly batch: string
  readonly scan?: string
}

export interface ToldTable {
  /** `number`: of the batch's first attempt. */
  add(of: { readonly endpoint: string; readonly batch: string; readonly number: number } & Told): void
  /** There was another attempt. */
  keep(endpoint: string, batch: string, number: number): void
  /** The batches of one endpoint that told this event, in the order of their last attempts. */
  of(endpoint: string, sequence: Sequence): readonly ToldBatch[]
}

const row = object({ batch: string, scan: nullable(string), sequences: jsonText(array(integer)) })

export function createTold(db: Database): ToldTable {
  const insert = db.command('INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?)')
  const keep = db.command('UPDATE told SET number = ? WHERE endpoint = ? AND batch = ?')
  const around = db.query(
    `SELECT batch, scan, sequences FROM told WHERE endpoint = ?1 AND oldest <= ?2 AND newest >= ?2 ORDER BY number`,
    row,
  )
  return {
    add: ({ endpoint, batch, number, sequences, scan }) => {
      const [first] = sequences
      if (first === undefined) return // a marker alone tells no event
      const [oldest, newest] = sequences.reduce(([least, most], each) => [Math.min(least, each), Math.max(most, each)] as const, [
        first,
        first,
      ] as const)
      const steps = sequences.map((each, i) => each - (sequences[i - 1] ?? 0))
      insert(endpoint, batch, number, oldest, newest, scan ?? null, JSON.stringify(steps))
    },
    keep: (endpoint, batch, number) => void keep(number, endpoint, batch),
    of: (endpoint, sequence) =>
      around
        .all(endpoint, sequence)
        .filter(({ sequences: steps }) => includes(steps, sequence))
        .map(({ batch, scan }) => ({ batch, ...present({ scan }) })),
  }
}

function includes(steps: readonly number[], sequence: Sequence): boolean {
  let at = 0
  return steps.some((step) => {
    at += step
    return at === sequence
  })
}
