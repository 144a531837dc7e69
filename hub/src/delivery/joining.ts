/**
 * Joining: later events of a parked object wait behind the one that is tried. Pure.
 *
 * `every`: in order, each by itself. `latest`: what waits is one event, the newest state. When the tried event's turn comes again, the newest
 * state takes its place, so that an object that was mended heals; what was tried may have been taken after all, so it counts as told.
 */

import type { EndpointConfig } from '../config/model.ts'
import { combined } from '../store/combine.ts'
import type { Member, Route, Parking as Standing } from '../store/store.ts'
import type { Change } from './change.ts'
import { memberOf } from './compact.ts'
import type { Item } from './formats/format.ts'
import { type Making, parkedBatch } from './frozen.ts'
import { unkeep } from './kept.ts'
import { objectKeyOf } from './object-key.ts'
import { type ParkedBatch, type ParkedObject, type Parking, wasTried } from './parking.ts'

export interface JoiningDeps {
  readonly parking: Pick<Parking, 'get'>
  /** An attempt of this batch is under way. */
  readonly isBusy: (id: string) => boolean
  readonly making: Omit<Making, 'contexts'>
}

/** Where events go that are later than all that waits of their objects. Those of objects that are not parked park them. */
export function joined(items: readonly Item[], { parking, isBusy, making }: JoiningDeps): Change {
  const byObject = Map.groupBy(items, ({ row }) => objectKeyOf(row))
  const batches: ParkedChange['batches'][] = []
  const replaced: ParkedChange['replaced'][] = []
  for (const [key, later] of byObject) {
    const waiting = parking.get(key)?.batches ?? []
    const [first, ...behind] = waiting
    const open = first === undefined || wasTried(first) || isBusy(first.frozen.id) ? behind : waiting
    const change = making.endpoint.history === 'every' ? appended(later, key, making) : folded(open, later, { key, making })
    batches.push(change.batches)
    replaced.push(change.replaced)
  }
  return { batches: batches.flat(), replaced: replaced.flat() }
}

type ParkedChange = Required<Pick<Change, 'batches' | 'replaced'>>

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
  const item = newest([...open.map(itemOf), ...later], making.endpoint.name)
  if (item === undefined) return { batches: [], replaced: [] }
  const batch = parkedBatch(item, waits(key, making.now()), making)
  const [place, ...rest] = open
  if (place === undefined) return { batches: [batch], replaced: [] }
  return {
    batches: [],
    replaced: [{ id: place.frozen.id, by: [batch] }, ...rest.map(({ frozen }) => ({ id: frozen.id, by: [] }))],
  }
}

/**
 * The newest state takes the place of the event that was tried, and stands as that did; nothing where nothing newer waits, or where each event
 * is told.
 */
export function renewed(object: ParkedObject, making: Omit<Making, 'contexts'>): Change | undefined {
  const { batches } = object
  const [first, ...behind] = batches
  if (first === undefined || !isOutdated(object, making.endpoint)) return undefined
  const item = newest(batches.map(itemOf), making.endpoint.name)
  if (item === undefined) return undefined
  const by = [parkedBatch(item, first.parking, making)]
  return { replaced: [{ id: first.frozen.id, by }, ...behind.map(({ frozen }) => ({ id: frozen.id, by: [] }))] }
}

/** Something newer is to take the place of the event that was tried, before it is tried again. */
export const isOutdated = (
  { batches: [first, ...behind] }: ParkedObject,
  { history }: Pick<EndpointConfig, 'history'>,
): boolean => history === 'latest' && first !== undefined && behind.length > 0 && wasTried(first)

/** The one event of a parked batch. */
export const itemOf = ({ frozen }: Pick<ParkedBatch, 'frozen'>): Item => unkeep(frozen.payload ?? '')

/** What events of one object come to, any of which may have been told. */
function newest(items: readonly Item[], endpoint: string): Item | undefined {
  const [first, ...rest] = items
  return rest.reduce((before, item) => before && { ...item, member: told(before.member, item, endpoint) }, first)
}

function told(before: Member, { row, member }: Item, endpoint: string): Member {
  const route = combined(routeOf(before, endpoint), routeOf(member, endpoint), true)
  return route === undefined ? member : memberOf(row, route)
}

const routeOf = ({ type, reason, watches }: Member, endpoint: string): Route =>
  reason === undefined ? { endpoint, type, watches } : { endpoint, type, reason, watches }
