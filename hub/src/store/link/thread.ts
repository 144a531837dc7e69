/**
 * A link to an engine in a thread of its own, so that no commit ever holds up the event loop.
 * The worker's file lies beside this one: `worker.ts` where the sources run as they are, `worker.js` where they were bundled.
 */
import { Worker } from 'node:worker_threads'
import type { CallName, Input } from '../calls.ts'
import type { Reply } from './group.ts'
import type { Link, Opened } from './link.ts'
import { pending } from './pending.ts'
import { fromPlain, type PlainError } from './plain-error.ts'

export interface ThreadSettings {
  readonly file: string
}

export type Request<K extends CallName = CallName> = {
  readonly [P in K]: { readonly id: number; readonly op: P; readonly input: Input<P> }
}[K]

export type ToThread = Request | 'close'
export type FromThread = { readonly opened: Opened } | { readonly failed: PlainError } | { readonly replies: readonly Reply[] }

const workerFile = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'

export interface ThreadLink extends Link {
  /** Ends the thread at once, as a crash would. */
  kill(): Promise<void>
}

export async function openThread(settings: ThreadSettings): Promise<ThreadLink> {
  const worker = new Worker(new URL(workerFile, import.meta.url), { workerData: settings, name: 'store' })
  const requests = pending()
  const opening = Promise.withResolvers<Opened>()
  const exited = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  ended.promise.catch(() => {}) // the owner looks at it; a store that never opened says so by `opening`
  let closing = false
  let isOpen = false
  const end = (why: Error) => {
    requests.end(why)
    opening.reject(why)
    if (!closing) ended.reject(why)
  }
  worker.on('message', (message: FromThread) => {
    if ('replies' in message) requests.settle(message.replies)
    else if ('opened' in message) {
      isOpen = true
      opening.resolve(message.opened)
    } else
      end(
        new Error(`${isOpen ? 'cannot go on with' : 'cannot open'} the store in ${settings.file}`, {
          cause: fromPlain(message.failed),
        }),
      )
  })
  worker.on('error', (error) => end(new Error("the store's thread failed", { cause: error })))
  worker.on('exit', () => {
    end(new Error(closing ? 'the store is closed' : "the store's thread ended"))
    ended.resolve()
    exited.resolve()
  })
  const opened = await opening.promise
  return {
    ...opened,
    ended: ended.promise,
    get waiting() {
      return requests.size
    },
    call: async <K extends CallName>(op: K, input: Input<K>) => {
      const { id, answer } = requests.open(op)
      const request: Request<K> = { id, op, input }
      worker.postMessage(request)
      return answer
    },
    kill: async () => {
      await worker.terminate()
    },
    [Symbol.asyncDispose]: async () => {
      closing = true
      const message: ToThread = 'close'
      worker.postMessage(message)
      await exited.promise
    },
  }
}
