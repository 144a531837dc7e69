/**
 * Told: which events the requests of each endpoint were about, so that somebody can ask what became of one. One row for each batch that was
 * tried, kept as long as its attempts are, and as it is frozen.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Sequence, Told } from '../store.ts'
import { nullable, present } from './columns.ts'
import type { Database } from './database.ts'
import { sequencesOf, sequencesText } from './sequences.ts'

export interface ToldBatch {
  readonly batch: string
  readonly scan?: string
  /** The first of those that were asked for which it told. */
  readonly sequence: Sequence
}

/** One step of a search. `next`: where to go on; absent = done. */
export interface ToldPage {
  /** In the order of their last attempts, the newest first. */
  readonly found: readonly ToldBatch[]
  readonly next?: number
}

export interface ToldTable {
  /** `number`: of the batch's first attempt. */
  add(of: { readonly endpoint: string; readonly batch: string; readonly number: number } & Told): void
  /** There was another attempt. */
  keep(endpoint: string, batch: string, number: number): void
  /** So much more text is kept of the batch. */
  grow(endpoint: string, batch: string, bytes: number): void
  /** One step of looking for batches of one endpoint that told some of these events. `before`: `next` of the step before. */
  find(of: { readonly endpoint: string; readonly sequences: readonly Sequence[]; readonly before?: number }): ToldPage
  /** What one batch told. */
  get(endpoint: string, batch: string): Told | undefined
}

/** Attempts that one step goes over, and the text that it reads, about. */
const attemptsAtOnce = 5_000
const textAtOnce = 128 * 1024

const row = object({ number: integer, batch: string, scan: nullable(string), sequences: string })
const end = object({ n: nullable(integer) })

export function createTold(db: Database): ToldTable {
  const insert = db.command(`INSERT INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET number = excluded.number,
    oldest = excluded.oldest, newest = excluded.newest, scan = excluded.scan, bytes = excluded.bytes, sequences = excluded.sequences`)
  const keep = db.command('UPDATE told SET number = ? WHERE endpoint = ? AND batch = ?')
  const grow = db.command('UPDATE told SET bytes = bytes + ? WHERE endpoint = ? AND batch = ?')
  const one = db.query('SELECT number, batch, scan, sequences FROM told WHERE endpoint = ? AND batch = ?', row)
  return {
    add: ({ endpoint, batch, number, sequences, scan }) => {
      if (sequences.length === 0) return // a marker alone tells no event
      const [oldest, newest] = outermost(sequences)
      const text = sequencesText(sequences)
      insert(endpoint, batch, number, oldest, newest, scan ?? null, text.length, text)
    },
    keep: (endpoint, batch, number) => void keep(number, endpoint, batch),
    grow: (endpoint, batch, bytes) => void grow(bytes, endpoint, batch),
    find: createFind(db),
    get: (endpoint, batch) => {
      const found = one.get(endpoint, batch)
      return found && { sequences: sequencesOf.decode(found.sequences, 'sequences'), ...present({ scan: found.scan }) }
    },
  }
}

function createFind(db: Database): ToldTable['find'] {
  const newest = db.query('SELECT max(number) AS n FROM told WHERE endpoint = ?', end)
  const oldest = db.query('SELECT min(number) AS n FROM told WHERE endpoint = ?', end)
  // Whatever a batch tells lies in a range, but that of a scan can be wide: the order of the attempts bounds a step, ranges do not.
  const within = db.query(
    `SELECT number, batch, scan, sequences FROM told
     WHERE endpoint = ? AND number >= ? AND number < ? AND +oldest <= ? AND +newest >= ? ORDER BY number DESC`,
    row,
  )
  return ({ endpoint, sequences, before = (newest.get(endpoint)?.n ?? 0) + 1 }) => {
    const wanted = new Set(sequences)
    const [least, most] = outermost(sequences)
    const from = before - attemptsAtOnce
    const found: ToldBatch[] = []
    let read = 0
    for (const { number, batch, scan, sequences: text } of within.each(endpoint, from, before, most, least)) {
      if (read > textAtOnce) return { found, next: number + 1 }
      read += text.length
      const sequence = sequencesOf
        .decode(text, 'sequences')
        .reduce((first, each) => (wanted.has(each) ? Math.min(first, each) : first), Number.POSITIVE_INFINITY)
      if (sequence < Number.POSITIVE_INFINITY) found.push({ batch, sequence, ...present({ scan }) })
    }
    return from <= (oldest.get(endpoint)?.n ?? 0) ? { found } : { found, next: from }
  }
}

function outermost(sequences: readonly Sequence[]): readonly [least: Sequence, most: Sequence] {
  let least = Number.MAX_SAFE_INTEGER
  let most = 0
  for (const each of sequences) {
    least = Math.min(least, each)
    most = Math.max(most, each)
  }
  return [least, most]
}
