/** Requests that were sent to an engine and not answered yet. */
import type { CallName, Output } from '../calls.ts'
import type { Reply } from './group.ts'
import { fromPlain } from './plain-error.ts'

export interface Pending {
  /** Those that wait. */
  readonly size: number
  open<K extends CallName>(op: K): { readonly id: number; readonly answer: Promise<Output<K>> }
  settle(replies: readonly Reply[]): void
  /** No more answers will come: all that wait fail, and so does everything that is asked from now on. */
  end(why: Error): void
}

/** The engine is of the same build: what it answers to an operation is believed to be of its type. Hence methods, which compare loosely. */
interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

export function pending(): Pending {
  const waiting = new Map<number, Waiting>()
  let sent = 0
  let ended: Error | undefined
  return {
    get size() {
      return waiting.size
    },
    open: <K extends CallName>(op: K) => {
      if (ended !== undefined) throw new Error(`cannot ask the store for ${op}`, { cause: ended })
      const answer = Promise.withResolvers<Output<K>>()
      const id = ++sent
      waiting.set(id, answer)
      return { id, answer: answer.promise }
    },
    settle: (replies) => {
      for (const reply of replies) {
        const asked = waiting.get(reply.id)
        waiting.delete(reply.id)
        if (reply.ok) asked?.resolve(reply.value)
        else asked?.reject(fromPlain(reply.error))
      }
    },
    end: (why) => {
      ended ??= why
      for (const { reject } of waiting.values()) reject(why)
      waiting.clear()
    },
  }
}
