/**
 * Reconcile: makes what runs follow the last plan, kind by kind. A kind that the new plan asks for in the same way goes on untouched, its watch
 * included. One that changed ends, and begins anew: the hub's index for the streams that changed, a list, a comparison, a watch.
 *
 *   follow(plan)  the plan counts from the next turn of the loop; of several that wait, the last one
 *   resync()      the hub lost data: nothing of what we remember is used again
 *   reload(s)     one index is wrong: it alone is loaded anew, and its kind compared
 *   paused        nothing runs, nothing is remembered; going on compares with the hub's index
 *   labels of namespaces changed  kinds that select by them compare anew, soon
 */

import { type Plan, resourceName } from '@watch-hub/shared/protocol/plan'
import type { StreamState } from '@watch-hub/shared/protocol/stream-state'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Outbox } from '../outbox.ts'
import type { Followed } from './explain.ts'
import type { Index } from './index.ts'
import { type Kind, type LoadIndex, startKind } from './kind.ts'
import type { Kube } from './kube.ts'
import { createNamespaceLabels } from './namespaces.ts'
import type { ReflectorSettings } from './reflector.ts'
import { compileAffected, type WantedKind, wantedKinds } from './wanted.ts'

export interface ReconcileDeps {
  readonly kube: Pick<Kube, 'request'>
  readonly outbox: Outbox
  /** What the hub holds of a stream of the last plan. A rejection is tried again. */
  readonly loadIndex: LoadIndex
  /** `status` would answer differently than before. Often called. */
  readonly onStatus: () => void
  readonly log: Log
  readonly sleep: Sleep
  /** @default Math.random */
  readonly random?: () => number
  /** Monotonic, ms. @default performance.now */
  readonly now?: () => number
  /** ms since 1970. @default Date.now */
  readonly clock?: () => number
}

export interface ReconcileSettings extends ReflectorSettings {
  /** Pause between a change of a namespace's labels and the comparison, so that many make one. @default 1 000 */
  readonly labelsSettleMs?: number
}

export interface ReconcileStatus {
  /** Hash of the plan that came last, and of the plan whose streams were all started. Empty = none. */
  readonly received: string
  readonly active: string
  readonly streams: Readonly<Record<string, StreamState>>
  readonly figures: Readonly<Record<string, number>>
}

export interface Reconciler extends AsyncDisposable {
  follow(plan: Plan): void
  /** The index of one stream is not what the hub holds: see `Kind.reload`. A stream that does not run is none of our business. */
  reload(stream: string, why: string): void
  /** Takes effect at once: nothing that was compared with the old indexes reaches the outbox after it. Resets the outbox. */
  resync(): void
  status(): ReconcileStatus
  /** As it is now, for whoever looks into it. */
  followed(): Followed
  /** Rejects when there is a bug; resolves when it was stopped. */
  readonly done: Promise<void>
}

interface Running {
  readonly wanted: WantedKind
  readonly kind: Kind
  readonly affected: ReturnType<typeof compileAffected>
}

