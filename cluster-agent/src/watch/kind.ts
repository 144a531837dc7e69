/**
 * One kind that a plan asks for, with all its streams: what the hub holds of them is loaded, then one reflector keeps them in step.
 * A kind does not change: another definition is another Kind. It never ends by itself: what goes wrong shows in its states, and is tried again.
 */

import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import { type Plan, resourceName, type StreamPlan } from '@watch-hub/shared/protocol/plan'
import type { StreamState } from '@watch-hub/shared/protocol/stream-state'
import { backoff } from '@watch-hub/shared/runtime/backoff'
import { describeError } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import { Task } from '@watch-hub/shared/runtime/task'
import type { IndexEnd } from '../index-desk.ts'
import type { Outbox } from '../outbox.ts'
import type { KindRef, ResourceKind } from './discovery.ts'
import { createIndex, type Index } from './index.ts'
import { bothSinks, type NamespaceLabels } from './namespaces.ts'
import { createReflector, type ReflectorDeps, type ReflectorFigures, type ReflectorSettings, type Sink } from './reflector.ts'
import { createStream } from './stream.ts'
import { createStreamSink, type SyncedStream } from './stream-sink.ts'

/** Gives what the hub holds, in parts, and at last the checksum of all of it. */
export type LoadIndex = (stream: string, signal: AbortSignal) => AsyncGenerator<readonly IndexEntry[], IndexEnd>

export interface KindDeps extends ReflectorDeps {
  readonly outbox: Pick<Outbox, 'offer' | 'flushed'>
  readonly loadIndex: LoadIndex
  readonly namespaceLabels: NamespaceLabels
  /** Hash of the plan that new entries belong to. */
  readonly planHash: () => string
  readonly onState: () => void
  readonly onMatchError: (watch: string, error: string) => void
  /** ms since 1970 */
  readonly clock: () => number
}

export interface KindSettings {
  readonly ref: KindRef
  readonly cluster: Plan['cluster']
  readonly streams: readonly StreamPlan[]
  /** It matches by labels of namespaces. */
  readonly usesNamespaceLabels: boolean
  /** It is the kind `namespaces` and provides those labels. */
  readonly feedsNamespaceLabels: boolean
  /** Indexes that are in step, by stream: of streams that a change of plan left as they were. The others are loaded. */
  readonly indexes: ReadonlyMap<string, Index>
  /** Streams of this resource, former ones too: the hub can tell an index once it holds all of their entries. */
  readonly flush: readonly string[]
  readonly reflector: ReflectorSettings
}

export interface Kind extends AsyncDisposable {
  state(): StreamState
  /** Those that are in step; they stay so when the kind has ended. */
  readonly indexes: ReadonlyMap<string, Index>
  relist(why: string): void
  /** Forgets what is remembered of one stream, loads it from the hub and compares the kind anew. The other streams keep their indexes. */
  reload(stream: string, why: string): void
  figures(): KindFigures
}

export interface KindFigures extends ReflectorFigures {
  /** Indexes that were loaded anew because they were not what the hub holds. */
  readonly reloads: number
}

/** This agent does not understand the plan; waiting does not help. */
class PlanNotUnderstood extends Error {
  override readonly name = 'PlanNotUnderstood'
}

/** What was loaded is not what the hub says it holds. */
class IndexDiffers extends Error {
  override readonly name = 'IndexDiffers'
}

/** Not a failure: what runs ends so that it can begin with another index. */
class Reload extends Error {
  override readonly name = 'Reload'
}

