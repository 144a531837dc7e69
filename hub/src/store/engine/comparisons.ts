/**
 * Comparisons: what the agents' comparisons with their clusters came to, stream by stream, and whether index = inventory (law 2).
 *
 * At the end of each comparison the agent says the checksum of its index. One that differs from the stream's own is counted, and the stream's
 * own is forgotten: counted from the rows, it is right again, whichever side was wrong. An audit compares with the rows themselves.
 */
import { checksumOf } from '@watch-hub/shared/protocol/checksum'
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { SyncedEntry } from '@watch-hub/shared/protocol/frames'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { StoreStats } from '../store.ts'
import { names, nullable, sharedJson } from './columns.ts'
import type { Database } from './database.ts'

export interface Comparisons {
  /** A comparison ended, `at` by the hub's clock: the stream is in doubt no more. Answers with the hub's checksum where the agent's is another one: then nothing is proven. */
  ended(stream: number, of: Pick<SyncedEntry, 'cause' | 'checksum'> & { readonly at: number }): number | undefined
  /** False until the first comparison of the stream has ended: what differs may differ because of its projection. */
  isCompared(stream: number): boolean
  /** Rows of another projection came into the stream: the next comparison is its first again. */
  reopen(stream: number): void
  /** Counts changes that it found and no watch had told. */
  corrected(stream: number, of: { readonly changes: number; readonly byAudit: number; readonly at: number }): void
  /** The index that was read out adds up to `checksum`. */
  readOut(stream: number, checksum: number): void
  all(): StoreStats['comparisons']
}

const figures = object({
  cluster: string,
  stream: string,
  group: string,
  resource: string,
  corrections: integer,
  auditCorrections: integer,
  mismatches: integer,
  correctedAt: nullable(integer),
  comparedAt: nullable(integer),
})

export function createComparisons(db: Database): Comparisons {
  const rows = db.query(
    'SELECT uid, hash, matches FROM inventory WHERE stream = ?',
    object({ uid: string, hash: string, matches: sharedJson(names) }),
  )
  const kept = db.query('SELECT checksum FROM streams WHERE id = ?', object({ checksum: nullable(integer) }))
  const keep = db.command('UPDATE streams SET checksum = ? WHERE id = ?')
  const count = db.command('UPDATE streams SET mismatches = mismatches + 1 WHERE id = ?')
  const drop = db.command('UPDATE streams SET checksum = NULL WHERE id = ?')
  const compared = db.command('UPDATE streams SET audited_at = ?, doubted = 0 WHERE id = ?')
  const comparedAt = db.query('SELECT audited_at AS at FROM streams WHERE id = ?', object({ at: nullable(integer) }))
  const reopen = db.command('UPDATE streams SET audited_at = NULL WHERE id = ?')
  const correct =
    db.command(`UPDATE streams SET corrections = corrections + ?, audit_corrections = audit_corrections + ?, corrected_at = ?
    WHERE id = ?`)
  const all = db.query(
    `SELECT cluster, stream, grp AS "group", resource, corrections, audit_corrections AS auditCorrections, mismatches,
      corrected_at AS correctedAt, audited_at AS comparedAt FROM streams ORDER BY cluster, id`,
    figures,
  )
  const recounted = (stream: number): number => {
    const checksum = checksumOf(rows.each(stream))
    keep(checksum, stream)
    return checksum
  }
  return {
    ended: (stream, { cause, checksum, at }) => {
      const before = kept.get(stream)?.checksum
      const own = before === undefined || cause === 'audit' ? recounted(stream) : before
      const differs = checksum !== undefined && checksum !== own
      if (differs || (before !== undefined && before !== own)) count(stream)
      if (differs) drop(stream)
      else compared(at, stream)
      return differs ? own : undefined
    },
    isCompared: (stream) => comparedAt.get(stream)?.at !== undefined,
    reopen: (stream) => void reopen(stream),
    corrected: (stream, { changes, byAudit, at }) => void correct(changes, byAudit, at, stream),
    readOut: (stream, checksum) => {
      const before = kept.get(stream)?.checksum
      if (before !== checksum && recounted(stream) !== before && before !== undefined) count(stream)
    },
    all: () =>
      all.all().map(({ group, resource, correctedAt, comparedAt, ...rest }) => ({
        ...rest,
        resource: resourceName({ group, resource }),
        ...(correctedAt !== undefined && { correctedAt }),
        ...(comparedAt !== undefined && { comparedAt }),
      })),
  }
}
