/** What the fleet says to whoever traces it: frames that come in, and what becomes of plans. */
import type { Frame } from '@watch-hub/shared/protocol/frames'
import type { LogRow } from '../store/store.ts'

export interface FrameStart {
  readonly cluster: string
  readonly clusterUid: string
  readonly frame: Frame
}

export interface FrameTrace {
  /** To be stored: each of its changes has a context, and whether that is sampled is decided. */
  readonly frame: Frame
  /** It is durable. `rows`: those that it became. */
  stored(rows: readonly LogRow[]): void
  /** It could not be stored. `reason` is for people. */
  failed(reason: string): void
}

export interface PlanStep {
  readonly cluster: string
  /** Its hash. */
  readonly plan: string
  /** The commit that it was made of. */
  readonly commit: string
  /** `received`: the agent has it. `applied`: it runs, and every stream is live. `failed`: the agent cannot follow all of it. */
  readonly step: 'received' | 'applied' | 'failed'
  /** When it was offered, and when the agent said so, hub's clock, ms. */
  readonly offeredAt: number
  readonly at: number
  readonly streams: number
  /** Why, for people. */
  readonly reason?: string
}

export interface FleetTracer {
  received(frame: FrameStart): FrameTrace
  /** A plan goes to an agent; what comes of it is told by `plan`. */
  offered(plan: Pick<PlanStep, 'cluster' | 'plan' | 'commit' | 'offeredAt'>): void
  plan(step: PlanStep): void
}

export const silentFleetTracer: FleetTracer = {
  received: ({ frame }) => ({ frame, stored: () => {}, failed: () => {} }),
  offered: () => {},
  plan: () => {},
}
