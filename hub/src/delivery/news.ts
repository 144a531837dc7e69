/**
 * News: wakes a courier that waits for rows, but not for each of them. Rows that come while nobody waits are counted, so none is missed;
 * a courier that waits for a batch to fill is woken when enough came to fill it.
 */
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { rungWithin } from './rung-within.ts'

export interface Amount {
  readonly events: number
  readonly bytes: number
}

export interface News {
  /** Rows were routed to this endpoint. */
  arrived(amount: Amount): void
  /** Something else is worth a look. */
  look(): void
  /** Forgets what arrived: the caller is about to read it. */
  clear(): void
  /** Resolves when `need.events` or `need.bytes` arrived since `clear`, at a `look`, or after `ms`: then false. */
  wait(need: Amount, ms: number, signal: AbortSignal): Promise<boolean>
}

export function news(sleep: Sleep): News {
  const enough = bell()
  let arrived: Amount = { events: 0, bytes: 0 }
  let need: Amount | undefined
  const isEnough = () => need !== undefined && (arrived.events >= need.events || arrived.bytes >= need.bytes)
  return {
    arrived({ events, bytes }) {
      arrived = { events: arrived.events + events, bytes: arrived.bytes + bytes }
      if (isEnough()) enough.ring()
    },
    look: () => enough.ring(),
    clear: () => {
      arrived = { events: 0, bytes: 0 }
    },
    async wait(needed, ms, signal) {
      need = needed
      try {
        return isEnough() || (await rungWithin(enough, ms, { sleep, signal }))
      } finally {
        need = undefined
      }
    },
  }
}
