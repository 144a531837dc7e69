/**
 * Index desk: requests for what the hub holds, and the chunks that answer them. One request is on its way at a time; those that wait
 * for a connection go out on the next one. A broken connection fails the request that was on its way: its asker asks again.
 * No more than `maxWaiting` chunks wait to be taken: `chunk` resolves when there is room, and until then the connection is not read.
 */
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import { bell } from '@watch-hub/shared/runtime/bell'

/** What the hub says of an index as a whole, see the message `index-end`. */
export interface IndexEnd {
  readonly checksum: number
  readonly doubted?: boolean
}

interface Request {
  readonly request: number
  readonly stream: string
  readonly chunks: (readonly IndexEntry[])[]
  readonly news: ReturnType<typeof bell>
  /** Rings when chunks were taken, and when nobody will take any more. */
  readonly room: ReturnType<typeof bell>
  received: number
  state: 'waiting' | 'asked' | { readonly complete: IndexEnd } | { readonly failed: Error } | 'left'
}

export interface IndexDesk {
  /** Gives the objects in chunks. */
  load(stream: string, signal: AbortSignal): AsyncGenerator<readonly IndexEntry[], IndexEnd>
  /** The next request to send. */
  next(signal: AbortSignal): Promise<{ readonly request: number; readonly stream: string }>
  chunk(of: { readonly request: number; readonly objects: readonly IndexEntry[] }, signal: AbortSignal): Promise<void>
  end(of: IndexEnd & { readonly request: number; readonly objects: number }): void
  /** The connection is gone. */
  hangUp(why: Error): void
}

/** Of chunks. */
const maxWaiting = 2

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

  async function* load(stream: string, signal: AbortSignal): AsyncGenerator<readonly IndexEntry[], IndexEnd> {
    const bells = { news: bell(), room: bell() }
    const mine: Request = { request: ++numbers, stream, chunks: [], ...bells, received: 0, state: 'waiting' }
    open.push(mine)
    work.ring()
    try {
      for (;;) {
        const chunk = mine.chunks.shift()
        mine.room.ring()
        if (chunk !== undefined) yield chunk
        else if (typeof mine.state === 'string') await mine.news.wait(signal)
        else if ('failed' in mine.state) throw mine.state.failed
        else return mine.state.complete
      }
    } finally {
      mine.state = 'left'
      mine.room.ring()
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
    chunk: async ({ request, objects }, signal) => {
      const mine = asked(request)
      if (mine === undefined) return // its asker went away
      mine.received += objects.length
      mine.chunks.push(objects)
      mine.news.ring()
      while (mine.chunks.length > maxWaiting && mine.state === 'asked') await mine.room.wait(signal)
    },
    end: ({ request, objects, checksum, doubted = false }) => {
      const mine = asked(request)
      if (mine === undefined) return
      const short = new Error(`expected an index of ${objects} objects from the hub, got ${mine.received}`)
      settle(mine, mine.received === objects ? { complete: { checksum, doubted } } : { failed: short })
    },
    hangUp: (why) => {
      for (const each of open) if (each.state === 'asked') settle(each, { failed: why })
    },
  }
}
