/** Holds on endpoints: an operator's, and those that the hub put on by itself. */
import { integer, literal, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { Pause } from '../store.ts'
import { nullable } from './columns.ts'
import type { Database } from './database.ts'

export interface Pauses {
  set(of: Input<'setPaused'>): void
  all(): ReadonlyMap<string, Pause>
}

const pauseRow = object({
  endpoint: string,
  since: integer,
  by: string,
  cause: nullable(literal('operator', 'gone', 'guard')),
  reason: nullable(string),
  until: nullable(integer),
  url: nullable(string),
})

export function createPauses(db: Database): Pauses {
  const set = db.command(`INSERT OR REPLACE INTO pauses (endpoint, since, by, cause, reason, until, url)
    VALUES (?, ?, ?, ?, ?, ?, ?)`)
  const unset = db.command('DELETE FROM pauses WHERE endpoint = ?')
  const all = db.query('SELECT endpoint, since, by, cause, reason, until, url FROM pauses ORDER BY endpoint', pauseRow)
  return {
    set: ({ endpoint, pause }) => {
      if (pause === undefined) return void unset(endpoint)
      const { since, by, cause = null, reason = null, until = null, url = null } = pause
      set(endpoint, since, by, cause, reason, until, url)
    },
    all: () => new Map(all.all().map(({ endpoint, ...row }) => [endpoint, pauseOf(row)])),
  }
}

const pauseOf = ({ since, by, cause, reason, until, url }: Omit<ReturnType<typeof pauseRow.decode>, 'endpoint'>): Pause => ({
  ...{ since, by },
  ...(cause !== undefined && { cause }),
  ...(reason !== undefined && { reason }),
  ...(until !== undefined && { until }),
  ...(url !== undefined && { url }),
})
