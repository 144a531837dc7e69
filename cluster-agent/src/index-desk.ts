/**
 * Index desk: requests for what the hub holds, and the chunks that answer them. One request is on its way at a time; those that wait
 * for a connection go out on the next one. A broken connection fails the request that was on its way: its asker asks again.
 */
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import { bell } from '@watch-hub/shared/runtime/bell'

interface Request {
  readonly request: number
  readonly stream: string
  readonly chunks: (readonly IndexEntry[])[]
  readonly news: ReturnType<typeof bell>
  received: number
  state: 'waiting' | 'asked' | 'complete' | { readonly failed: Error }
}

export interface IndexDesk {
  load(stream: string, signal: AbortSignal): AsyncIterable<readonly IndexEntry[]>
  /** The next request to send. */
  next(signal: AbortSignal): Promise<{ readonly request: number; readonly stream: string }>
  chunk(of: { readonly request: number; readonly objects: readonly IndexEntry[] }): void
  end(of: { readonly request: number; readonly objects: number }): void
  /** The connection is gone. */
  hangUp(why: Error): void
}

export function openIndexDesk(): IndexDesk {
  const open: Request[] = []
  const work = bell()
  let numbers = 0

  const asked = (request: number) => open.find((each) => each.request === request && each.state === 'asked')
  const settle = (of: Request, state: Request['state']) => {
    of.state = state
    of.news.ring()
    work.ring()
  }

  async function* load(stream: string, signal: AbortSignal): AsyncGenerator<readonly IndexEntry[]> {
    const mine: Request = { request: ++numbers, stream, chunks: [], news: bell(), received: 0, state: 'waiting' }
    open.push(mine)
    work.ring()
    try {
      for (;;) {
        const chunk = mine.chunks.shift()
        if (chunk !== undefined) yield chunk
        else if (mine.state === 'complete') return
        else if (typeof mine.state === 'object') throw mine.state.failed
        else await mine.news.wait(signal)
      }
    } finally {
      open.splice(open.indexOf(mine), 1)
      work.ring()
    }
  }

  return {
    load,
    next: async (signal) => {
      for (;;) {
        const busy = open.some((each) => each.state === 'asked')
        const first = busy ? undefined : open.find((each) => each.state === 'waiting')
        if (first !== undefined) {
          first.state = 'asked'
          return { request: first.request, stream: first.stream }
        }
        await work.wait(signal)
      }
    },
    chunk: ({ request, objects }) => {
      const mine = asked(request)
      if (mine === undefined) return // its asker went away
      mine.received += objects.length
      mine.chunks.push(objects)
      mine.news.ring()
    },
    end: ({ request, objects }) => {
      const mine = asked(request)
      if (mine === undefined) return
      const whole = mine.received === objects
      settle(
        mine,
        whole ? 'complete' : { failed: new Error(`expected an index of ${objects} objects from the hub, got ${mine.received}`) },
      )
    },
    hangUp: (why) => {
      for (const each of open) if (each.state === 'asked') settle(each, { failed: why })
    },
  }
}
