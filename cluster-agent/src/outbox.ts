/**
 * Outbox: what this agent has seen and the hub has not yet acknowledged.
 *
 * An entry waits in the queue of its stream → is sealed into a numbered frame → is forgotten when the hub acks that frame, never before (law 1).
 *   order     within a stream, as offered; between streams, turn by turn
 *   bound     bytes and entries, sealed ones included; when it is full, `offer` waits, and with it the watch that feeds it
 *   a frame   holds entries of one plan; numbers run 1, 2, 3, …; sealed means fixed: a replay is the same frame again
 * How frames travel is the hub link's business.
 */
import type { Entry, Frame, FrameStream, ObjectEntry, SyncedEntry } from '@watch-hub/shared/protocol/frames'
import { frameBytes, frameEntries } from '@watch-hub/shared/protocol/limits'
import { type Bell, bell } from '@watch-hub/shared/runtime/bell'
import { moment } from '@watch-hub/shared/runtime/moment'
import { waitingRoom } from './waiting-room.ts'

/** An entry before it has a place in a frame. */
export type NewEntry = Omit<ObjectEntry, 's'> | Omit<SyncedEntry, 's'>
export type SealedFrame = Omit<Frame, 'process'>

export interface Offer {
  readonly stream: FrameStream
  readonly entry: NewEntry
  /** Hash of the plan under which it was seen. */
  readonly plan: string
}

export interface OutboxFigures {
  /** Held: waiting or sealed. */
  readonly entries: number
  readonly bytes: number
  /** Sealed and not yet acknowledged. */
  readonly frames: number
  /** Offers that wait for room. */
  readonly waiting: number
}

export interface Outbox {
  /** Resolves once the entry is held. Rejects with the signal's reason, or with `OutboxReset`; the entry is not held then. */
  offer(offer: Offer, signal: AbortSignal): Promise<void>
  /** The next frame to send: one to be replayed, else a newly sealed one; undefined when there is nothing. */
  next(): SealedFrame | undefined
  /** Rings when `next` may have something, and after each ack. */
  readonly ready: Bell
  /** Frames that `next` gave since the last `replayFrom` and that are not acknowledged. */
  readonly inFlight: number
  /** Number of the last acknowledged frame; 0 = none. */
  readonly acked: number
  /** Number of the last frame that was sealed; 0 = none. */
  readonly sealed: number
  /** All frames up to this number are durable. */
  ack(frame: number): void
  /** A new connection: frames up to `lastFrame` are durable, `next` gives those after it again. */
  replayFrom(lastFrame: number): void
  /** Resolves once no entry of these streams is held. */
  flushed(streams: readonly string[], signal: AbortSignal): Promise<void>
  /** Resolves once nothing is held at all. */
  drained(signal: AbortSignal): Promise<void>
  /** Forgets everything and numbers from 1 again. Offers that wait are refused with `OutboxReset`. */
  reset(): void
  figures(): OutboxFigures
}

export interface OutboxSettings {
  /** @default 3 MiB */
  readonly maxBytes?: number
  /** @default 10 000 */
  readonly maxEntries?: number
  /** @default Date.now */
  readonly now?: () => number
}

/** The outbox was emptied while this offer waited: what it was compared with is no longer true. */
export class OutboxReset extends Error {
  override readonly name = 'OutboxReset'
  constructor() {
    super('the outbox was reset while the entry waited for room')
  }
}

interface Held extends Offer {
  readonly bytes: number
}

interface Sealed {
  readonly frame: SealedFrame
  readonly held: readonly Held[]
}

/** Roughly what an entry needs besides its body: on the wire and, a little more, in memory. */
const entryOverhead = 300

