/**
 * What becomes of a commit's plans, in the trace of the commit: offer plan, apply plan, and the first event that came under it. A commit that changed
 * nothing for a cluster has none of them there.
 */
import type { Resource } from '@opentelemetry/resources'
import { newSpanId } from '@watch-hub/shared/protocol/traceparent'
import { commitContext } from '../config/commit-context.ts'
import { paddedSequence } from '../delivery/formats/format.ts'
import type { FleetTracer, FrameStart, PlanStep } from '../fleet/tracer.ts'
import type { LogRow } from '../store/store.ts'
import * as names from './attributes.ts'
import { linksToRows } from './events.ts'
import type { SpanExport } from './export.ts'
import type { Sampling } from './sampling.ts'
import type { SpanData } from './span.ts'

export interface RolloutTracing extends Pick<FleetTracer, 'offered' | 'plan'> {
  /** Rows became durable. `at`: ms. */
  stored(frame: FrameStart, rows: readonly LogRow[], at: number): void
}

export interface RolloutTracingDeps {
  readonly spans: SpanExport
  readonly sampling: Sampling
  readonly hub: Resource
}

/** What comes later is not the commit's doing. */
const firstEventWithinMs = 10 * 60_000

type Offered = Pick<PlanStep, 'plan' | 'commit' | 'offeredAt'>

export function createRolloutTracing({ spans, sampling, hub }: RolloutTracingDeps): RolloutTracing {
  /** Plans of which nothing has come yet, by cluster. */
  const awaited = new Map<string, Offered>()

  function inCommit(commit: string, span: Omit<SpanData, 'context' | 'parent' | 'kind'>): void {
    const parent = commitContext(commit)
    if (!spans.wanted || !sampling.byHand(parent.traceId)) return
    const attributes = { ...span.attributes, [names.commit]: commit }
    const context = { traceId: parent.traceId, spanId: newSpanId() }
    spans.add(() => ({ ...span, kind: 'internal', attributes, context, parent }), hub)
  }

  return {
    offered: ({ cluster, ...plan }) => void awaited.set(cluster, plan),
    plan({ cluster, plan, commit, step, offeredAt, at, streams, reason }) {
      const attributes = { [names.clusterName]: cluster, [names.plan]: plan, [names.streams]: streams }
      const name = step === 'received' ? 'offer plan' : 'apply plan'
      const error = step === 'failed' && { error: reason ?? 'the agent cannot follow the plan' }
      inCommit(commit, { name, start: offeredAt, end: at, attributes, ...error })
    },
    stored({ cluster, frame }, rows, at) {
      const offered = awaited.get(cluster)
      const [row] = rows
      if (offered?.plan !== frame.plan || row === undefined) return
      awaited.delete(cluster)
      const { commit, plan, offeredAt } = offered
      if (at - offeredAt > firstEventWithinMs) return
      const about = { [names.clusterName]: cluster, [names.plan]: plan, [names.eventId]: paddedSequence(row.sequence) }
      inCommit(commit, { name: 'first event', start: offeredAt, end: at, attributes: about, links: linksToRows([row]) })
    },
  }
}
