/** The engine with its database, as a link hosts it: groups in, replies out, checkpoints between them. */

import { openDatabase } from '../engine/database.ts'
import { createEngine } from '../engine/engine.ts'
import { checkpoints } from './checkpoints.ts'
import { commitTimes } from './commit-times.ts'
import { groupCommit, type RunGroup } from './group.ts'
import type { Opened } from './link.ts'

export interface Host extends Disposable, Opened {
  /** Runs one group: `first`, and what `next` gives until there is nothing more or the group is full. */
  readonly run: RunGroup
  /** Call it after the replies were sent. */
  tidy(idle: boolean): void
}

export function openHost(file: string, now: () => number = Date.now): Host {
  using scope = new DisposableStack()
  const db = scope.use(openDatabase(file))
  const times = commitTimes()
  const engine = createEngine(db, { now, commits: times.summary })
  const owned = scope.move()
  return {
    hubId: engine.hubId,
    head: engine.head(),
    run: groupCommit({ db, engine, times }),
    tidy: checkpoints(db),
    [Symbol.dispose]: () => {
      db.checkpoint('truncate')
      owned.dispose()
    },
  }
}
