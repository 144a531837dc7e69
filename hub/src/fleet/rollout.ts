/**
 * Rollout: what becomes of the plans that a commit changed, as the agents' status tells it, until each is applied or has failed. An agent that is
 * offered what it ran before, because it began anew, tells nothing of a commit.
 */
import type { Plan } from '@watch-hub/shared/protocol/plan'
import type { AgentStatus } from './session.ts'
import type { FleetTracer, PlanStep } from './tracer.ts'

export interface Rollout {
  /** This commit gave the cluster another plan. */
  changed(cluster: string, plan: string, commit: string): void
  /** The plan goes to the agent. */
  offered(cluster: string, plan: Plan): void
  report(cluster: string, status: AgentStatus): void
}

interface Offered extends Pick<PlanStep, 'cluster' | 'plan' | 'commit' | 'offeredAt' | 'streams'> {
  readonly received: boolean
}

/** A cluster has one plan on its way at most: the newest. */
export function createRollout({ now, tracer }: { readonly now: () => number; readonly tracer: FleetTracer }): Rollout {
  /** Plans that were not applied yet, and who made them. */
  const causes = new Map<string, Pick<PlanStep, 'plan' | 'commit'>>()
  const underWay = new Map<string, Offered>()
  return {
    changed: (cluster, plan, commit) => {
      causes.set(cluster, { plan, commit })
      underWay.delete(cluster)
    },
    offered(cluster, { hash, streams }) {
      const cause = causes.get(cluster)
      if (cause?.plan !== hash) return
      const offered = { cluster, ...cause, offeredAt: now(), streams: streams.length }
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
      causes.delete(cluster)
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
