/** The side of a body thread that faces the hub: asks it, one request at a time, and notices its end. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface BodyRequest {
  /** CEL over `payload`. */
  readonly expression: string
  /** JSON text. */
  readonly payload: string
  readonly maxBytes: number
}

/** `failed`: the expression cannot be applied to this payload. `reason` is for people. */
export type BodyAnswer = { readonly kind: 'made'; readonly text: string } | { readonly kind: 'failed'; readonly reason: string }

export interface BodyThread extends AsyncDisposable {
  /** Resolves when it can be asked. Rejects when it cannot be started. */
  readonly ready: Promise<void>
  /** One at a time. Rejects with the signal's reason; or when the thread has ended, then `ranOutOfMemory` may be why. */
  ask(request: BodyRequest, signal: AbortSignal): Promise<BodyAnswer>
}

const workerFile = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'

/** Disposing ends the thread at once, whatever it does. */
export function startBodyThread({ maxMemoryMb }: { readonly maxMemoryMb: number }): BodyThread {
  const resourceLimits = { maxOldGenerationSizeMb: maxMemoryMb }
  const worker = new Worker(new URL(workerFile, import.meta.url), { name: 'body', resourceLimits })
  const ended = Promise.withResolvers<never>()
  worker.on('error', ended.reject)
  worker.on('exit', () => ended.reject(new Error('the thread ended')))
  ended.promise.catch(() => {}) // whoever waits for an answer hears of it
  const ready = Promise.race([once(worker, 'message'), ended.promise]).then(() => {})
  ready.catch(() => {}) // likewise
  return {
    ready,
    async ask(request, signal) {
      signal.throwIfAborted()
      const answer = Promise.withResolvers<BodyAnswer>()
      const onAbort = () => answer.reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      worker.once('message', answer.resolve)
      worker.postMessage(request)
      try {
        return await Promise.race([answer.promise, ended.promise])
      } finally {
        signal.removeEventListener('abort', onAbort)
        worker.off('message', answer.resolve)
      }
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}

export const ranOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
