/**
 * Reflector: keeps its sink in step with one kind of this cluster, for as long as it runs.
 *
 * A round is: find the kind → list it → the sink compares → watch from the list's version → judge how that ended (`verdict.ts`) → repeat.
 * The audit is such a round on a timer: the watch is closed first, nothing lists beside it. A list made for another reason counts as the audit.
 * The sink is awaited before the next event is read: when it waits, the watch waits. Versions are compared with nothing but themselves.
 * What the objects mean, and which deletions to believe, is the sink's business.
 */

import type { KubeObject } from '@watch-hub/shared/pipeline/object'
import type { SyncedEntry } from '@watch-hub/shared/protocol/frames'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { StreamState } from '@watch-hub/shared/protocol/stream-state'
import { backoff, jitter } from '@watch-hub/shared/runtime/backoff'
import type { Log } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import { auditTimer } from './audit-timer.ts'
import { type Discovered, type DiscoverySettings, discover, type KindRef, type ResourceKind } from './discovery.ts'
import type { Kube } from './kube.ts'
import { type ListSettings, listParts } from './list.ts'
import { type Trouble, type Verdict, verdictOn, verdictOnRefusal } from './verdict.ts'
import { atOnceMs, type WatchEvent, watchEvents } from './watch.ts'

export type ObjectEvent = Extract<WatchEvent, { object: KubeObject }>

/** Why a kind is listed: because it has to be, or only because it is time to look (`audit`). */
export type ListCause = SyncedEntry['cause']

/** What a reflector reports to. Its promises are awaited; what they reject with ends the reflector. */
export interface Sink {
  /** A list begins, the first or another one: what an unfinished one showed counts for nothing. */
  begin(kind: ResourceKind, cause: ListCause): void
  /** Some of its objects. */
  listed(objects: readonly KubeObject[]): Promise<void>
  /** The list is complete. False: it is hard to believe and is to be repeated. */
  complete(): Promise<boolean>
  event(event: ObjectEvent): Promise<void>
  state(state: StreamState): void
}

export interface ReflectorDeps {
  readonly kube: Pick<Kube, 'request'>
  readonly log: Log
  readonly sleep: Sleep
  /** @default Math.random */
  readonly random?: () => number
  /** Monotonic, ms. @default performance.now */
  readonly now?: () => number
}

export interface ReflectorSettings extends ListSettings, DiscoverySettings {
  /** A watch on which no line came for so long is given up; bookmarks come about once a minute. @default 150 000 */
  readonly stallMs?: number
  /** The server is asked to end watches after a random time between these. @default 300 and 600 */
  readonly watchSeconds?: readonly [number, number]
  /** Time between tries of what people have to fix. @default 10 000 */
  readonly longMs?: number
  /** @default 200 and 30 000 */
  readonly backoffMs?: readonly [number, number]
  /** The kind is compared anew when its list is older than this, give or take a tenth. @default 1 h */
  readonly auditMs?: number
  /** An audit closes the watch once nothing came for so long. @default 100 */
  readonly auditQuietMs?: number
}

export interface ReflectorFigures {
  readonly lists: number
  readonly watches: number
}

export interface Reflector {
  /** Runs until `signal` aborts; rejects with its reason, or with what the sink rejected. */
  run(signal: AbortSignal): Promise<never>
  /** Closes the watch, and lists and compares anew. */
  relist(why: string): void
  figures(): ReflectorFigures
}

/** Longest time that an audit waits for a moment without events. */
const auditPatienceMs = 10_000

/** One step of a round: how it ended, when that is not as planned. */
type Step = Trouble | { readonly kind: 'done' }

