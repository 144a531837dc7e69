/**
 * Holds: what keeps endpoints from being sent to by somebody's will, besides Git: an operator's word, a 410, a guard. The store has them; what
 * is here is an image of it. A hold because of a 410 is about one URL, and ends when Git names another.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { Snapshot } from '../config/model.ts'
import type { Pause, Store } from '../store/store.ts'
import type { Holding } from './courier.ts'

export interface HoldsDeps {
  readonly store: Pick<Store, 'paused' | 'setPaused'>
  readonly now: () => number
  readonly log: Log
  /** An endpoint is held, or is no more. */
  readonly tell: (endpoint: string, pause: Pause | undefined) => void
}

export interface Holds extends Holding {
  of(endpoint: string): Pause | undefined
  /** Nothing = it ends. Survives restarts. */
  put(endpoint: string, pause: Pause | undefined): Promise<void>
  /** The store may have ended a guard's hold on it. */
  review(endpoint: string): void
  /** Asks the store, and ends what the snapshot has settled. */
  follow(snapshot: Snapshot): Promise<void>
}

export function createHolds({ store, now, log, tell }: HoldsDeps): Holds {
  let pauses: ReadonlyMap<string, Pause> = new Map()

  async function look(): Promise<void> {
    const before = pauses
    pauses = await store.paused()
    for (const name of new Set([...before.keys(), ...pauses.keys()])) {
      const pause = pauses.get(name)
      if (!isDeepStrictEqual(before.get(name), pause)) tell(name, pause)
    }
  }

  async function put(name: string, pause: Pause | undefined): Promise<void> {
    await store.setPaused(name, pause)
    pauses = pause === undefined ? new Map([...pauses].filter(([each]) => each !== name)) : new Map([...pauses, [name, pause]])
    tell(name, pause)
  }

  return {
    of: (name) => pauses.get(name),
    put,
    review(name) {
      if (pauses.get(name)?.cause !== 'guard') return
      look().catch((error: unknown) => log.warn('a hold could not be looked at', { endpoint: name, error }))
    },
    async follow({ endpoints }) {
      await look()
      for (const [name, { cause, url }] of pauses) {
        const endpoint = endpoints.get(name)
        if (cause === 'gone' && endpoint !== undefined && endpoint.url !== url) await put(name, undefined)
      }
    },
    async gone({ name, url }, reason) {
      log.error('an endpoint is gone and is held: another url, or resume, ends that', { endpoint: name, reason })
      await put(name, { since: now(), by: 'hub', cause: 'gone', reason, url })
    },
    async guarded(name) {
      await look()
      log.error('a guard holds an endpoint: resume lets it go on', { endpoint: name, reason: pauses.get(name)?.reason })
    },
    expired(name) {
      const { until } = pauses.get(name) ?? {}
      if (until === undefined || until > now()) return // another one has come since
      put(name, undefined).catch((error: unknown) =>
        log.warn('a hold that is over stays written down', { endpoint: name, error }),
      )
    },
  }
}
