/**
 * The store as everybody sees it: calls pass over a link to the engine, recent rows are kept here. Bounds are kept by upkeep.ts.
 *
 * An append's rows are built here from its frame and what the engine recorded of it, so that bodies cross the thread once.
 * Answers come in the order of the requests; so a row that the engine could read is in the tail before the engine's answer is.
 */
import { checksumOf, emptyChecksum, plus } from '@watch-hub/shared/protocol/checksum'
import type { Frame } from '@watch-hub/shared/protocol/frames'
import { indexChunk } from '@watch-hub/shared/protocol/limits'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import type { Input, Output, StreamOfPlan } from './calls.ts'
import { rowsOfFrame } from './engine/log-row.ts'
import type { Link } from './link/link.ts'
import { memoryTail } from './memory-tail.ts'
import type {
  Append,
  Context,
  DeadLetterFilter,
  DeadLetterHead,
  DeadLetters,
  EndpointState,
  Page,
  Resynced,
  Store,
} from './store.ts'
import { tellBatch, tellObject, tellStory, whileAsked } from './tell-story.ts'
import { startUpkeep, type UpkeepSettings } from './upkeep.ts'

export interface FrontSettings extends UpkeepSettings {
  /** Bounds of the rows kept in memory. @default 32 MiB or a quarter of `logLimit`, 50 000 rows */
  readonly tail?: { readonly bytes: number; readonly rows: number }
}

/** What is in memory cannot be compacted: of a small log it is a small part. */
const tailOf = ({ tail, logLimit = Number.POSITIVE_INFINITY }: FrontSettings) =>
  tail ?? { bytes: Math.min(32 * 1024 * 1024, logLimit / 4), rows: 50_000 }
const contextsKept = 1_000

