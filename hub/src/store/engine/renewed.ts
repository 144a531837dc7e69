/**
 * What an older release froze of scans is of a form that this one cannot read. The migration took it away and marked the endpoints
 * (schema.ts); here their scans begin anew, at the first opening that gets this far.
 */
import { object, string } from '@watch-hub/shared/protocol/decode'
import type { Database } from './database.ts'
import type { Scans } from './scans.ts'

const mark = 'renew:'

export function renewScans(db: Database, scans: Pick<Scans, 'resync'>): void {
  const marked = db.query(
    `SELECT substr(key, ${mark.length + 1}) AS endpoint FROM meta WHERE key LIKE '${mark}%'`,
    object({ endpoint: string }),
  )
  const unmark = db.command(`DELETE FROM meta WHERE key = '${mark}' || ?`)
  for (const { endpoint } of marked.all()) {
    db.exec('BEGIN IMMEDIATE')
    for (let after: string | undefined = ''; after !== undefined; )
      after = scans.resync({ endpoint, again: true, ...(after !== '' && { after }) }).next
    unmark(endpoint)
    db.exec('COMMIT')
  }
}
