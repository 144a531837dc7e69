/** Audiences of streams, as the database has them, with what was derived for them: few different changes ever happen to many objects. */
import { decodeJson, object, string } from '@watch-hub/shared/protocol/decode'
import type { SyncedEntry } from '@watch-hub/shared/protocol/frames'
import type { Route } from '../store.ts'
import { names } from './columns.ts'
import type { Database } from './database.ts'
import { type Audience, type Change, derive, isCorrection } from './derive.ts'
import type { Leavings } from './leavings.ts'
import { encodeRoutes } from './log-row.ts'
import { type PlanRoutes, watchesFor } from './plans.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface Derived {
  readonly routes: readonly Route[]
  /** `routes` as the log keeps them. */
  readonly text: string
  /** See `isCorrection`. */
  readonly correction: boolean
}

/** A `Change` whose sets of watches are JSON text. */
export interface ChangeText extends Omit<Change, 'before' | 'now'> {
  readonly before: string
  readonly now: string
}

export type Deriver = (change: ChangeText) => Derived

export interface Audiences {
  /** `number` is the stream's in the database. Good until `forget`, or until `synced` of that stream. */
  of(plan: PlanRoutes, stream: { readonly id: string; readonly number: number }): Deriver
  /** Keeps the definitions under which a stream was compared in full. True when they changed. */
  synced(stream: number, watches: SyncedEntry['synced']): boolean
  /** Definition by watch, as `synced` left them. */
  inStep(stream: number): ReadonlyMap<string, string>
  /** Those of them of which the stream's rows say too little: a comparison under a plan that lacked them took objects from them. */
  loose(stream: number): ReadonlySet<string>
  loosen(stream: number, watches: readonly string[]): void
  /** Unless the stream has compared the watch by itself. */
  setInStep(stream: number, of: SyncedEntry['synced'][number]): void
  dropInStep(stream: number, watch: string): void
  forget(): void
}

/** Different changes that are remembered per audience. */
const remembered = 1_000

export interface AudienceDeps {
  readonly leavings: Leavings
  readonly subscriptions: Subscriptions
}

export function createAudiences(db: Database, { leavings, subscriptions }: AudienceDeps): Audiences {
  const active = db.query('SELECT name FROM endpoints WHERE left_at IS NULL ORDER BY name', object({ name: string }))
  const synced = db.query(
    'SELECT watch, definition FROM stream_watches WHERE stream = ? ORDER BY watch',
    object({ watch: string, definition: string }),
  )
  const clear = db.command('DELETE FROM stream_watches WHERE stream = ?')
  const insert = db.command('INSERT INTO stream_watches (stream, watch, definition) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  const loosen = db.command('UPDATE stream_watches SET loose = 1 WHERE stream = ? AND watch = ?')
  const tighten = db.command('UPDATE stream_watches SET loose = 0 WHERE stream = ? AND loose = 1')
  const loose = db.query('SELECT watch FROM stream_watches WHERE stream = ? AND loose = 1', object({ watch: string }))
  const drop = db.command('DELETE FROM stream_watches WHERE stream = ? AND watch = ?')
  const derivers = new Map<string, Deriver>()

  const inStep = (stream: number): ReadonlyMap<string, string> =>
    new Map(synced.all(stream).map(({ watch, definition }) => [watch, definition]))
  const audienceOf = (plan: PlanRoutes, stream: { readonly id: string; readonly number: number }): Audience => {
    const own = plan.streams.get(stream.id) ?? []
    const watches = watchesFor(plan, stream.id)
    const hearing = new Set(own.flatMap((watch) => watches.get(watch)?.endpoints ?? []))
    const { cluster, streams } = plan.routes
    const kind = streams.find(({ id }) => id === stream.id)?.resource
    const leaving = kind === undefined ? new Map() : leavings({ cluster, kind })
    return {
      endpoints: active.all().flatMap(({ name }) => (hearing.has(name) || leaving.has(name) ? [name] : [])),
      leaving,
      coming: subscriptions.unbegun(cluster),
      watches,
      own,
      heard: kind === undefined ? new Map() : subscriptions.heard({ cluster, kind }),
      synced: inStep(stream.number),
    }
  }
  return {
    of: (plan, stream) => {
      const key = JSON.stringify([plan.routes.cluster, plan.routes.plan, stream.id])
      const deriver = derivers.get(key) ?? remembering(audienceOf(plan, stream))
      derivers.set(key, deriver)
      return deriver
    },
    synced: (stream, watches) => {
      const now = new Map(watches.map(({ watch, definition }) => [watch, definition]))
      const before = inStep(stream)
      tighten(stream)
      if (before.size === now.size && [...before].every(([watch, definition]) => now.get(watch) === definition)) return false
      clear(stream)
      for (const [watch, definition] of now) insert(stream, watch, definition)
      derivers.clear()
      return true
    },
    inStep,
    loose: (stream) => new Set(loose.all(stream).map(({ watch }) => watch)),
    loosen: (stream, watches) => {
      for (const watch of watches) loosen(stream, watch)
    },
    setInStep: (stream, { watch, definition }) => {
      insert(stream, watch, definition)
      derivers.clear()
    },
    dropInStep: (stream, watch) => {
      drop(stream, watch)
      derivers.clear()
    },
    forget: () => derivers.clear(),
  }
}

function remembering(audience: Audience): Deriver {
  const known = new Map<string, Derived>()
  return ({ before, now, ...change }) => {
    const key = `${before}${now}${change.cause}${change.change}${change.differs}${change.sameVersion}`
    const found = known.get(key)
    if (found !== undefined) return found
    const decoded = { ...change, before: decodeJson(names, before), now: decodeJson(names, now) }
    const routes = derive(decoded, audience)
    const derived = { routes, text: encodeRoutes(routes), correction: isCorrection(decoded, audience) }
    if (known.size >= remembered) known.clear()
    known.set(key, derived)
    return derived
  }
}
