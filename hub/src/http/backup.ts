/**
 * `/api/v1/backup`: the database as one file, at the reader's pace. The length is told first, and the connection ends with the answer; so one
 * that is cut short, because the hub stops or the copy cannot be read on, is known by its missing bytes.
 */
import type { Log } from '@watch-hub/shared/runtime/log'
import { isAbort } from '@watch-hub/shared/runtime/task'
import type { Context } from 'hono'
import type { Backup } from '../store/backup/backups.ts'
import type { Streams } from './events.ts'
import { RequestProblem } from './problem.ts'
import type { HubView } from './view.ts'

export interface BackupDeps {
  readonly view: Pick<HubView, 'backup'>
  readonly log: Log
  readonly streams: Streams
}

export async function answerBackup(c: Context, { view, log, streams }: BackupDeps): Promise<Response> {
  const { stop, track } = streams
  const backup = await view.backup(AbortSignal.any([c.req.raw.signal, stop]))
  if (backup.kind === 'refused') throw new RequestProblem(backup.code === 'no-room' ? 507 : 409, backup.code, backup.message)
  const { body, ended } = bodyOf(backup, stop, log)
  void track(ended)
  return c.body(body, 200, {
    'Content-Type': 'application/vnd.sqlite3',
    'Content-Length': String(backup.bytes),
    Connection: 'close',
  })
}

function bodyOf(backup: Extract<Backup, { readonly kind: 'made' }>, stop: AbortSignal, log: Log) {
  const chunks = backup.chunks[Symbol.asyncIterator]()
  const over = Promise.withResolvers<void>()
  const end = async () => {
    try {
      await backup[Symbol.asyncDispose]()
    } catch (error) {
      log.warn('the copy of a backup could not be closed', { error })
    }
    over.resolve()
  }
  const body = new ReadableStream<Uint8Array>({
    pull: async (out) => {
      try {
        stop.throwIfAborted()
        const next = await chunks.next()
        if (!next.done) return out.enqueue(next.value)
      } catch (error) {
        if (!isAbort(error, stop)) log.error('the backup could not be read on', { error })
      }
      out.close()
      await end()
    },
    cancel: end,
  })
  return { body, ended: over.promise }
}
