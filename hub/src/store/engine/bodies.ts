/** Bodies by the number of the log row that brought them. One is let go when neither the log nor the inventory names it. */
import { object, string } from '@watch-hub/shared/protocol/decode'
import type { Sequence } from '../store.ts'
import type { Database } from './database.ts'

export interface Bodies {
  add(sequence: Sequence, body: string): void
  get(sequence: Sequence): string
  /** Lets a body go, unless the log or the inventory still names it. */
  release(sequence: Sequence): void
}

export function createBodies(db: Database): Bodies {
  const insert = db.command('INSERT INTO bodies VALUES (?, ?)')
  const select = db.query('SELECT body FROM bodies WHERE sequence = ?', object({ body: string }))
  const release = db.command(`DELETE FROM bodies WHERE sequence = ?
    AND NOT EXISTS (SELECT 1 FROM log WHERE log.sequence = bodies.sequence)
    AND NOT EXISTS (SELECT 1 FROM inventory WHERE inventory.sequence = bodies.sequence)`)
  return {
    add: (sequence, body) => void insert(sequence, body),
    get: (sequence) => {
      const row = select.get(sequence)
      if (row === undefined) throw new Error(`expected the body of log row ${sequence} in the database, got nothing`)
      return row.body
    },
    release: (sequence) => void release(sequence),
  }
}
