/**
 * Traces of what agents tell. An agent only draws ids and notes times; here they become its spans, under a resource of its own.
 *
 *   create k8s.events   one for each log row of a sampled change: from when it was observed until it was sent. The root of the event's trace
 *   process k8s.events  one for each frame with such a change: from when it was here until it was durable. A root, linked to the changes
 *   offer plan, apply plan, first event   in the trace of the commit that made the plan
 */

import type { Resource } from '@opentelemetry/resources'
import { isSynced } from '@watch-hub/shared/protocol/frames'
import { formatTraceparent, isSampled, newSpanId, newTrace, parseTraceparent } from '@watch-hub/shared/protocol/traceparent'
import { commitContext } from '../config/commit-context.ts'
import { paddedSequence, rfc3339 } from '../delivery/formats/format.ts'
import type { FleetTracer, FrameStart, PlanStep } from '../fleet/tracer.ts'
import type { Context, LogRow } from '../store/store.ts'
import * as names from './attributes.ts'
import { stopwatch } from './clock.ts'
import { objectAttributes, objectText } from './event-attributes.ts'
import type { SpanExport } from './export.ts'
import { linksOf } from './links.ts'
import type { Sampling } from './sampling.ts'
import type { LinkTo, SpanData } from './span.ts'

export interface FleetTracingDeps {
  readonly spans: SpanExport
  readonly sampling: Sampling
  readonly hub: Resource
  readonly agent: (of: { readonly cluster: string; readonly uid: string }) => Resource
  readonly context: (key: string) => Promise<Context>
}

export interface FleetTracing extends FleetTracer, AsyncDisposable {}

/** What events travel over, in the words of the semantic conventions. */
const destination = { [names.messagingSystem]: 'watch_hub', [names.destinationName]: 'k8s.events' }

type Offered = Pick<PlanStep, 'plan' | 'commit' | 'offeredAt'>

export function createFleetTracing(deps: FleetTracingDeps): FleetTracing {
  const { spans, sampling, hub } = deps
  /** Plans of which nothing has come yet, by cluster. */
  const awaited = new Map<string, Offered>()
  const under = new Set<Promise<void>>()

  function track(work: Promise<void>): void {
    const tracked = work.finally(() => under.delete(tracked))
    under.add(tracked)
  }

  function firstEvent({ cluster, frame }: FrameStart, rows: readonly LogRow[], at: number): void {
    const offered = awaited.get(cluster)
    const [row] = rows
    if (offered?.plan !== frame.plan || row === undefined) return
    awaited.delete(cluster)
    const { commit, plan, offeredAt } = offered
    const about = { [names.clusterName]: cluster, [names.plan]: plan, [names.eventId]: paddedSequence(row.sequence) }
    inCommit(
      commit,
      { name: 'first event', kind: 'internal', start: offeredAt, end: at, attributes: about, links: linksTo([row]) },
      hub,
    )
  }

  function inCommit(commit: string, span: Omit<SpanData, 'context' | 'parent'>, resource: Resource): void {
    const parent = commitContext(commit)
    if (!spans.wanted || !sampling.byHand(parent.traceId)) return
    const attributes = { ...span.attributes, [names.commit]: commit }
    spans.add({ ...span, attributes, context: { traceId: parent.traceId, spanId: newSpanId() }, parent }, resource)
  }

  async function created({ cluster, clusterUid, frame }: FrameStart, rows: readonly LogRow[]): Promise<void> {
    const linked = new Map(
      frame.entries.flatMap((each) => (isSynced(each) || !each.linked ? [] : [[each.traceparent, each.linked]])),
    )
    const resource = deps.agent({ cluster, uid: clusterUid })
    for (const row of rows) {
      const context = row.traceparent === undefined ? undefined : parseTraceparent(row.traceparent)
      if (context === undefined) continue
      const foreign = parseTraceparent(linked.get(row.traceparent) ?? '')
      const { commit } = await deps.context(row.context)
      spans.add(
        {
          context,
          name: 'create k8s.events',
          kind: 'producer',
          start: row.observedAt,
          end: frame.sentAt ?? frame.sealedAt,
          attributes: { ...createdAttributes(row), ...(commit !== undefined && { [names.commit]: commit }) },
          ...(foreign !== undefined && { links: [{ context: foreign }] }),
        },
        resource,
      )
    }
  }

  function processed(start: FrameStart, rows: readonly LogRow[], { from, to, error }: Processed): void {
    const { cluster, frame } = start
    const { links, total, dropped } = linksOf(linksTo(rows), spans.maxLinks)
    spans.add(
      {
        context: newTrace(true),
        name: 'process k8s.events',
        kind: 'consumer',
        ...{ start: from, end: to },
        attributes: {
          ...destination,
          [names.operationName]: 'process',
          [names.operationType]: 'process',
          [names.messageCount]: total,
          [names.clusterName]: cluster,
          [names.process]: frame.process,
          [names.frame]: frame.number,
          [names.plan]: frame.plan,
          [names.linksTotal]: total,
          [names.linksDropped]: dropped,
        },
        links,
        ...(error !== undefined && { error }),
      },
      hub,
    )
  }

  return {
    received(start) {
      if (!spans.wanted) return { frame: start.frame, stored: () => {}, failed: () => {} }
      const watch = stopwatch()
      const from = start.frame.receivedAt ?? watch.start
      const frame = sampled(start.frame, sampling)
      const traced = { ...start, frame }
      return {
        frame,
        stored(rows) {
          const to = watch.end()
          firstEvent(traced, rows, to)
          const recorded = rows.filter(({ traceparent }) => isSampled(traceparent))
          if (recorded.length === 0) return
          processed(traced, rows, { from, to })
          track(created(traced, recorded).catch(() => {})) // a context that is gone: the event was told long ago
        },
        failed: (error) => {
          const entries = frame.entries.filter((entry) => !isSynced(entry) && isSampled(entry.traceparent))
          if (entries.length > 0) processed(traced, [], { from, to: watch.end(), error })
        },
      }
    },
    offered: ({ cluster, ...plan }) => void awaited.set(cluster, plan),
    plan({ cluster, plan, commit, step, offeredAt, at, streams, reason }) {
      const attributes = { [names.clusterName]: cluster, [names.plan]: plan, [names.streams]: streams }
      const name = step === 'received' ? 'offer plan' : 'apply plan'
      const error = step === 'failed' && { error: reason ?? 'the agent cannot follow the plan' }
      inCommit(commit, { name, kind: 'internal', start: offeredAt, end: at, attributes, ...error }, hub)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(under)
    },
  }
}

