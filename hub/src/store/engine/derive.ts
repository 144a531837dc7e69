/**
 * What each endpoint is told of one log entry: a pure function of what matched before, what matches now,
 * and which watches the endpoint hears.
 *
 *   matched none before, some now  → created
 *   some → some, other content     → updated
 *   some → none                    → deleted, if the object or its own change did it; what a commit did is one only for those who asked for it
 *   anything else                  → nothing
 *
 * "Before" counts every watch by which the endpoint ever heard the kind in the cluster, so that a watch which is renamed or taken away says nothing.
 * `events` of the watches filter the outcome last: matching and inventory never depend on it.
 */
import type { EventType } from '../../config/model.ts'
import type { Reason, Route, WatchRoute } from '../store.ts'

/** One object of one stream, as the hub knew it and as the agent says it is. */
export interface Change {
  /** Watches that matched until now; empty when the object was not held. Sorted, like `now`. */
  readonly before: readonly string[]
  readonly now: readonly string[]
  /** `gone`: the object no longer exists, and `now` is empty. */
  readonly change: 'added' | 'modified' | 'gone'
  readonly cause: 'live' | 'list' | 'audit'
  /** The projected content differs from what was held. */
  readonly differs: boolean
  /** The object's version is the one that was held: only the projection can make its content differ. */
  readonly sameVersion: boolean
}

/**
 * Of an endpoint that is told what commits take from it: what it holds, and why, by watch. In none of them are watches that were taken before
 * it was told such things; they end silently.
 */
export interface Leaving {
  /** Objects are held by them: they go on, or they end and it is not known yet whether another watch still wants their objects. */
  readonly holding: ReadonlySet<string>
  /** They ended, and their objects are being told: what counts for them now is only that no object gets lost on the way. */
  readonly going: ReadonlySet<string>
  /** They ended, and all of it was told. */
  readonly over: ReadonlySet<string>
  /** Paused. They take nothing away. */
  readonly resting: ReadonlySet<string>
}

/** Who listens to one stream under one plan. */
export interface Audience {
  /** Endpoints that the plan sends this stream. Nobody else is told anything. */
  readonly endpoints: readonly string[]
  /** Watches of the plan. */
  readonly watches: ReadonlyMap<string, WatchRoute>
  /** Those of them that the stream has. */
  readonly own: readonly string[]
  /** Watches of the cluster by which an endpoint hears or ever heard objects of the stream's kind. */
  readonly heard: ReadonlyMap<string, ReadonlySet<string>>
  /** Definition under which a watch was last compared in full in this stream. */
  readonly synced: ReadonlyMap<string, string>
  /** By endpoint: watches of which it was not told all that there was when it began to hear them. @default none */
  readonly coming?: ReadonlyMap<string, ReadonlySet<string>>
  /** By endpoint that is told what commits take from it. @default none */
  readonly leaving?: ReadonlyMap<string, Leaving>
}

export const derive = (change: Change, audience: Audience): readonly Route[] =>
  audience.endpoints.flatMap((endpoint) => derivedFor(endpoint, change, audience) ?? [])

/**
 * True when a comparison found what a watch should have told: the object changed while a watch that is concerned was in step under its
 * current definition. What a commit changed (`initial`, `projection`) is none.
 */
export function isCorrection(change: Change, audience: Pick<Audience, 'watches' | 'synced'>): boolean {
  const { before, now, cause, differs, sameVersion } = change
  if (cause === 'live') return false
  const moved = [...now.filter((watch) => !before.includes(watch)), ...before.filter((watch) => !now.includes(watch))]
  const changed = differs && !sameVersion && before.length > 0 ? now : []
  return [...moved, ...changed].some((watch) => inStep(watch, audience))
}

interface Told {
  readonly type: EventType
  readonly reason?: Reason | undefined
  readonly watches: readonly string[]
}

function derivedFor(endpoint: string, change: Change, audience: Audience): Route | undefined {
  const heard = audience.heard.get(endpoint)
  const leaving = audience.leaving?.get(endpoint)
  const told = outcome({ endpoint, leaving, ...sidesOf({ endpoint, heard, leaving }, change, audience) }, change, audience)
  if (told === undefined) return undefined
  // A watch that the plan no longer has says nothing about events; the receiver still holds its objects.
  const watches = told.watches.filter((watch) => audience.watches.get(watch)?.events.includes(told.type) ?? true)
  if (watches.length === 0) return undefined
  return { endpoint, type: told.type, ...(told.reason !== undefined && { reason: told.reason }), watches }
}

interface Listener {
  readonly endpoint: string
  readonly heard: ReadonlySet<string> | undefined
  readonly leaving: Leaving | undefined
}

/** What was taken from an endpoint and told counts no more, whichever plan the agent still runs. */
function sidesOf(
  { endpoint, heard, leaving }: Listener,
  { before, now }: Change,
  { watches }: Audience,
): Pick<Side, 'before' | 'now'> {
  const holds = (watch: string) => heard?.has(watch) === true && !leaving?.going.has(watch) && !leaving?.over.has(watch)
  const routed = now.filter((watch) => watches.get(watch)?.endpoints.includes(endpoint))
  return { before: before.filter(holds), now: leaving === undefined ? routed : routed.filter(holds) }
}

