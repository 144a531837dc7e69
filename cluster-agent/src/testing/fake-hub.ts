/** The hub's side of an outbox, in memory: applies frames, acknowledges them, tells the index. Says when a rule of the protocol is broken. */
import { checksumOf } from '@watch-hub/shared/protocol/checksum'
import type { Entry, FrameStream } from '@watch-hub/shared/protocol/frames'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Outbox } from '../outbox.ts'

export interface Held extends IndexEntry {
  readonly body: string
}

export interface FakeHub extends AsyncDisposable {
  /** By stream and `namespace/name`. */
  readonly inventory: ReadonlyMap<string, ReadonlyMap<string, Held>>
  /** Every entry, in order: `change name@uid cause`. */
  readonly log: string[]
  loadIndex(stream: string): AsyncGenerator<readonly IndexEntry[], { readonly checksum: number }>
  /** Resolves when `holds`; it is looked at after each frame. */
  until(holds: () => boolean): Promise<void>
  /** Serves another outbox, as after a restart of the agent. */
  serve(outbox: Outbox): void
  /** No frames are taken until `resume`. */
  pause(): void
  resume(): void
}

export function fakeHub(first: Outbox): FakeHub {
  const inventory = new Map<string, Map<string, Held>>()
  const log: string[] = []
  const waiting = new Map<() => boolean, () => void>()
  let outbox = first
  let paused: PromiseWithResolvers<void> | undefined
  let served: Task

  const apply = (entry: Entry, { id }: FrameStream) => {
    const rows = inventory.get(id) ?? new Map<string, Held>()
    inventory.set(id, rows)
    if ('synced' in entry) {
      const own = checksumOf(rows.values())
      if (entry.checksum !== own)
        throw new Error(`expected the index of ${id} to be what the hub holds: ${own}, got ${entry.checksum}`)
      return void log.push('synced')
    }
    const { uid, namespace, name, resourceVersion, hash = '', matches, change, cause } = entry
    const key = `${namespace}/${name}`
    const before = rows.get(key)
    if (before !== undefined && before.uid !== uid) throw new Error(`${change} of ${key}@${uid} while ${before.uid} is not gone`)
    log.push(`${matches.length > 0 || change === 'gone' ? change : 'left'} ${name}@${uid} ${cause}`)
    if (matches.length === 0) return void rows.delete(key)
    const body = entry.body ?? (before?.hash === hash ? before.body : undefined)
    if (body === undefined) throw new Error(`expected a body with the new hash of ${key}, got none`)
    rows.set(key, { uid, namespace, name, resourceVersion, hash, matches, body })
  }

  const serve = (next: Outbox) =>
    new Task(async (signal) => {
      for (;;) {
        await paused?.promise
        const frame = next.next()
        if (frame === undefined) {
          await next.ready.wait(signal)
          continue
        }
        for (const entry of frame.entries) {
          const stream = frame.streams[entry.s]
          if (stream !== undefined) apply(entry, stream)
        }
        next.ack(frame.number)
        for (const [holds, resolve] of waiting) if (holds()) resolve()
      }
    })
  served = serve(outbox)

  return {
    inventory,
    log,
    async *loadIndex(stream) {
      const rows = [...(inventory.get(stream)?.values() ?? [])]
      yield rows
      return { checksum: checksumOf(rows) }
    },
    until: (holds) => {
      if (holds()) return Promise.resolve()
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.set(holds, resolve)
      return Promise.race([promise, served.done]).finally(() => waiting.delete(holds))
    },
    serve: (next) => {
      void served[Symbol.asyncDispose]()
      outbox = next
      served = serve(outbox)
    },
    pause: () => {
      paused = Promise.withResolvers()
    },
    resume: () => paused?.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(served[Symbol.asyncDispose]()),
  }
}