export function startReconcile(deps: ReconcileDeps, settings: ReconcileSettings = {}): Reconciler {
  const { outbox, log, sleep, onStatus, clock = Date.now } = deps
  const { labelsSettleMs = 1_000 } = settings
  const running = new Map<string, Running>()
  const formerStreams = createStreamRecord()
  const matchErrors = countMatchErrors(log)
  const plans = bell()
  const relabelled = bell()
  const toCompare = new Set<Kind>()
  let received: Plan | undefined
  let active: Plan | undefined
  const ending: Promise<void>[] = []
  /** Stopped by this turn of the loop: their indexes are in step. */
  let stopped: Running[] = []
  const counted = { lists: 0, watches: 0, reloads: 0 }

  const newLabels = () =>
    createNamespaceLabels((before, after) => {
      for (const { kind, affected } of running.values()) {
        if (!affected(before, after)) continue
        toCompare.add(kind)
        relabelled.ring()
      }
    })
  let labels = newLabels()

  /** Aborts at once; its end is awaited by the loop. */
  const stop = (key: string, of: Running) => {
    running.delete(key)
    stopped.push(of)
    const { lists, watches, reloads } = of.kind.figures()
    counted.lists += lists
    counted.watches += watches
    counted.reloads += reloads
    ending.push(Promise.resolve(of.kind[Symbol.asyncDispose]()))
  }

  const start = (key: string, wanted: WantedKind, cluster: Plan['cluster']) => {
    const kind = startKind(
      {
        ...wanted,
        cluster,
        streams: wanted.streams.map(({ plan }) => plan),
        indexes: indexesInStep(wanted, stopped),
        flush: formerStreams.with(wanted),
        reflector: settings,
      },
      {
        ...deps,
        clock,
        namespaceLabels: labels,
        planHash: () => active?.hash ?? '',
        onState: onStatus,
        onMatchError: matchErrors.count,
      },
    )
    running.set(key, { wanted, kind, affected: compileAffected(wanted) })
  }

  const apply = async (plan: Plan, signal: AbortSignal) => {
    const wanted = wantedKinds(plan)
    for (const [key, each] of [...running]) if (wanted.get(key)?.signature !== each.wanted.signature) stop(key, each)
    while (ending.length > 0) await Promise.all(ending.splice(0))
    signal.throwIfAborted() // what is started now, nobody would stop
    if (![...wanted.values()].some(({ feedsNamespaceLabels }) => feedsNamespaceLabels)) labels = newLabels()
    active = plan
    for (const [key, each] of wanted) if (!running.has(key)) start(key, each, plan.cluster)
    stopped = []
    log.info('following a plan', { plan: plan.hash, paused: plan.paused, kinds: running.size })
    onStatus()
  }

  const followPlans = async (signal: AbortSignal) => {
    for (;;) {
      await plans.wait(signal)
      if (received !== undefined) await apply(received, signal)
    }
  }

  const compareRelabelled = async (signal: AbortSignal) => {
    for (;;) {
      await relabelled.wait(signal)
      await sleep(labelsSettleMs, signal)
      for (const kind of toCompare) kind.relist('labels of namespaces changed')
      toCompare.clear()
    }
  }

  const stopAll = () => {
    for (const [key, each] of [...running]) stop(key, each)
  }

  const task = new Task(async (signal) => {
    try {
      await Promise.all([followPlans(signal), compareRelabelled(signal)])
    } finally {
      stopAll()
      await Promise.all(ending)
    }
  })

  const kindOf = (id: string): Kind | undefined =>
    [...running.values()].find(({ wanted }) => wanted.streams.some(({ plan }) => plan.id === id))?.kind
  const stateOf = (id: string): StreamState => kindOf(id)?.state() ?? { state: received?.paused ? 'paused' : 'starting' }

  return {
    follow: (plan) => {
      if (plan.hash === received?.hash) return
      received = plan
      plans.ring()
      onStatus()
    },
    reload: (stream, why) => kindOf(stream)?.reload(stream, why),
    followed: () => ({ plan: received, stateOf, indexOf: (id) => kindOf(id)?.indexes.get(id), namespaceLabels: labels.of }),
    resync: () => {
      stopAll()
      stopped = []
      outbox.reset()
      plans.ring()
      onStatus()
    },
    status: () => {
      const kinds = [...running.values()].map(({ kind }) => kind)
      const { entries, bytes, frames, waiting } = outbox.figures()
      const sum = (of: (kind: Kind) => number) => kinds.reduce((total, kind) => total + of(kind), 0)
      return {
        received: received?.hash ?? '',
        active: active?.hash ?? '',
        streams: Object.fromEntries((received?.streams ?? []).map(({ id }) => [id, stateOf(id)])),
        figures: {
          objects: sum(({ indexes }) => [...indexes.values()].reduce((total, { size }) => total + size, 0)),
          outboxEntries: entries,
          outboxBytes: bytes,
          outboxWaiting: waiting,
          framesInFlight: frames,
          lists: counted.lists + sum((kind) => kind.figures().lists),
          watches: counted.watches + sum((kind) => kind.figures().watches),
          reloads: counted.reloads + sum((kind) => kind.figures().reloads),
          matchErrors: matchErrors.total,
        },
      }
    },
    done: task.done,
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

/** A stream that did not change goes on with what is remembered of it. */
function indexesInStep(wanted: WantedKind, stopped: readonly Running[]): ReadonlyMap<string, Index> {
  const indexes = new Map<string, Index>()
  for (const { plan, signature } of wanted.streams) {
    const before = stopped.find((each) => each.wanted.streams.some((stream) => stream.signature === signature))
    const index = before?.kind.indexes.get(plan.id)
    if (index !== undefined) indexes.set(plan.id, index)
  }
  return indexes
}

/** Every stream that ever ran, by resource: no entry of any of them may be on its way when the hub is asked for an index of that resource. */
function createStreamRecord() {
  const streams = new Map<string, Set<string>>()
  return {
    with: ({ ref, streams: now }: WantedKind): readonly string[] => {
      const name = resourceName(ref)
      const all = streams.get(name) ?? new Set()
      for (const { plan } of now) all.add(plan.id)
      streams.set(name, all)
      return [...all]
    },
  }
}

/** One line in the log per watch; the rest is a figure. */
function countMatchErrors(log: Log) {
  const known = new Set<string>()
  let total = 0
  return {
    get total() {
      return total
    },
    count: (watch: string, error: string) => {
      total++
      if (known.has(watch)) return
      known.add(watch)
      log.warn('`when` fails on an object, which stays as it was for this watch; further ones are only counted', { watch, error })
    },
  }
}