interface Side {
  readonly endpoint: string
  readonly leaving: Leaving | undefined
  readonly before: readonly string[]
  readonly now: readonly string[]
}

function outcome(side: Side, change: Change, audience: Audience): Told | undefined {
  const { before, now } = side
  if (now.length === 0) return before.length === 0 ? departure(side, change) : removal(side, change, audience)
  if (before.length === 0) return appearance(side, change, audience)
  if (change.differs) return { type: 'updated', reason: updateReason(change), watches: now }
  return isMissed(side, audience) ? appearance(side, change, audience) : undefined
}

/**
 * The endpoint may not have been told of the object yet, and now has it by a watch whose scan may not come to it: there is none, or it was
 * past the object already when the watch began to match.
 */
function isMissed({ endpoint, before, now }: Side, { coming }: Audience): boolean {
  const unbegun = coming?.get(endpoint)
  if (unbegun === undefined || !before.every((watch) => unbegun.has(watch))) return false
  return now.some((watch) => !unbegun.has(watch) || !before.includes(watch))
}

const updateReason = ({ cause, sameVersion }: Change): Reason | undefined =>
  cause === 'live' ? undefined : sameVersion ? 'projection' : 'recovered'

function appearance({ endpoint, now }: Side, { cause, change }: Change, audience: Audience): Told | undefined {
  const type = 'created'
  if (cause === 'live') return { type, reason: change === 'added' ? undefined : 'in-scope', watches: now }
  if (now.some((watch) => inStep(watch, audience) || wasInStep(endpoint, watch, audience)))
    return { type, reason: 'recovered', watches: now }
  const skipped = now.every((watch) => audience.watches.get(watch)?.initial === 'skip')
  return skipped ? undefined : { type, reason: 'initial', watches: now }
}

/** An object leaves a watch that is being told as gone before its turn came, perhaps: nobody would tell it later. */
function departure({ leaving }: Side, { before, now, change, cause }: Change): Told | undefined {
  const watches = before.filter((watch) => leaving?.going.has(watch) && !now.includes(watch))
  if (watches.length === 0) return undefined
  return { type: 'deleted', reason: change !== 'gone' ? 'unwatched' : cause === 'live' ? undefined : 'recovered', watches }
}

function removal({ endpoint, leaving, before }: Side, { now, change, cause }: Change, audience: Audience): Told | undefined {
  const watches = namedBy(endpoint, before, audience)
  const reason = cause !== 'live' ? 'recovered' : change === 'gone' ? undefined : 'out-of-scope'
  if (change === 'gone') return { type: 'deleted', reason, watches }
  const left = before.filter((watch) => !now.includes(watch) && !takenFrom(endpoint, watch, audience))
  // A comparison proves that the object left only where the watch was in step under the same definition; else a commit moved it.
  const proven =
    cause === 'live' ? left.length > 0 : left.some((watch) => inStep(watch, audience) || goesOn(endpoint, watch, audience))
  if (proven) return { type: 'deleted', reason, watches }
  return leaving !== undefined && isTaken(before, now, leaving) ? { type: 'deleted', reason: 'unwatched', watches } : undefined
}

/** A commit took the object, for an endpoint that is told so; and it holds it by no watch that it hears or that a scan will come to. */
const isTaken = (before: readonly string[], now: readonly string[], { holding, resting }: Leaving): boolean =>
  before.some((watch) => holding.has(watch)) &&
  !before.some((watch) => resting.has(watch)) &&
  !now.some((watch) => holding.has(watch))

/** Under which names an end is told: the watches that the endpoint still hears, else those that the plan still has, else the old ones. */
function namedBy(endpoint: string, before: readonly string[], { watches }: Audience): readonly string[] {
  const planned = before.filter((watch) => watches.has(watch))
  const own = planned.filter((watch) => watches.get(watch)?.endpoints.includes(endpoint))
  return own.length > 0 ? own : planned.length > 0 ? planned : before
}

/** The plan has the watch, but no longer for this endpoint: a commit did that, whatever the object does. */
function takenFrom(endpoint: string, watch: string, { watches }: Audience): boolean {
  const route = watches.get(watch)
  return route !== undefined && !route.endpoints.includes(endpoint)
}

/** A watch that was in step has another name in the plan now: what the endpoint hears of the stream has not changed by that. */
function goesOn(endpoint: string, former: string, { watches, own, synced }: Audience): boolean {
  const definition = watches.has(former) ? undefined : synced.get(former)
  const renamed = (watch: string) => {
    const route = watches.get(watch)
    return route?.definition === definition && route?.endpoints.includes(endpoint) === true
  }
  return definition !== undefined && own.some(renamed)
}

/** The watch was in step under a former name, under which the endpoint heard it. */
function wasInStep(endpoint: string, watch: string, { watches, synced, heard }: Audience): boolean {
  const definition = watches.get(watch)?.definition
  return [...synced].some(
    ([former, of]) => of === definition && !watches.has(former) && heard.get(endpoint)?.has(former) === true,
  )
}

function inStep(watch: string, { watches, synced }: Pick<Audience, 'watches' | 'synced'>): boolean {
  const route = watches.get(watch)
  return route !== undefined && synced.get(watch) === route.definition
}