interface Processed {
  readonly from: number
  readonly to: number
  readonly error?: string
}

/** Each change with a context of its own, and with what the sampler said of it. */
function sampled(frame: FrameStart['frame'], sampling: Sampling): FrameStart['frame'] {
  const entries = frame.entries.map((entry) => {
    if (isSynced(entry)) return entry
    const drawn = entry.traceparent === undefined ? newTrace() : parseTraceparent(entry.traceparent)
    const context = { ...(drawn ?? newTrace()), sampled: drawn !== undefined && sampling.event(drawn) }
    // Most are not sampled in a burst, and come that way.
    return entry.traceparent !== undefined && context.sampled === isSampled(entry.traceparent)
      ? entry
      : { ...entry, traceparent: formatTraceparent(context) }
  })
  return { ...frame, entries }
}

const linksTo = (rows: readonly LogRow[]): readonly LinkTo[] =>
  rows.flatMap((row) => {
    const context = parseTraceparent(row.traceparent ?? '')
    const attributes = { [names.messageId]: paddedSequence(row.sequence), [names.object]: objectText(row.object) }
    return context === undefined ? [] : [{ context, attributes }]
  })

function createdAttributes(row: LogRow): SpanData['attributes'] {
  const id = paddedSequence(row.sequence)
  const reason = row.routes.find((route) => route.reason !== undefined)?.reason
  return {
    ...destination,
    [names.operationName]: 'create',
    [names.operationType]: 'create',
    [names.messageId]: id,
    [names.eventId]: id,
    [names.bodySize]: Buffer.byteLength(row.body),
    ...objectAttributes(row),
    [names.resourceVersion]: row.object.resourceVersion,
    [names.change]: row.change,
    [names.cause]: row.cause,
    [names.watches]: [...new Set([...row.matches, ...row.routes.flatMap(({ watches }) => watches)])].sort(),
    [names.endpoints]: row.routes.map(({ endpoint }) => endpoint),
    ...(reason !== undefined && { [names.reason]: reason }),
    ...(row.changedAt !== undefined && { [names.changedAt]: rfc3339(row.changedAt) }),
  }
}
