/**
 * `/api/v1/events`: the log as lines of JSON. Written at the reader's pace: while it does not read, no further row is taken from the view.
 * The headers go out at once; what fails later is told in a last line.
 */

import type { Log } from '@watch-hub/shared/runtime/log'
import { isAbort } from '@watch-hub/shared/runtime/task'
import type { Context } from 'hono'
import { stream } from 'hono/streaming'
import type { StreamingApi } from 'hono/utils/stream'
import { encodeEvent } from './event-line.ts'
import { flag, type Query, refuseOthers, texts, whole } from './query.ts'
import type { EventFilter, HubView } from './view.ts'

const defaultLimit = 100
const maxLimit = 10_000

const names = ['cluster', 'watch', 'endpoint', 'resource'] as const
const known: readonly string[] = [...names, 'from', 'limit', 'follow']

/** What streams that go on by themselves share with the server they belong to. */
export interface Streams {
  /** Ends all of them. */
  readonly stop: AbortSignal
  /** Gives `run` back; the server waits for it before it is gone. */
  track(run: Promise<void>): Promise<void>
}

export interface EventsDeps {
  readonly view: Pick<HubView, 'events'>
  readonly log: Log
  readonly streams: Streams
}

export function answerEvents(c: Context, { view, log, streams }: EventsDeps): Response {
  const filter = readFilter(c.req.query())
  c.header('Content-Type', 'application/x-ndjson')
  const left = new AbortController()
  const signal = AbortSignal.any([left.signal, streams.stop])
  const pump = async (out: StreamingApi) => {
    try {
      for await (const row of view.events(filter, signal)) {
        if (signal.aborted) return
        await out.write(encodeEvent(row))
      }
    } catch (error) {
      if (isAbort(error, signal)) return
      log.error('event stream failed', { error })
      await out.write(`${JSON.stringify({ code: 'internal', message: broken })}\n`)
    }
  }
  return stream(c, (out) => {
    out.onAbort(() => left.abort())
    return streams.track(pump(out))
  })
}

const broken = 'the hub could not go on with this stream: its log says why'

export function readFilter(query: Query): EventFilter {
  refuseOthers(query, known)
  const from = query.from === undefined ? {} : { from: whole('from', query.from, { max: Number.MAX_SAFE_INTEGER }) }
  return {
    ...texts(query, names),
    ...from,
    limit: query.limit === undefined ? defaultLimit : whole('limit', query.limit, { max: maxLimit }),
    follow: flag('follow', query.follow),
  }
}
