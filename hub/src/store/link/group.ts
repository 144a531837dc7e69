/**
 * Group commit: the requests that wait together are done in one transaction, in their order, and answered after one sync to disk.
 *
 * Each has a savepoint of its own, so that one that fails fails alone; when the transaction as a whole cannot be committed, all of them
 * fail. Reads take part in the order of the queue and see what was written before them. A group ends when nothing more waits or after
 * `groupMs`, so that the first in it is not kept waiting for the last.
 */
import { moment } from '@watch-hub/shared/runtime/moment'
import type { CallName, Ops, Output } from '../calls.ts'
import { count } from '../engine/columns.ts'
import type { Database } from '../engine/database.ts'
import type { Engine } from '../engine/engine.ts'
import type { CommitTimes } from './commit-times.ts'
import { type PlainError, toPlain } from './plain-error.ts'

/** One operation of one request. */
export interface Step {
  readonly id: number
  readonly run: (ops: Ops) => Output<CallName>
}

export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: Output<CallName> }
  | { readonly id: number; readonly ok: false; readonly error: PlainError }

/** Runs `first` and what `next` gives after it. Answers once all of it is on disk. */
export type RunGroup = (first: Step, next: () => Step | undefined) => readonly Reply[]

const groupMs = 20

export interface GroupDeps {
  readonly db: Database
  readonly engine: Engine
  readonly times: CommitTimes
}

export function groupCommit({ db, engine, times }: GroupDeps): RunGroup {
  const begin = db.command('BEGIN IMMEDIATE')
  const commit = db.command('COMMIT')
  const rollback = db.command('ROLLBACK')
  const runStep = savepoints(db, engine)
  const changes = db.query('SELECT total_changes() AS n', count)
  const changed = () => changes.get()?.n ?? 0

  return (first, next) => {
    const steps: Step[] = []
    const started = performance.now()
    try {
      begin()
      engine.checkSoleWriter()
      const before = changed()
      const replies: Reply[] = []
      for (let step: Step | undefined = first; step !== undefined; step = next()) {
        steps.push(step)
        replies.push(runStep(step))
        if (performance.now() - started > groupMs) break
      }
      const wrote = changed() !== before
      if (wrote) moment('before-commit')
      commit()
      if (wrote) moment('after-commit')
      if (wrote) times.add(performance.now() - started)
      return replies
    } catch (error) {
      if (db.inTransaction) rollback()
      engine.forget()
      const plain = toPlain(error)
      return (steps.length === 0 ? [first] : steps).map(({ id }) => ({ id, ok: false, error: plain }))
    }
  }
}

/** Runs one step within the transaction. Throws only when the transaction itself is lost. */
function savepoints(db: Database, engine: Engine): (step: Step) => Reply {
  const save = db.command('SAVEPOINT one_step')
  const release = db.command('RELEASE one_step')
  const undo = db.command('ROLLBACK TO one_step')
  return ({ id, run }) => {
    save()
    try {
      const value = run(engine.ops)
      release()
      return { id, ok: true, value }
    } catch (error) {
      if (!db.inTransaction) throw error
      undo()
      release()
      engine.forget()
      return { id, ok: false, error: toPlain(error) }
    }
  }
}
