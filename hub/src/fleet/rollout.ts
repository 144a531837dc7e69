/** Rollout: what becomes of the plans that were offered to agents, as their status tells it, until each is applied or has failed. */
import type { Plan } from '@watch-hub/shared/protocol/plan'
import type { AgentStatus } from './session.ts'
import type { FleetTracer, PlanStep } from './tracer.ts'

export interface Rollout {
  offered(cluster: string, plan: Plan, commit: string): void
  report(cluster: string, status: AgentStatus): void
}

interface Offered extends Pick<PlanStep, 'cluster' | 'plan' | 'commit' | 'offeredAt' | 'streams'> {
  readonly received: boolean
}

/** A cluster has one plan on its way at most: the newest. */
export function createRollout({ now, tracer }: { readonly now: () => number; readonly tracer: FleetTracer }): Rollout {
  const underWay = new Map<string, Offered>()
  return {
    offered(cluster, { hash, streams }, commit) {
      const offered = { cluster, plan: hash, commit, offeredAt: now(), streams: streams.length }
      underWay.set(cluster, { ...offered, received: false })
      tracer.offered(offered)
    },
    report(cluster, status) {
      const offered = underWay.get(cluster)
      if (offered === undefined || status.received !== offered.plan) return
      const { received, ...step } = offered
      if (!received) {
        tracer.plan({ ...step, step: 'received', at: now() })
        underWay.set(cluster, { ...offered, received: true })
      }
      const end = endOf(status)
      if (end === undefined) return
      underWay.delete(cluster)
      tracer.plan({ ...step, ...end, at: now() })
    },
  }
}

/** Nothing = streams are still on their way. A failure that may pass by itself counts, too: whoever looks wants to know of it now. */
function endOf({ received, active, error, streams }: AgentStatus): Pick<PlanStep, 'step' | 'reason'> | undefined {
  if (error !== undefined) return { step: 'failed', reason: error }
  if (active !== received) return undefined
  const states = Object.values(streams)
  if (states.some(({ state }) => state === 'starting' || state === 'syncing')) return undefined
  const failed = states.find(({ state }) => state === 'failed')
  return failed === undefined ? { step: 'applied' } : { step: 'failed', reason: failed.reason ?? 'a stream failed' }
}
