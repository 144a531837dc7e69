/**
 * What a kind's reflector reports to: each object goes to every stream of the kind, and what the streams say goes to the outbox.
 * A list that would delete more than half of a stream, and at least 100 objects, is believed when it comes a second time (law 2).
 */
import { formatTraceparent, newTrace } from '@watch-hub/shared/protocol/traceparent'
import type { Log } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Outbox } from '../outbox.ts'
import type { ResourceKind } from './discovery.ts'
import type { ListCause, Sink } from './reflector.ts'
import type { Change, Sighting, Stream } from './stream.ts'

/** Watches with the definitions that the hub is told to be in step. */
export interface SyncedStream extends Stream {
  readonly synced: readonly { readonly watch: string; readonly definition: string }[]
}

export interface StreamSinkSettings {
  /** For the kind as the server serves it now. */
  readonly streams: (kind: ResourceKind) => readonly SyncedStream[]
  readonly outbox: Pick<Outbox, 'offer'>
  /** Hash of the plan that new entries belong to. */
  readonly planHash: () => string
  readonly state: Sink['state']
  readonly log: Log
  /** ms since 1970 */
  readonly now: () => number
}

const doubtfulFrom = 100

/** `signal` ends the waiting for room in the outbox. */
export function createStreamSink(settings: StreamSinkSettings, signal: AbortSignal): Sink {
  const { outbox, planHash, log, now } = settings
  let streams: readonly SyncedStream[] = []
  /** Objects per stream when the list began. */
  let before: readonly number[] = []
  let doubted = false

  const put = async (stream: Stream, { entry, apply }: Change) => {
    const traced = { ...entry, traceparent: formatTraceparent(newTrace()) }
    await outbox.offer({ stream: stream.frame, entry: traced, plan: planHash() }, signal)
    apply()
  }
  let cause: ListCause = 'list'
  const byList = () => ({ cause, observedAt: now() })

  const isDoubtful = () =>
    streams.some(({ index }, i) => index.unseenCount >= doubtfulFrom && index.unseenCount * 2 > (before[i] ?? 0))

  const settle = async (stream: SyncedStream) => {
    for (const change of stream.missing(byList())) await put(stream, change)
    const entry = { synced: stream.synced, checksum: stream.index.checksum, ...byList() }
    await outbox.offer({ stream: stream.frame, entry, plan: planHash() }, signal)
    stream.index.doubted = false
    moment('synced-offered')
  }

  return {
    begin: (kind, why) => {
      cause = why
      streams = settings.streams(kind)
      before = streams.map(({ index }) => index.size)
      for (const { index } of streams) index.unseeAll()
    },
    listed: async (objects) => {
      const sighting = byList()
      for (const object of objects)
        for (const stream of streams) for (const change of stream.present(object, 'added', sighting)) await put(stream, change)
    },
    complete: async () => {
      if (isDoubtful() && !doubted) {
        doubted = true
        log.warn('a list lacks more than half of what is known: it is repeated before it is believed', {
          missing: streams.map(({ index }) => index.unseenCount),
        })
        return false
      }
      doubted = false
      moment('list-complete')
      for (const stream of streams) await settle(stream)
      return true
    },
    event: async ({ type, object }) => {
      const sighting: Sighting = { cause: 'live', observedAt: now() }
      for (const stream of streams) {
        const changes =
          type === 'DELETED'
            ? stream.deleted(object, sighting)
            : stream.present(object, type === 'ADDED' ? 'added' : 'modified', sighting)
        for (const change of changes) await put(stream, change)
      }
    },
    state: settings.state,
  }
}
