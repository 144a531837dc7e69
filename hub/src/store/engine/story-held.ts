/** Which frozen batches of an endpoint have an event now, and what comes before them. One step looks at a bounded number of batches and text. */
import { decodeJson, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input, Ops, Output } from '../calls.ts'
import type { Sequence } from '../store.ts'
import type { HeldBatch } from '../story.ts'
import { members, parking } from './batches.ts'
import { count, jsonText, nullable, present } from './columns.ts'
import type { Database } from './database.ts'

/** Batches that one step looks at, and the text of their members, about. */
const batchesAtOnce = 1_000
const textAtOnce = 1024 * 1024

const place = object({ place: integer, path: string })
const batchRow = object({
  ...{ place: integer, path: string, id: string, createdAt: integer, events: integer, object: nullable(string) },
  ...{ attempts: integer, firstAttemptAt: nullable(integer), members: string },
})
type BatchRow = ReturnType<typeof batchRow.decode>

export function createStoryHeld(db: Database): Ops['storyHeld'] {
  const batches = db.query(
    `SELECT place, path, id, created_at AS createdAt, events, object, attempts, first_attempt_at AS firstAttemptAt, members FROM batches
     WHERE endpoint = ? AND (place, path) > (?, ?) ORDER BY place, path LIMIT ${batchesAtOnce}`,
    batchRow,
  )
  const describe = createDescribe(db)
  return ({ endpoint, sequences, after }: Input<'storyHeld'>): Output<'storyHeld'> => {
    const wanted = new Set(sequences)
    const from = after === undefined ? { place: -1, path: '' } : decodeJson(place, after)
    const having: { readonly row: BatchRow; readonly sequence: Sequence }[] = []
    let looked = 0
    let text = 0
    let last = from
    for (const row of batches.each(endpoint, from.place, from.path)) {
      looked++
      text += row.members.length
      last = { place: row.place, path: row.path }
      const sequence = firstOf(row.members, wanted)
      if (sequence !== undefined) having.push({ row, sequence })
      if (text > textAtOnce) break
    }
    const found = having.flatMap(({ row, sequence }) => describe(endpoint, row, sequence) ?? [])
    return looked === batchesAtOnce || text > textAtOnce ? { found, next: JSON.stringify(last) } : { found }
  }
}

/** As far as the text can be searched without being parsed: a member begins with its sequence. */
function firstOf(text: string, wanted: ReadonlySet<Sequence>): Sequence | undefined {
  for (const [, digits] of text.matchAll(/"sequence":(\d+)/g)) if (wanted.has(Number(digits))) return Number(digits)
  return undefined
}

function createDescribe(db: Database) {
  const eventsBefore = db.query(
    'SELECT ifnull(sum(events), 0) AS n FROM batches WHERE endpoint = ? AND object IS NULL AND (place, path) < (?, ?)',
    count,
  )
  const parkedBefore = db.query(
    'SELECT count(*) AS n FROM batches WHERE endpoint = ? AND object = ? AND (place, path) < (?, ?)',
    count,
  )
  const firstParked = db.query(
    'SELECT parking FROM batches WHERE endpoint = ? AND object = ? ORDER BY place, path LIMIT 1',
    object({ parking: jsonText(parking) }),
  )
  return (endpoint: string, row: BatchRow, sequence: Sequence): HeldBatch | undefined => {
    const { id, createdAt, events, attempts, firstAttemptAt, object: key } = row
    const member = decodeJson(members, row.members).find((each) => each.sequence === sequence)
    if (member === undefined) return undefined
    const of = { id, createdAt, events, member, attempts, ...present({ firstAttemptAt }) }
    if (key === undefined) return { ...of, before: eventsBefore.get(endpoint, row.place, row.path)?.n ?? 0 }
    const first = firstParked.get(endpoint, key)?.parking
    return { ...of, before: parkedBefore.get(endpoint, key, row.place, row.path)?.n ?? 0, ...present({ parking: first }) }
  }
}
