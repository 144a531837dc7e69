/**
 * Checkpoints: copies the write-ahead log into the database between commits, never within one.
 * While nothing waits, soon; under load, when the log has grown long, because only then it begins again from its start.
 */
import type { Database } from '../engine/database.ts'

export interface CheckpointLimits {
  /** Pages that are worth a checkpoint when nothing waits. */
  readonly idlePages: number
  /** Pages at which appends have to wait for one. */
  readonly mostPages: number
}

/** 4 MiB and 64 MiB. */
const limitsByDefault: CheckpointLimits = { idlePages: 512, mostPages: 8192 }

/** Call it after each group of commits; `idle`: nothing waits. */
export const checkpoints =
  (db: Database, { idlePages, mostPages }: CheckpointLimits = limitsByDefault) =>
  (idle: boolean): void => {
    const { pages, copied } = db.checkpoint('noop')
    const due = pages - copied >= (idle ? idlePages : mostPages)
    if (due) db.checkpoint('passive')
  }
