/**
 * `/api/v1/backup`: the database as one file, at the reader's pace. The length is told first; an answer that is cut short, because the hub
 * stops or the copy cannot be read on, breaks the connection instead of ending like a whole one.
 */
import type { Context } from 'hono'
import type { Backup } from '../store/backup/backups.ts'
import type { Streams } from './events.ts'
import { RequestProblem } from './problem.ts'
import type { HubView } from './view.ts'

export interface BackupDeps {
  readonly view: Pick<HubView, 'backup'>
  readonly streams: Streams
}

export async function answerBackup(c: Context, { view, streams }: BackupDeps): Promise<Response> {
  const backup = await view.backup(AbortSignal.any([c.req.raw.signal, streams.stop]))
  if (backup.kind === 'refused') throw new RequestProblem(backup.code === 'no-room' ? 507 : 409, backup.code, backup.message)
  return c.body(bodyOf(backup, streams), 200, {
    'Content-Type': 'application/vnd.sqlite3',
    'Content-Length': String(backup.bytes),
  })
}

function bodyOf(backup: Extract<Backup, { readonly kind: 'made' }>, { stop, track }: Streams): ReadableStream<Uint8Array> {
  const chunks = backup.chunks[Symbol.asyncIterator]()
  const ended = Promise.withResolvers<void>()
  const end = async () => {
    await backup[Symbol.asyncDispose]()
    ended.resolve()
  }
  void track(ended.promise)
  return new ReadableStream({
    start: (out) => {
      const cut = () => {
        out.error(stop.reason)
        void end()
      }
      if (stop.aborted) cut()
      else stop.addEventListener('abort', cut, { once: true })
      void ended.promise.then(() => stop.removeEventListener('abort', cut))
    },
    pull: async (out) => {
      try {
        const next = await chunks.next()
        if (!next.done) return out.enqueue(next.value)
        out.close()
      } catch (error) {
        await end()
        throw error
      }
      await end()
    },
    cancel: end,
  })
}
