/**
 * One kind that a plan asks for, with all its streams: what the hub holds of them is loaded, then one reflector keeps them in step.
 * A kind does not change: another definition is another Kind. It never ends by itself: what goes wrong shows in its states, and is tried again.
 */

import type { IndexEntry, StreamState } from '@watch-hub/shared/protocol/messages'
import { type Plan, resourceName, type StreamPlan } from '@watch-hub/shared/protocol/plan'
import { backoff } from '@watch-hub/shared/runtime/backoff'
import { describeError } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Outbox } from '../outbox.ts'
import type { KindRef, ResourceKind } from './discovery.ts'
import { createIndex, type Index } from './index.ts'
import { bothSinks, type NamespaceLabels } from './namespaces.ts'
import { createReflector, type ReflectorDeps, type ReflectorFigures, type ReflectorSettings, type Sink } from './reflector.ts'
import { createStream } from './stream.ts'
import { createStreamSink, type SyncedStream } from './stream-sink.ts'

export type LoadIndex = (stream: string, signal: AbortSignal) => AsyncIterable<readonly IndexEntry[]>

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
  figures(): ReflectorFigures
}

/** This agent does not understand the plan; waiting does not help. */
class PlanNotUnderstood extends Error {
  override readonly name = 'PlanNotUnderstood'
}

export function startKind(settings: KindSettings, deps: KindDeps): Kind {
  const { ref, streams, usesNamespaceLabels } = settings
  const { outbox, namespaceLabels, sleep, log } = deps
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

  const task = new Task(async (signal) => {
    const delays = backoff({ minMs: 500, maxMs: 30_000, ...(deps.random === undefined ? {} : { random: deps.random }) })
    for (;;) {
      try {
        setState({ state: 'starting' })
        await prepare(signal)
        reflector = createReflector(ref, sinkFor(signal), deps, settings.reflector)
        await reflector.run(signal)
      } catch (error) {
        signal.throwIfAborted()
        const understood = !(error instanceof PlanNotUnderstood)
        const delay = understood ? delays.next() : notUnderstoodMs
        log.warn('the kind starts again', { resource: resourceName(ref), error, inMs: Math.round(delay) })
        setState({ state: 'failed', reason: describeError(error), transient: understood })
        indexes.clear()
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
    figures: () => reflector?.figures() ?? { lists: 0, watches: 0 },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

const notUnderstoodMs = 3_600_000

async function load(entries: AsyncIterable<readonly IndexEntry[]>): Promise<Index> {
  const index = createIndex()
  for await (const chunk of entries) index.load(chunk)
  return index
}