export function createReflector(ref: KindRef, sink: Sink, deps: ReflectorDeps, settings: ReflectorSettings = {}): Reflector {
  const { kube, log, sleep, random = Math.random, now = () => performance.now() } = deps
  const { stallMs = 150_000, watchSeconds = [300, 600], longMs = 10_000 } = settings
  const { auditMs = 3_600_000, auditQuietMs = 100 } = settings
  const [minMs, maxMs] = settings.backoffMs ?? [200, 30_000]
  const delays = backoff({ minMs, maxMs, random })
  const figures = { lists: 0, watches: 0 }
  /** The last version seen; undefined = a list is needed. */
  let version: string | undefined
  let auditAt = 0
  /** Why the list is made that runs or comes next. */
  let cause: ListCause = 'list'
  let emptyWatches = 0
  /** A watch broke, and none was opened since. */
  let gap = false
  /** Why somebody wants a list; the list that begins after it serves it. */
  let wanted: string | undefined
  let openWatch: AbortController | undefined
  /** Told once, until something else happens. */
  let lastTrouble: string | undefined

  const pause = async ({ wait, atLeastMs = 0, trouble }: Verdict, signal: AbortSignal) => {
    if (wait === 'not') return
    const ms = Math.max(wait === 'long' ? jitter(longMs, 0.1, random) : delays.next(), atLeastMs)
    const again = wait === 'long' || delays.attempts > 1 // one broken connection is everyday life
    if (trouble !== undefined && again) {
      const level = trouble === lastTrouble ? 'debug' : 'warn'
      log[level]('the kind cannot be followed for now', { resource: resourceName(ref), trouble, retryInMs: Math.round(ms) })
      lastTrouble = trouble
      sink.state({ state: 'failed', reason: trouble, transient: true })
    }
    await sleep(ms, signal)
  }

  const find = async (signal: AbortSignal): Promise<ResourceKind> => {
    for (;;) {
      const answer = await discover(kube, ref, signal, settings)
      if (answer.kind === 'found' && canBeFollowed(answer.found)) return answer.found
      await pause(verdictOnDiscovery(answer, ref), signal)
    }
  }

  const list = async (kind: ResourceKind, signal: AbortSignal): Promise<Step> => {
    log.debug('listing', {
      resource: resourceName(kind),
      why: wanted ?? (cause === 'audit' ? 'audit' : 'no version to watch from'),
    })
    version = wanted = undefined
    const parts = listParts(kube, kind, signal, settings)
    let done = 0
    try {
      for (;;) {
        const part = await parts.next()
        if (part.done) return part.value.kind === 'complete' ? await compared(part.value.resourceVersion) : part.value
        const { objects, first, remaining } = part.value
        if (first) {
          done = 0
          figures.lists++
          sink.begin(kind, cause)
        }
        if (objects.length > 0) await sink.listed(objects)
        moment('list-part')
        done += objects.length
        if (remaining !== undefined) sink.state({ state: 'syncing', done, total: done + remaining })
      }
    } finally {
      await parts.return({ kind: 'broken', why: 'nobody reads on' }) // closes the connection when it was the sink that failed
    }
  }

  const compared = async (resourceVersion: string): Promise<Step> => {
    if (await sink.complete()) {
      version = resourceVersion
      auditAt = now() + jitter(auditMs, 0.1, random)
      cause = 'list'
    }
    return { kind: 'done' }
  }

  const watch = async (kind: ResourceKind, from: string, signal: AbortSignal): Promise<Step> => {
    const mine = new AbortController()
    const [shortest, longest] = watchSeconds
    const timeoutSeconds = Math.round(shortest + random() * (longest - shortest))
    const request = { kind, resourceVersion: from, timeoutSeconds, stallMs, now }
    const events = watchEvents(kube, request, AbortSignal.any([signal, mine.signal]))
    const began = now()
    openWatch = mine
    figures.watches++
    using audit = auditTimer({
      dueInMs: auditAt - began,
      quietMs: auditQuietMs,
      patienceMs: auditPatienceMs,
      close: () => mine.abort(new Error('the audit is due')),
    })
    try {
      for (;;) {
        const next = await events.next()
        if (next.done && next.value.kind !== 'closed') return next.value
        if (next.done) break
        audit.busy()
        await take(next.value, now() - began >= atOnceMs)
        audit.idle()
      }
      delays.reset()
      return { kind: 'done' }
    } catch (error) {
      if (signal.aborted || error !== mine.signal.reason) throw error
      return { kind: 'done' } // a list is wanted
    } finally {
      openWatch = undefined
      await events.return({ kind: 'closed' }) // closes the connection when it was the sink that failed
    }
  }

  /** `lasting`: the watch is not one of those that end at once. */
  const take = async (event: WatchEvent, lasting: boolean) => {
    if (event.type === 'OPENED') {
      gap = false
      moment('watch-opened')
      return sink.state({ state: 'live' })
    }
    if (event.type !== 'BOOKMARK' || lasting) {
      delays.reset()
      lastTrouble = undefined
    }
    if (event.type === 'BOOKMARK') version = event.resourceVersion
    else {
      await sink.event(event)
      moment('event-taken')
      version = event.object.metadata.resourceVersion
    }
  }

  /** Returns when the server no longer serves the kind. */
  const follow = async (kind: ResourceKind, signal: AbortSignal) => {
    for (;;) {
      const due = now() >= auditAt
      if (version !== undefined && wanted === undefined && due && !gap) cause = 'audit'
      const stale = wanted !== undefined || due
      const step = version === undefined || stale ? await list(kind, signal) : await watch(kind, version, signal)
      emptyWatches = step.kind === 'empty' ? emptyWatches + 1 : 0
      if (step.kind === 'done') continue
      gap = true
      cause = 'list' // an audit that broke off leaves a gap behind: the next list has to be made
      const verdict = verdictOn(step, { ...ref, emptyWatches })
      if (verdict.next !== 'on') version = undefined
      await pause(verdict, signal)
      if (verdict.next === 'discover') return
    }
  }

  return {
    run: async (signal) => {
      for (;;) await follow(await find(signal), signal)
    },
    relist: (why) => {
      wanted = why
      openWatch?.abort(new Error(why))
    },
    figures: () => ({ ...figures }),
  }
}

const canBeFollowed = ({ verbs }: ResourceKind): boolean => verbs.includes('list') && verbs.includes('watch')

function verdictOnDiscovery(answer: Discovered, ref: KindRef): Verdict {
  const name = resourceName(ref)
  if (answer.kind === 'broken') return verdictOn(answer, { ...ref, emptyWatches: 0 })
  if (answer.kind === 'refused') return verdictOnRefusal(answer.refusal, ref)
  const version = ref.version === undefined ? '' : ` in version ${ref.version}`
  const trouble = answer.kind === 'missing' ? `no such resource ${name}${version}` : `${name} cannot be listed and watched`
  return { next: 'on', wait: 'long', trouble }
}
