/**
 * Traces of what agents tell. An agent only draws ids and notes times; here they become its spans, under a resource of its own.
 *
 *   create k8s.events   one for each log row of a sampled change: from when it was observed until it was sent. The root of the event's trace
 *   process k8s.events  one for each frame with such a change: from when it was here until it was durable. A root, linked to the changes
 */
import type { Resource } from '@opentelemetry/resources'
import { isSynced } from '@watch-hub/shared/protocol/frames'
import { formatTraceparent, isSampled, newTrace, parseTraceparent } from '@watch-hub/shared/protocol/traceparent'
import type { Log } from '@watch-hub/shared/runtime/log'
import { paddedSequence, rfc3339 } from '../delivery/formats/format.ts'
import type { FleetTracer, FrameStart } from '../fleet/tracer.ts'
import type { Context, LogRow } from '../store/store.ts'
import * as names from './attributes.ts'
import { stopwatch } from './clock.ts'
import { objectAttributes } from './event-attributes.ts'
import { destination, idsListed, linksToRows } from './events.ts'
import type { SpanExport } from './export.ts'
import { linksOf } from './links.ts'
import { createRolloutTracing } from './rollout-tracing.ts'
import type { Sampling } from './sampling.ts'
import type { LinkTo, SpanData } from './span.ts'

export interface FleetTracingDeps {
  readonly spans: SpanExport
  readonly sampling: Sampling
  readonly hub: Resource
  readonly agent: (of: { readonly cluster: string; readonly uid: string }) => Resource
  readonly context: (key: string) => Promise<Context>
  readonly log: Log
}

export interface FleetTracing extends FleetTracer, AsyncDisposable {}

export function createFleetTracing(deps: FleetTracingDeps): FleetTracing {
  const { spans, sampling, hub } = deps
  const rollout = createRolloutTracing(deps)
  const under = new Set<Promise<void>>()

  function track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => deps.log.warn('changes are missing in traces', { error }))
      .finally(() => under.delete(tracked))
    under.add(tracked)
  }

  async function created({ cluster, clusterUid, frame }: FrameStart, rows: readonly LogRow[]): Promise<void> {
    const linked = foreignContexts(frame)
    const resource = deps.agent({ cluster, uid: clusterUid })
    for (const row of rows) {
      const { commit } = await deps.context(row.context)
      const foreign = parseTraceparent(linked.get(row.traceparent) ?? '')
      const end = frame.sentAt ?? frame.sealedAt
      spans.add(() => createSpan(row, { end, commit, links: foreign === undefined ? [] : [{ context: foreign }] }), resource)
    }
  }

  return {
    offered: rollout.offered,
    plan: rollout.plan,
    received(start) {
      if (!spans.wanted) return { frame: start.frame, stored: () => {}, failed: () => {} }
      const watch = stopwatch()
      const frame = sampled(start.frame, sampling)
      const traced = { ...start, frame }
      const process = (of: Pick<Processed, 'links' | 'ids' | 'error'>) => {
        const times = { start: frame.receivedAt ?? watch.start, end: watch.end() }
        spans.add(() => processSpan(traced, { ...of, ...times, maxLinks: spans.maxLinks }), hub)
      }
      return {
        frame,
        stored(rows) {
          rollout.stored(traced, rows, watch.end())
          const recorded = rows.filter(({ traceparent }) => isSampled(traceparent))
          if (recorded.length === 0) return
          process({ links: linksToRows(rows), ids: recorded.map(({ sequence }) => paddedSequence(sequence)) })
          track(created(traced, recorded))
        },
        failed(error) {
          const contexts = contextsOf(frame)
          if (contexts.some(({ context }) => context.sampled)) process({ links: contexts, ids: [], error })
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(under)
    },
  }
}

/** Each change with a context of its own, and with what the sampler said of it. */
function sampled(frame: FrameStart['frame'], sampling: Sampling): FrameStart['frame'] {
  const entries = frame.entries.map((entry) => {
    if (isSynced(entry)) return entry
    const drawn = parseTraceparent(entry.traceparent ?? '') ?? newTrace()
    const isRecorded = sampling.event(drawn)
    // Most are not in a burst, and come that way.
    if (entry.traceparent !== undefined && isRecorded === drawn.sampled) return entry
    return { ...entry, traceparent: formatTraceparent({ ...drawn, sampled: isRecorded }) }
  })
  return { ...frame, entries }
}

/** By the context of the change: what its object carries. */
const foreignContexts = ({ entries }: FrameStart['frame']): ReadonlyMap<string | undefined, string> =>
  new Map(entries.flatMap((each) => (isSynced(each) || !each.linked ? [] : [[each.traceparent, each.linked]])))

const contextsOf = ({ entries }: FrameStart['frame']): readonly LinkTo[] =>
  entries.flatMap((entry) => {
    const context = isSynced(entry) ? undefined : parseTraceparent(entry.traceparent ?? '')
    return context === undefined ? [] : [{ context }]
  })

interface Created {
  readonly end: number
  readonly commit: string | undefined
  readonly links: readonly LinkTo[]
}

function createSpan(row: LogRow, { end, commit, links }: Created): SpanData {
  const id = paddedSequence(row.sequence)
  const reason = row.routes.find((route) => route.reason !== undefined)?.reason
  return {
    context: parseTraceparent(row.traceparent ?? '') ?? newTrace(),
    name: 'create k8s.events',
    kind: 'producer',
    start: row.observedAt,
    end,
    links,
    attributes: {
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
      ...(commit !== undefined && { [names.commit]: commit }),
    },
  }
}

interface Processed {
  readonly links: readonly LinkTo[]
  /** Of the events that are recorded. */
  readonly ids: readonly string[]
  readonly start: number
  readonly end: number
  readonly maxLinks: number
  readonly error?: string
}

function processSpan({ cluster, frame }: FrameStart, { ids, start, end, error, ...of }: Processed): SpanData {
  const { links, total, dropped } = linksOf(of.links, of.maxLinks)
  return {
    context: newTrace(true),
    name: 'process k8s.events',
    kind: 'consumer',
    ...{ start, end, links },
    attributes: {
      ...destination,
      [names.operationName]: 'process',
      [names.operationType]: 'process',
      [names.messageCount]: total,
      ...(ids.length > 0 && { [names.eventId]: ids.slice(0, idsListed) }),
      [names.clusterName]: cluster,
      [names.process]: frame.process,
      [names.frame]: frame.number,
      [names.plan]: frame.plan,
      [names.linksTotal]: total,
      [names.linksDropped]: dropped,
    },
    ...(error !== undefined && { error }),
  }
}
