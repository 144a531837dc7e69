/**
 * Joining: later events of a parked object wait behind the one that is tried. Pure.
 *
 * `every`: in order, each by itself. `latest`: what waits is one event, the newest state. When the tried event's turn comes again, the newest
 * state takes its place, so that an object that was mended heals; what was tried may have been taken after all, so it counts as told.
 *
 * An object that was made again under its old name has another uid: what is told of the one says nothing of the other, so each keeps an event
 * of its own, the end of the old one before the beginning of the new one.
 */

import type { EndpointConfig } from '../config/model.ts'
import { combined } from '../store/combine.ts'
import type { Member, Route, Parking as Standing } from '../store/store.ts'
import type { Change } from './change.ts'
import { memberOf } from './compact.ts'
import type { Item } from './formats/format.ts'
import { type Making, parkedBatch, type WaitingBatch } from './frozen.ts'
import { unkeep } from './kept.ts'
import { objectKeyOf } from './object-key.ts'
import { type ParkedBatch, type ParkedObject, type Parking, wasTried } from './parking.ts'

export interface JoiningDeps {
  readonly parking: Pick<Parking, 'get'>
  readonly making: Omit<Making, 'contexts'>
}

/** Where events go that are later than all that waits of their objects. Those of objects that are not parked park them. */
export function joined(items: readonly Item[], { parking, making }: JoiningDeps): Change {
  const byObject = Map.groupBy(items, ({ row }) => objectKeyOf(row))
  const batches: (readonly WaitingBatch[])[] = []
  const replaced: (readonly Replaced[])[] = []
  for (const [key, later] of byObject) {
    const waiting = parking.get(key)?.batches ?? []
    const behind = waiting.slice(1) // an attempt of the first one may begin before this is written down
    const change = making.endpoint.history === 'every' ? appended(later, key, making) : folded(behind, later, { key, making })
    batches.push(change.batches)
    replaced.push(change.replaced)
  }
  return { batches: batches.flat(), replaced: replaced.flat() }
}

type ParkedChange = Required<Pick<Change, 'batches' | 'replaced'>>
type Replaced = ParkedChange['replaced'][number]

const waits = (key: string, now: number): Standing => ({
  object: key,
  attempts: 0,
  nextAttemptAt: now,
  reason: 'waits for an earlier event of its object',
})

const appended = (items: readonly Item[], key: string, making: Omit<Making, 'contexts'>): ParkedChange => ({
  batches: items.map((item) => parkedBatch(item, waits(key, making.now()), making)),
  replaced: [],
})

function folded(
  open: readonly ParkedBatch[],
  later: readonly Item[],
  { key, making }: { readonly key: string; readonly making: Omit<Making, 'contexts'> },
): ParkedChange {
  const before = open.map((batch): Waiting => ({ item: itemOf(batch), place: batch.frozen.id }))
  const batches: WaitingBatch[] = []
  const replaced: Replaced[] = []
  for (const [newest, ...older] of newestByUid([...before, ...later.map((item) => ({ item }))], making.endpoint.name)) {
    if (newest.isOld) continue
    const batch = parkedBatch(newest.item, waits(key, making.now()), making)
    batches.push(batch) // as a new one, so that the store looks whether it may go
    replaced.push(...older.map((id) => ({ id, by: [] })))
  }
  return { batches, replaced }
}

/** An event that waits; `place`: of which batch. */
interface Waiting {
  readonly item: Item
  readonly place?: string
}

interface Newest {
  readonly item: Item
  /** It is the one that waited already. */
  readonly isOld: boolean
}

/** What the events of each uid come to, in order of their first ones, and the batches that waited for it. */
function newestByUid(
  waiting: readonly Waiting[],
  endpoint: string,
): readonly (readonly [newest: Newest, ...places: readonly string[]])[] {
  return [...Map.groupBy(waiting, ({ item }) => item.row.object.uid).values()].flatMap((events) => {
    const item = newestOf(
      events.map((event) => event.item),
      endpoint,
    )
    const places = events.flatMap(({ place }) => place ?? [])
    return item === undefined ? [] : [[{ item, isOld: places.length === events.length && places.length === 1 }, ...places]]
  })
}

/**
 * The newest state takes the place of the event that was tried, and stands as that did; nothing where nothing newer waits, or where each event
 * is told.
 */
export function renewed(object: ParkedObject, making: Omit<Making, 'contexts'>): Change | undefined {
  const [first] = object.batches
  if (first === undefined || !isOutdated(object, making.endpoint)) return undefined
  const same = sameUid(object)
  const item = newestOf(same.map(itemOf), making.endpoint.name)
  if (item === undefined) return undefined
  const by = [parkedBatch(item, first.parking, making)]
  return { replaced: [{ id: first.frozen.id, by }, ...same.slice(1).map(({ frozen }) => ({ id: frozen.id, by: [] }))] }
}

/** Something newer is to take the place of the event that was tried, before it is tried again. */
export const isOutdated = (object: ParkedObject, { history }: Pick<EndpointConfig, 'history'>): boolean => {
  const [first] = object.batches
  return history === 'latest' && first !== undefined && wasTried(first) && object.batches.length > 1 && sameUid(object).length > 1
}

/** Of the object that the first event is about, not of one that took its name. */
function sameUid({ batches }: ParkedObject): readonly ParkedBatch[] {
  const [first] = batches
  const uid = first && itemOf(first).row.object.uid
  return batches.filter((batch) => itemOf(batch).row.object.uid === uid)
}

/** The one event of a parked batch. */
export const itemOf = ({ frozen }: Pick<ParkedBatch, 'frozen'>): Item => unkeep(frozen.payload ?? '')

/** What events of one uid come to, any of which may have been told. */
function newestOf(items: readonly Item[], endpoint: string): Item | undefined {
  const [first, ...rest] = items
  return rest.reduce((before, item) => before && { ...item, member: told(before.member, item, endpoint) }, first)
}

function told(before: Member, { row, member }: Item, endpoint: string): Member {
  const route = combined(routeOf(before, endpoint), routeOf(member, endpoint), true)
  return route === undefined ? member : memberOf(row, route)
}

const routeOf = ({ type, reason, watches }: Member, endpoint: string): Route =>
  reason === undefined ? { endpoint, type, watches } : { endpoint, type, reason, watches }
