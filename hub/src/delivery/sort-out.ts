/**
 * What a receiver named in an answer that takes the rest of a batch, held against the batch: which events are parked, which are given up, and
 * which ids are none of its own. Pure.
 */
import { eventId, type Item } from './formats/format.ts'
import type { WaitingBatch } from './frozen.ts'
import type { NamedFailure } from './send.ts'

/** Why an event is not taken. */
export interface Why {
  /** Name of the failure. */
  readonly kind: string
  readonly message: string
  readonly status?: number | undefined
  readonly answer?: string | undefined
}

/** An event of a batch that the endpoint does not take. */
export interface Refused {
  readonly at: number
  readonly key: string
  readonly item: Item
  readonly why: Why
  /** A newer state of the same was accepted. */
  readonly superseded: boolean
}

export interface SortedOut {
  readonly parked: readonly Refused[]
  readonly dead: readonly Refused[]
  /** Ids that are none of the batch's. */
  readonly unknown: readonly string[]
}

/**
 * Which events of a batch were named, in order. One that a later event of its object went past is given up, since telling it again would take
 * the object backwards.
 */
export function sortOut({ items = [], keys }: WaitingBatch, failures: readonly NamedFailure[]): SortedOut {
  const byId = new Map(failures.map((failure) => [failure.id, failure]))
  const parked: Refused[] = []
  const dead: Refused[] = []
  /** Objects of which a later event was accepted, by name and by uid. */
  const passed = new Set<string>()
  const told = new Set<string>()
  for (const [at, item] of [...items.entries()].reverse()) {
    const key = keys[at] ?? ''
    const failure = item && byId.get(eventId(item))
    if (item === undefined || failure === undefined) {
      passed.add(key)
      if (item !== undefined) told.add(item.row.object.uid)
      continue
    }
    byId.delete(failure.id)
    const refused = { at, key, item, why: whyOf(failure), superseded: told.has(item.row.object.uid) }
    if (failure.retry && !passed.has(key)) parked.unshift(refused)
    else dead.unshift(refused)
  }
  return { parked, dead, unknown: [...byId.keys()] }
}

export const whyOf = ({ message }: NamedFailure): Why => ({ kind: 'named', message })