export function startKind(settings: KindSettings, deps: KindDeps): Kind {
  const { ref, streams, usesNamespaceLabels } = settings
  const { outbox, namespaceLabels, sleep, log } = deps
  const random = deps.random === undefined ? {} : { random: deps.random }
  const indexes = new Map(settings.indexes)
  let state: StreamState = { state: 'starting' }
  let waitsForLabels = false

  const setState = (next: StreamState) => {
    state = next
    deps.onState()
  }

  const compile = (plan: StreamPlan, kind: ResourceKind): SyncedStream => {
    const { cluster } = settings
    const index = indexes.get(plan.id) ?? createIndex()
    const synced = plan.watches.map(({ name, definition }) => ({ watch: name, definition }))
    try {
      const stream = createStream(plan, kind, { ...deps, cluster, index, namespaceLabels: namespaceLabels.of })
      return { ...stream, synced }
    } catch (cause) {
      throw new PlanNotUnderstood(`the plan of ${resourceName(ref)} cannot be followed by this agent`, { cause })
    }
  }

  const sinkFor = (signal: AbortSignal): Sink => {
    const compiled = (kind: ResourceKind) => streams.map((plan) => compile(plan, kind))
    const sink = createStreamSink({ ...deps, streams: compiled, state: setState, now: deps.clock }, signal)
    return settings.feedsNamespaceLabels ? bothSinks(namespaceLabels.sink, sink) : sink
  }

  const prepare = async (signal: AbortSignal) => {
    waitsForLabels = usesNamespaceLabels
    if (usesNamespaceLabels) await namespaceLabels.ready(signal)
    waitsForLabels = false
    const missing = streams.filter(({ id }) => !indexes.has(id))
    if (missing.length === 0) return
    await outbox.flushed(settings.flush, signal)
    for (const { id } of missing) indexes.set(id, await load(deps.loadIndex(id, signal)))
    moment('index-loaded')
  }

  let reflector: ReturnType<typeof createReflector> | undefined
  let running = new AbortController()
  /** Of the reflectors before. */
  const past = { lists: 0, watches: 0 }
  let reloads = 0
  const reloading = backoff({ minMs: 1_000, maxMs: 300_000, ...random })
  let reloadedAt = 0

  /** An index that is wrong again soon after it was loaded is a fault that loading does not heal: it is tried more and more slowly. */
  const reloadPause = (): number => {
    const { now = () => performance.now() } = deps
    if (now() - reloadedAt > calmMs) reloading.reset()
    reloadedAt = now()
    return reloading.next()
  }

  const run = async (signal: AbortSignal) => {
    running = new AbortController()
    const either = AbortSignal.any([signal, running.signal])
    setState({ state: 'starting' })
    await prepare(either)
    past.lists += reflector?.figures().lists ?? 0
    past.watches += reflector?.figures().watches ?? 0
    reflector = createReflector(ref, sinkFor(either), deps, settings.reflector)
    await reflector.run(either)
  }

  const task = new Task(async (signal) => {
    const delays = backoff({ minMs: 500, maxMs: 30_000, ...random })
    for (;;) {
      try {
        await run(signal)
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof Reload) {
          const pause = reloadPause()
          setState({ state: 'starting' })
          log.warn('an index is loaded anew', { resource: resourceName(ref), why: error.message, inMs: Math.round(pause) })
          await sleep(pause, signal)
          continue
        }
        const understood = !(error instanceof PlanNotUnderstood)
        const delay = understood ? delays.next() : notUnderstoodMs
        log.warn('the kind starts again', { resource: resourceName(ref), error, inMs: Math.round(delay) })
        setState({ state: 'failed', reason: describeError(error), transient: understood })
        // One that could not be loaded says nothing against the others.
        if (!(error instanceof IndexDiffers)) indexes.clear()
        await sleep(delay, signal)
      }
    }
  })

  return {
    state: () =>
      waitsForLabels && namespaceLabels.trouble !== undefined
        ? { state: 'failed', reason: namespaceLabels.trouble, transient: true }
        : state,
    indexes,
    relist: (why) => reflector?.relist(why),
    reload: (stream, why) => {
      if (!indexes.delete(stream)) return // it is being loaded, or will be
      reloads++
      running.abort(new Reload(why))
    },
    figures: () => {
      const { lists, watches } = reflector?.figures() ?? { lists: 0, watches: 0 }
      return { lists: past.lists + lists, watches: past.watches + watches, reloads }
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

const notUnderstoodMs = 3_600_000
/** An index that held for so long was a good one. */
const calmMs = 600_000

/** A connection that breaks, and a hub that counts otherwise, are tried again. */
async function load(parts: ReturnType<LoadIndex>): Promise<Index> {
  const index = createIndex()
  for (;;) {
    const part = await parts.next()
    if (!part.done) index.load(part.value)
    else {
      const { checksum, doubted = false } = part.value
      if (checksum !== index.checksum)
        throw new IndexDiffers(`expected an index with the checksum ${checksum} from the hub, got ${index.checksum}`)
      index.doubted = doubted
      return index
    }
  }
}