export function createStore(link: Link, settings: FrontSettings = {}): Store {
  const tail = memoryTail({ head: link.head, ...tailOf(settings) })
  const listeners = new Set<Parameters<Store['onAppend']>[0]>()
  const upkeep = startUpkeep({ link, floor: () => tail.floor }, settings)
  const contexts = new Map<string, Context>()
  const reads = { memory: 0, disk: 0 }
  let closing: Promise<void> | undefined

  const append = async (cluster: string, frame: Frame): Promise<Append> => {
    const appended = await link.call('append', { cluster, frame })
    if (appended.kind !== 'stored') return appended
    const rows = rowsOfFrame(frame, appended)
    tail.push(rows)
    if (rows.length > 0 || appended.ready.length > 0) for (const listener of listeners) listener(rows, appended.ready)
    return { kind: 'stored', rows, ...(appended.mismatches !== undefined && { mismatches: appended.mismatches }) }
  }
  const context = async (key: string): Promise<Context> => {
    const known = contexts.get(key) ?? (await link.call('context', key))
    if (contexts.size >= contextsKept) contexts.clear()
    contexts.set(key, known)
    return known
  }
  const close = async (): Promise<void> => {
    await using _link = link
    await using _upkeep = upkeep
  }
  return {
    ended: link.ended,
    hubId: link.hubId,
    activate: (activation) => link.call('activate', activation),
    readIndex: (of, signal) => readIndex(link, of, signal),
    isDoubted: (of) => link.call('isDoubted', of),
    append: (cluster, frame, signal) => upkeep.pass(() => append(cluster, frame), signal),
    onAppend: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    endpoint: (name) => endpoint(link, name),
    standing: (name) => link.call('standing', name),
    read: async (endpoint, from, limits) => {
      const where = tail.covers(from) ? 'memory' : 'disk'
      const read = where === 'memory' ? tail.read(endpoint, from, limits) : await link.call('read', { endpoint, from, limits })
      reads[where] += read.rows.length
      return read
    },
    rows: (sequences) => link.call('rows', sequences),
    readScan: (id, limits) => link.call('readScan', { id, limits }),
    resync: (order) => resync(link, order),
    resyncDue: async (periods) => {
      const endpoints = new Set<string>()
      for (;;) {
        const some = await link.call('resyncDue', periods)
        if (some.length === 0) return [...endpoints]
        for (const endpoint of some) endpoints.add(endpoint)
      }
    },
    dropBacklog: async (name) => {
      // The scans first: from then on everything that is passed over will be told by one of them.
      const scans = await resync(link, { endpoint: name, again: true })
      try {
        return { ...scans, dropped: await inSteps((position) => link.call('dropBacklog', { endpoint: name, ...position })) }
      } finally {
        tail.clear()
      }
    },
    freeze: (step) => link.call('freeze', { ...step, deadLetterLimit: upkeep.figures.deadLetterLimit }),
    deadLetters: (of) => deadLetters(link, of),
    deadLetter: (id) => link.call('deadLetter', id),
    dropDeadLetters: async (filter) => inSteps((position) => link.call('dropDeadLetters', { ...filter, ...position })),
    readReplay: (name, ids) => link.call('readReplay', { endpoint: name, ids }),
    attempts: (of) => link.call('attempts', of),
    context,
    tail: async (from, limit) => tail.newest(from, limit) ?? link.call('tail', { from, limit }),
    head: async () => tail.head,
    story: (sequence, { endpoint, signal } = {}) => {
      const steps = whileAsked(link, signal)
      return tellStory(steps, { sequence, endpoint, deadLetters: (of) => deadLetters(steps, of) })
    },
    batchStory: async (id, signal) => tellBatch(whileAsked(link, signal), id),
    objectEvents: async (object, limit, signal) => tellObject(whileAsked(link, signal), object, limit),
    saveToken: (token) => link.call('saveToken', token),
    join: (attempt) => link.call('join', attempt),
    openProcess: (cluster, process, before) => link.call('openProcess', { cluster, process, ...before }),
    revoke: (cluster, now) => link.call('revoke', { cluster, now }),
    agents: () => link.call('agents', undefined),
    setPaused: (endpoint, pause) => link.call('setPaused', { endpoint, ...(pause !== undefined && { pause }) }),
    paused: () => link.call('paused', undefined),
    get state() {
      return upkeep.figures.state
    },
    stats: async () => {
      const callsWaiting = link.waiting
      return { ...(await link.call('stats', undefined)), ...upkeep.figures, callsWaiting, reads: { ...reads } }
    },
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
  let checksum = emptyChecksum
  for (let after: string | undefined = ''; after !== undefined; ) {
    signal.throwIfAborted()
    const chunk: readonly IndexEntry[] = await link.call('index', { ...of, after, limit: indexChunk })
    checksum = plus(checksum, checksumOf(chunk))
    if (chunk.length > 0) yield chunk
    after = chunk.length < indexChunk ? undefined : chunk.at(-1)?.uid
  }
  await link.call('indexRead', { ...of, checksum })
}

async function resync(link: Link, order: Input<'resync'>): Promise<Resynced> {
  let begun = 0
  let running = 0
  for (let after: string | undefined; ; ) {
    const step = await link.call('resync', { ...order, ...(after !== undefined && { after }) })
    begun += step.begun
    running += step.running
    after = step.next
    if (after === undefined) return { begun, running }
  }
}

/** Goes on until a step names no next one. */
async function inSteps(
  step: (position: { readonly after?: string }) => Promise<{ readonly dropped: number; readonly next?: string }>,
): Promise<number> {
  let dropped = 0
  for (let after: string | undefined; ; ) {
    const some = await step(after === undefined ? {} : { after })
    dropped += some.dropped
    after = some.next
    if (after === undefined) return dropped
  }
}

/** Only the endpoint's courier freezes, and it is the one who asks: between two pages nothing changes. */
async function endpoint(link: Link, name: string): Promise<EndpointState> {
  const { next, ...first } = await link.call('endpoint', { name })
  const batches = [...first.batches]
  const tried = new Map(first.tried)
  for (let after = next; after !== undefined; ) {
    const page: Output<'endpoint'> = await link.call('endpoint', { name, after })
    batches.push(...page.batches)
    for (const [id, each] of page.tried ?? []) tried.set(id, each)
    after = page.next
  }
  return { ...first, batches, ...(tried.size > 0 && { tried }) }
}

async function deadLetters(link: Pick<Link, 'call'>, { limit, ...of }: DeadLetterFilter & Page): Promise<DeadLetters> {
  const letters: DeadLetterHead[] = []
  for (let after = of.after; ; ) {
    const page: DeadLetters = await link.call('deadLetters', {
      ...of,
      limit: limit - letters.length,
      ...(after !== undefined && { after }),
    })
    letters.push(...page.letters)
    after = page.next
    if (after === undefined) return { letters }
    if (letters.length >= limit) return { letters, next: after }
  }
}
