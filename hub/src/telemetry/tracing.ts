/**
 * Tracing as a whole: one way out for spans, one sampler, and what each part of the hub tells it. With no exporter named in the environment
 * nothing is recorded and nothing is spent; ids of events travel all the same.
 */
import { release } from '@watch-hub/shared/protocol/version'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { ConfigTracer } from '../config/tracer.ts'
import type { DeliveryTracer } from '../delivery/tracer.ts'
import type { FleetTracer } from '../fleet/tracer.ts'
import type { Store } from '../store/store.ts'
import { createConfigTracing } from './config-tracing.ts'
import { createDeliveryTracing } from './delivery-tracing.ts'
import { openSpanExport, type SpanFigures } from './export.ts'
import { createFleetTracing } from './fleet-tracing.ts'
import type { OtelSettings } from './otel-env.ts'
import { agentResource, hubResource } from './resource.ts'
import { createSampling } from './sampling.ts'

export interface Tracing extends AsyncDisposable {
  readonly config: ConfigTracer
  readonly fleet: FleetTracer
  readonly delivery: DeliveryTracer
  figures(): SpanFigures
}

export interface TracingDeps {
  readonly store: Pick<Store, 'context' | 'hubId'>
  readonly log: Log
}

/** Resources of agents that are kept: beyond them they are made anew. */
const agentsKept = 1_000

/** Disposing hands what is left to the collector, for a few seconds at most. */
export function startTracing({ store, log }: TracingDeps, settings: OtelSettings & { readonly keepsFailures: boolean }): Tracing {
  const spans = openSpanExport(settings, { log })
  const sampling = createSampling(settings, () => performance.now())
  const hub = hubResource({ version: release, instance: store.hubId })
  const agent = kept(agentResource)
  const fleet = createFleetTracing({ spans, sampling, hub, agent, context: (key) => store.context(key) })
  const { propagates, keepsFailures } = settings
  return {
    config: createConfigTracing({ spans, sampling, hub }),
    fleet,
    delivery: createDeliveryTracing({ spans, sampling, hub, propagates, keepsFailures }),
    figures: spans.figures,
    async [Symbol.asyncDispose]() {
      await using _spans = spans
      await using _fleet = fleet
    },
  }
}

/** One resource for each agent, so that its spans are exported together. */
function kept(make: typeof agentResource): typeof agentResource {
  const known = new Map<string, ReturnType<typeof agentResource>>()
  return (of) => {
    const key = `${of.cluster} ${of.uid}`
    const found = known.get(key) ?? make(of)
    if (known.size >= agentsKept) known.clear()
    known.set(key, found)
    return found
  }
}