export function createOutbox(settings: OutboxSettings = {}): Outbox {
  const { maxBytes = 3 * 1024 * 1024, maxEntries = 10_000, now = Date.now } = settings
  const ready = bell()
  /** In order of arrival: a large entry that finds no room is not passed for ever. Each watch waits with one entry at a time. */
  const forRoom = waitingRoom({ inOrder: true })
  const forFlush = waitingRoom({ inOrder: false })
  /** In the order of their turns; an empty queue is not listed. */
  const queues = new Map<string, Held[]>()
  const sealed: Sealed[] = []
  /** Entries held, by stream. */
  const heldOf = new Map<string, number>()
  let sent = 0
  let acked = 0
  let entries = 0
  let bytes = 0

  const hold = (held: Held): boolean => {
    if (entries > 0 && (entries >= maxEntries || bytes + held.bytes > maxBytes)) return false
    const { id } = held.stream
    const queue = queues.get(id)
    if (queue === undefined) queues.set(id, [held])
    else queue.push(held)
    heldOf.set(id, (heldOf.get(id) ?? 0) + 1)
    entries++
    bytes += held.bytes
    ready.ring()
    return true
  }

  const forget = (held: Held) => {
    const { id } = held.stream
    const left = (heldOf.get(id) ?? 0) - 1
    if (left > 0) heldOf.set(id, left)
    else heldOf.delete(id)
    entries--
    bytes -= held.bytes
  }

  const seal = (): SealedFrame | undefined => {
    const held = takeFrame(queues)
    const first = held[0]
    if (first === undefined) return undefined
    const streams = [...new Set(held.map(({ stream }) => stream))]
    const frame = {
      plan: first.plan,
      number: acked + sealed.length + 1,
      streams,
      sealedAt: now(),
      entries: held.map(({ stream, entry }): Entry => ({ ...entry, s: streams.indexOf(stream) })),
    }
    sealed.push({ frame, held })
    moment('frame-sealed')
    return frame
  }

  const ack = (frame: number) => {
    const last = acked + sealed.length
    if (frame > last) throw new Error(`expected the hub to acknowledge frame ${last} at most, got ${frame}`)
    const durable = sealed.splice(0, Math.max(0, frame - acked))
    acked += durable.length
    sent = Math.max(0, sent - durable.length)
    for (const { held } of durable) held.forEach(forget)
    forRoom.look()
    forFlush.look()
    ready.ring()
  }

  return {
    offer: (offer, signal) => {
      const held = { ...offer, bytes: sizeOf(offer.entry) }
      return forRoom.wait(() => hold(held), signal)
    },
    next: () => {
      const frame = sealed[sent]?.frame ?? seal()
      if (frame !== undefined) sent++
      return frame
    },
    ready,
    get inFlight() {
      return sent
    },
    get acked() {
      return acked
    },
    get sealed() {
      return acked + sealed.length
    },
    ack,
    replayFrom: (lastFrame) => {
      ack(lastFrame)
      sent = 0
    },
    flushed: (streams, signal) => forFlush.wait(() => streams.every((id) => !heldOf.has(id)), signal),
    drained: (signal) => forFlush.wait(() => entries === 0, signal),
    reset: () => {
      queues.clear()
      heldOf.clear()
      sealed.length = 0
      sent = acked = entries = bytes = 0
      forRoom.refuse(new OutboxReset())
      forFlush.look()
    },
    figures: () => ({ entries, bytes, frames: sealed.length, waiting: forRoom.size }),
  }
}

/** Takes one entry of each queue in turn while they belong to one plan and fit into a frame. */
function takeFrame(queues: Map<string, Held[]>): readonly Held[] {
  const taken: Held[] = []
  let bytes = 0
  let passed = 0
  while (taken.length < frameEntries && passed < queues.size) {
    const [turn] = queues
    const [id, queue] = turn ?? ['', []]
    const [head] = queue
    if (head === undefined) break
    if (head.plan !== (taken[0] ?? head).plan) passed++
    else {
      if (taken.length > 0 && bytes + head.bytes > frameBytes) break
      queue.shift()
      taken.push(head)
      bytes += head.bytes
      passed = 0
    }
    queues.delete(id)
    if (queue.length > 0) queues.set(id, queue)
  }
  return taken
}

const sizeOf = (entry: NewEntry): number =>
  entryOverhead + ('synced' in entry ? entry.synced.length * 64 : Buffer.byteLength(entry.body ?? ''))
