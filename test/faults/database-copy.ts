/** A copy of the hub's database, and what the oracle has to know of it. */
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { LabHub } from '../support/lab/lab-hub.ts'
import type { Copy } from './stage.ts'

export async function copyOf(hub: LabHub): Promise<Copy> {
  const file = await hub.copyDatabase()
  using db = openDatabase(file)
  const uids = db.query('SELECT DISTINCT uid FROM inventory', object({ uid: string })).all()
  const head = db.query('SELECT ifnull(max(sequence), 0) AS n FROM log', object({ n: integer })).get()?.n ?? 0
  return { file, head, uids: new Set(uids.map(({ uid }) => uid)) }
}
