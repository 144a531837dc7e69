/** A store of which a hub's process is cut off at some call, before or after that was carried out: for the courier, as if it was killed there. */
import type { Store } from '../../store/store.ts'

export interface Mortal {
  readonly store: Store
  readonly dead: boolean
  /** Dies at the call that comes after that many others; `carriedOut`: it reaches the disk, and nobody hears of it. */
  dieAfter(calls: number, carriedOut: boolean): void
}

export function mortal(store: Store, onFreeze: (step: Parameters<Store['freeze']>[0]) => void): Mortal {
  let left = Number.POSITIVE_INFINITY
  let carriesOut = false
  let dead = false
  async function live<R>(call: () => Promise<R>): Promise<R> {
    if (dead) throw new Error('the process is dead')
    if (left-- > 0) return call()
    dead = true
    if (carriesOut) await call()
    throw new Error('the process was killed')
  }
  return {
    store: {
      ...store,
      endpoint: (...of) => live(() => store.endpoint(...of)),
      standing: (...of) => live(() => store.standing(...of)),
      read: (...of) => live(() => store.read(...of)),
      readScan: (...of) => live(() => store.readScan(...of)),
      readReplay: (...of) => live(() => store.readReplay(...of)),
      rows: (...of) => live(() => store.rows(...of)),
      freeze: (step) =>
        live(async () => {
          const outcome = await store.freeze(step)
          if (outcome === 'frozen') onFreeze(step)
          return outcome
        }),
    },
    get dead() {
      return dead
    },
    dieAfter(calls, carriedOut) {
      left = calls
      carriesOut = carriedOut
    },
  }
}
