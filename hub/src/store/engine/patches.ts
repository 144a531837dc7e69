/**
 * Patches: what makes the body of a log row out of the body that it replaces in the inventory. Made once, at append, where an endpoint
 * with `delta` can use one; kept beside the log row, and gone with it.
 *
 * An endpoint can use one when the replaced body is the last that was routed to it of the object, as a log row that is still there. Whether
 * that row reached it is not known here: its courier looks at that. What an endpoint is known to have lost (`doubted`) is no base for it.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Patch, Route, Sequence } from '../store.ts'
import type { Bodies } from './bodies.ts'
import { bodyPatch } from './body-patch.ts'
import { sharedJson } from './columns.ts'
import type { Database } from './database.ts'
import type { Log } from './log.ts'
import { routesText } from './log-row.ts'

/** A body that takes the place of another. */
export interface Replacing {
  /** Of the row before: it is the inventory's. */
  readonly base: Sequence
  readonly uid: string
  readonly version: string
  readonly body: string
  readonly routes: readonly Route[]
}

export interface Patched {
  readonly patch: Patch
  /** Those of `Replacing`, marked where they can use it. */
  readonly routes: readonly Route[]
}

export interface PatchesDeps {
  readonly bodies: Bodies
  readonly log: Log
}

export interface Patches {
  /** Nothing where nobody can use a patch, or there is none. Call it before the row of the new body is added. */
  make(of: Replacing): Patched | undefined
  add(sequence: Sequence, patch: Patch): void
  /** The log's row of this number is gone, or its patch may be used no longer. */
  release(sequence: Sequence): void
  /** The log's rows up to here are gone. */
  remove(upTo: Sequence): void
  /** After an activation, a doubt or a rollback: who wants patches, and of what, may have changed. */
  forget(): void
}

export function createPatches(db: Database, { bodies, log }: PatchesDeps): Patches {
  const wanting = db.query(
    'SELECT name, doubted FROM endpoints WHERE delta = 1 AND left_at IS NULL',
    object({ name: string, doubted: integer }),
  )
  // The base, and what was told of the object since; of another cluster's object with the same uid too, which does no harm.
  const since = db.query(
    'SELECT sequence, version, routes FROM log WHERE uid = ? AND sequence >= ? ORDER BY sequence',
    object({ sequence: integer, version: string, routes: sharedJson(routesText) }),
  )
  const insert = db.command('INSERT INTO patches VALUES (?, ?, ?)')
  const release = db.command('DELETE FROM patches WHERE sequence = ?')
  const remove = db.command('DELETE FROM patches WHERE sequence <= ?')
  let known: ReadonlyMap<string, Sequence> | undefined

  /** Whom the base was the last that was routed to. Under another version the fence could have judged it otherwise. */
  function holders({ base, uid, version }: Replacing): ReadonlySet<string> {
    if (base <= log.totals().thinned) return new Set() // something that was told since may be gone
    const [first, ...later] = since.all(uid, base)
    if (first?.sequence !== base || first.version !== version) return new Set()
    const told = first.routes.filter(({ type }) => type !== 'deleted').map(({ endpoint }) => endpoint)
    return new Set(told).difference(new Set(later.flatMap(({ routes }) => routes.map(({ endpoint }) => endpoint))))
  }

  return {
    make: (of) => {
      known ??= new Map(wanting.all().map(({ name, doubted }) => [name, doubted]))
      const wants = ({ endpoint, type }: Route) => type === 'updated' && of.base > (known?.get(endpoint) ?? of.base)
      if (!of.routes.some(wants)) return undefined
      const held = holders(of)
      const routes = of.routes.map((route) =>
        wants(route) && held.has(route.endpoint) ? { ...route, delta: true as const } : route,
      )
      const text = routes.some(({ delta }) => delta) ? bodyPatch(bodies.get(of.base), of.body) : undefined
      return text === undefined ? undefined : { patch: { base: of.base, text }, routes }
    },
    add: (sequence, { base, text }) => void insert(sequence, base, text),
    release: (sequence) => void release(sequence),
    remove: (upTo) => void remove(upTo),
    forget: () => {
      known = undefined
    },
  }
}
