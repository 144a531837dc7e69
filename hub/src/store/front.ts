/**
 * The store as everybody sees it: calls pass over a link to the engine, recent rows are kept here, old ones are pruned now and then.
 *
 * An append's rows are built here from its frame and what the engine recorded of it, so that bodies cross the thread once.
 * Answers come in the order of the requests; so a row that the engine could read is in the tail before the engine's answer is.
 */
import { indexChunk } from '@watch-hub/shared/protocol/limits'
import { type Log, silentLog } from '@watch-hub/shared/runtime/log'
import { sleep as realSleep, type Sleep } from '@watch-hub/shared/runtime/sleep'
import { isAbort, Task } from '@watch-hub/shared/runtime/task'
import type { StreamOfPlan } from './calls.ts'
import { rowsOfFrame } from './engine/log-row.ts'
import type { Link } from './link/link.ts'
import { memoryTail } from './memory-tail.ts'
import type { Append, Context, LogRow, Store } from './store.ts'

export interface FrontSettings {
  /** How long the log keeps rows that nobody needs any more. @default 24 h */
  readonly retentionMs?: number
  /** @default 60 000 */
  readonly pruneEveryMs?: number
  /** Bounds of the rows kept in memory. @default 32 MiB, 50 000 rows */
  readonly tail?: { readonly bytes: number; readonly rows: number }
  /** @default silent */
  readonly log?: Log
  /** For tests. @default the real one */
  readonly sleep?: Sleep
}

const defaultTail = { bytes: 32 * 1024 * 1024, rows: 50_000 }
const contextsKept = 1_000

export function createStore(link: Link, settings: FrontSettings = {}): Store {
  const tail = memoryTail({ head: link.head, ...(settings.tail ?? defaultTail) })
  const listeners = new Set<(rows: readonly LogRow[]) => void>()
  const pruning = startPruning(link, settings)
  const contexts = new Map<string, Context>()
  let closing: Promise<void> | undefined

  const append: Store['append'] = async (cluster, frame): Promise<Append> => {
    const appended = await link.call('append', { cluster, frame })
    if (appended.kind !== 'stored') return appended
    const rows = rowsOfFrame(frame, appended)
    if (rows.length > 0) {
      tail.push(rows)
      for (const listener of listeners) listener(rows)
    }
    return { kind: 'stored', rows }
  }
  const context = async (key: string): Promise<Context> => {
    const known = contexts.get(key) ?? (await link.call('context', key))
    if (contexts.size >= contextsKept) contexts.clear()
    contexts.set(key, known)
    return known
  }
  const close = async (): Promise<void> => {
    await using _link = link
    await using _pruning = pruning
  }
  return {
    ended: link.ended,
    hubId: link.hubId,
    activate: (activation) => link.call('activate', activation),
    readIndex: (of, signal) => readIndex(link, of, signal),
    append,
    onAppend: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    endpoint: (name) => link.call('endpoint', name),
    read: async (endpoint, from, limits) =>
      tail.covers(from) ? tail.read(endpoint, from, limits) : link.call('read', { endpoint, from, limits }),
    rows: (sequences) => link.call('rows', sequences),
    readScan: (id, limits) => link.call('readScan', { id, limits }),
    freeze: (step) => link.call('freeze', step),
    context,
    tail: async (from, limit) => tail.newest(from, limit) ?? link.call('tail', { from, limit }),
    head: async () => tail.head,
    saveToken: (token) => link.call('saveToken', token),
    join: (attempt) => link.call('join', attempt),
    openProcess: (cluster, process) => link.call('openProcess', { cluster, process }),
    revoke: (cluster, now) => link.call('revoke', { cluster, now }),
    agents: () => link.call('agents', undefined),
    setPaused: (endpoint, pause) => link.call('setPaused', { endpoint, ...(pause !== undefined && { pause }) }),
    paused: () => link.call('paused', undefined),
    stats: () => link.call('stats', undefined),
    [Symbol.asyncDispose]: () => {
      closing ??= close()
      return closing
    },
  }
}

async function* readIndex(link: Link, of: StreamOfPlan, signal: AbortSignal) {
  let position: string | undefined
  do {
    signal.throwIfAborted()
    position = await link.call('inherit', { ...of, ...(position !== undefined && { position }) })
  } while (position !== undefined)
  for (let after = ''; ; ) {
    signal.throwIfAborted()
    const chunk = await link.call('index', { ...of, after, limit: indexChunk })
    if (chunk.length > 0) yield chunk
    const last = chunk.at(-1)
    if (last === undefined || chunk.length < indexChunk) return
    after = last.uid
  }
}

function startPruning(link: Link, settings: FrontSettings): Task {
  const { retentionMs = 24 * 3_600_000, pruneEveryMs = 60_000, log = silentLog, sleep = realSleep } = settings
  return new Task(async (signal) => {
    for (;;) {
      await sleep(pruneEveryMs, signal)
      try {
        while (await link.call('prune', { retentionMs })) signal.throwIfAborted()
      } catch (error) {
        if (isAbort(error, signal)) throw error
        log.warn('the log could not be pruned, trying again later', { error, afterMs: pruneEveryMs })
      }
    }
  })
}
