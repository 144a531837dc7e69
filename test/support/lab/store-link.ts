/**
 * The store's engine on a file, behind a link that can crash. It answers like the one in a thread: a request takes effect one turn of the event
 * loop later, and its answer comes one turn after that. A crash in between leaves what was committed and loses the answer.
 */
import type { CallName, Input } from '@watch-hub/hub/store/calls'
import type { Step } from '@watch-hub/hub/store/link/group'
import { openHost } from '@watch-hub/hub/store/link/host'
import type { Link } from '@watch-hub/hub/store/link/link'
import { pending } from '@watch-hub/hub/store/link/pending'

export interface CrashableLink extends Link {
  /** What was not committed is gone, and nobody is answered any more. */
  kill(): void
}

export function openCrashable({ file, now }: { readonly file: string; readonly now: () => number }): CrashableLink {
  const host = openHost(file, now)
  const requests = pending()
  const queue: Step[] = []
  const ended = Promise.withResolvers<void>()
  let open = true

  const run = () => {
    for (let first = open ? queue.shift() : undefined; first !== undefined; first = queue.shift()) {
      const replies = host.run(first, () => queue.shift())
      setImmediate(() => requests.settle(replies))
    }
  }
  const end = (why: string) => {
    if (!open) return
    open = false
    requests.end(new Error(why))
    host[Symbol.dispose]()
    ended.resolve()
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
      if (queue.length === 0) setImmediate(run)
      queue.push({ id, run: (ops) => ops[op](input) })
      return answer
    },
    kill: () => end('the store was killed'),
    [Symbol.asyncDispose]: async () => {
      run()
      await new Promise((resolve) => setImmediate(resolve))
      end('the store is closed')
    },
  }
}
