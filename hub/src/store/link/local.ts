/** A link to an engine in this thread: the same rules without the thread, for tests and for databases that nobody keeps. */
import type { CallName, Input } from '../calls.ts'
import type { Step } from './group.ts'
import { openHost } from './host.ts'
import type { Link } from './link.ts'
import { pending } from './pending.ts'

export interface LocalSettings {
  /** `:memory:` for a database that ends with the link. */
  readonly file: string
  /** Hub's clock, ms. @default Date.now */
  readonly now?: () => number
}

/** Requests of one turn of the event loop make a group. */
export function openLocal({ file, now }: LocalSettings): Link {
  const host = openHost(file, now)
  const requests = pending()
  const queue: Step[] = []
  const ended = Promise.withResolvers<void>()
  const runAll = () => {
    for (let first = queue.shift(); first !== undefined; first = queue.shift())
      requests.settle(host.run(first, () => queue.shift()))
    host.tidy(true)
  }
  return {
    hubId: host.hubId,
    head: host.head,
    ended: ended.promise,
    get waiting() {
      return requests.size
    },
    call: async <K extends CallName>(op: K, input: Input<K>) => {
      const { id, answer } = requests.open(op)
      if (queue.length === 0) queueMicrotask(runAll)
      queue.push({ id, run: (ops) => ops[op](input) })
      return answer
    },
    [Symbol.asyncDispose]: async () => {
      runAll()
      requests.end(new Error('the store is closed'))
      host[Symbol.dispose]()
      ended.resolve()
    },
  }
}
