/** How old live changes are when an endpoint has accepted them. What a scan, a replay or a commit tells is no news, so it has no age. */
import type { Reason } from '../store/store.ts'
import type { Item } from './formats/format.ts'

export interface Age {
  /** Since its agent saw it, ms. Two clocks: may be below 0. */
  readonly observedMs: number
  /** Since the API server made it, as far as that is known: of what is gone, only the last write is. */
  readonly changedMs?: number
}

const live: ReadonlySet<Reason | undefined> = new Set<Reason | undefined>([undefined, 'recovered', 'in-scope', 'out-of-scope'])

/** `now`: ms since 1970. An item whose row the log has no longer was not sent. */
export const agesOf = (items: readonly (Item | undefined)[], now: number): readonly Age[] =>
  items.flatMap((item) => {
    if (item === undefined || item.scan !== undefined || !live.has(item.member.reason)) return []
    const { observedAt, changedAt, cause, change } = item.row
    // What a comparison found may have been written long before it became news: then a watch told nothing of it, or a namespace was relabelled.
    const changed = changedAt !== undefined && cause === 'live' && change !== 'gone' && { changedMs: now - changedAt }
    return [{ observedMs: now - observedAt, ...changed }]
  })
