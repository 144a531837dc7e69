/** Turns: so many may do something at the same time, the others wait in order. Bounds the memory of lists, however many kinds begin at once. */
import { waitingRoom } from '../waiting-room.ts'

export interface Turns {
  /** Resolves when it is our turn; disposing ends it. */
  take(signal: AbortSignal): Promise<Disposable>
}

export function createTurns(count: number): Turns {
  const waiting = waitingRoom({ inOrder: true })
  let free = count
  return {
    take: async (signal) => {
      await waiting.wait(() => free > 0 && free-- > 0, signal)
      let taken = true
      return {
        [Symbol.dispose]: () => {
          if (!taken) return
          taken = false
          free++
          waiting.look()
        },
      }
    },
  }
}
