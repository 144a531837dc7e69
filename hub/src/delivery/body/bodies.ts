/**
 * `body:` at work: expressions applied to payloads, in threads of their own, so that none holds up the hub. The threads start when they are
 * needed. An expression has at most one thread at a time, so that an endless one leaves the others to everybody else; what takes too long,
 * too much memory or makes too much ends with its thread.
 *
 * Requests wait in their order, as many as there are batches in flight.
 */
import { bell } from '@watch-hub/shared/runtime/bell'
import { deadline, TimeoutError } from '@watch-hub/shared/runtime/sleep'
import { type BodyAnswer, type BodyRequest, type BodyThread, ranOutOfMemory, startBodyThread } from './thread.ts'

export interface BodyLimits {
  readonly timeoutMs: number
  /** Of what is made. */
  readonly maxBytes: number
}

export const bodyLimits: BodyLimits = { timeoutMs: 1_000, maxBytes: 32 * 1024 * 1024 }

export interface Bodies extends AsyncDisposable {
  /** `payload` is JSON text, as the one made is. Rejects with the signal's reason, or when there can be no thread. */
  render(
    of: { readonly expression: string; readonly payload: string },
    signal: AbortSignal,
    limits?: BodyLimits,
  ): Promise<BodyAnswer>
}

export interface BodiesSettings {
  /** @default 4 */
  readonly threads?: number
  /** Of each thread. @default 256 */
  readonly maxMemoryMb?: number
}

interface Waiting {
  readonly expression: string
  readonly begin: () => void
}

export function createBodies({ threads = 4, maxMemoryMb = 256 }: BodiesSettings = {}): Bodies {
  const idle: BodyThread[] = []
  const ending = new Set<Promise<void>>()
  const underWay = new Set<string>()
  const over = new AbortController()
  const quiet = bell()
  let waiting: readonly Waiting[] = []

  function beginNext(): void {
    const next = waiting.find(({ expression }) => !underWay.has(expression))
    if (next === undefined || underWay.size >= threads) return
    waiting = waiting.filter((each) => each !== next)
    underWay.add(next.expression)
    next.begin()
  }

  async function turn(expression: string, signal: AbortSignal): Promise<void> {
    const mine = Promise.withResolvers<void>()
    const place: Waiting = { expression, begin: mine.resolve }
    const onAbort = () => {
      waiting = waiting.filter((each) => each !== place)
      mine.reject(signal.reason)
    }
    waiting = [...waiting, place]
    beginNext()
    signal.addEventListener('abort', onAbort, { once: true })
    await mine.promise.finally(() => signal.removeEventListener('abort', onAbort))
  }

  function end(thread: BodyThread): void {
    const gone = Promise.resolve(thread[Symbol.asyncDispose]()).finally(() => ending.delete(gone))
    ending.add(gone)
  }

  async function made(request: BodyRequest, signal: AbortSignal, timeoutMs: number): Promise<BodyAnswer> {
    const thread = idle.pop() ?? startBodyThread({ maxMemoryMb })
    try {
      await thread.ready
      using limit = deadline(timeoutMs, { parent: signal, what: 'the expression' })
      const answer = await thread.ask(request, limit.signal)
      idle.push(thread)
      return answer
    } catch (error) {
      end(thread)
      if (ranOutOfMemory(error)) return { kind: 'failed', reason: `the expression needed more than ${maxMemoryMb} MB of memory` }
      if (error instanceof TimeoutError && !signal.aborted) return { kind: 'failed', reason: error.message }
      throw error
    }
  }

  return {
    async render({ expression, payload }, signal, { timeoutMs, maxBytes } = bodyLimits) {
      const live = AbortSignal.any([signal, over.signal])
      live.throwIfAborted()
      await turn(expression, live)
      try {
        return await made({ expression, payload, maxBytes }, live, timeoutMs)
      } finally {
        underWay.delete(expression)
        beginNext()
        if (underWay.size === 0) quiet.ring()
      }
    },
    async [Symbol.asyncDispose]() {
      over.abort(new Error('the hub stops'))
      while (underWay.size > 0) await quiet.wait()
      for (const thread of idle.splice(0)) end(thread)
      await Promise.all(ending)
    },
  }
}
