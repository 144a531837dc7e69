/** What states are made of: how the parts of the hub are at the moment of asking. */
import type { ConfigStatus } from '../../config/status.ts'
import type { EndpointHealth } from '../../delivery/detail.ts'
import type { EndpointStatus } from '../../delivery/status.ts'
import type { ClusterStatus } from '../../fleet/status.ts'
import type { StoreStats } from '../../store/store.ts'
import type { SpanFigures } from '../export.ts'
import type { MetricAbout } from './about.ts'

export interface Figures {
  /** ms since 1970. */
  readonly now: number
  readonly endpoints: readonly Pick<EndpointStatus, 'name' | 'backlog' | 'oldestMs' | 'skipped' | keyof EndpointHealth>[]
  readonly clusters: readonly Pick<
    ClusterStatus,
    ('name' | 'declared' | 'connected' | 'framesWaiting' | 'heardAt') | ('desiredHash' | 'activeHash' | 'streams' | 'figures')
  >[]
  readonly store: Omit<StoreStats, 'endpoints'>
  readonly config: Pick<ConfigStatus, 'rejected' | 'failing' | 'lastFetchAt'>
  readonly process: ProcessFigures
  readonly spans: SpanFigures
}

export interface ProcessFigures {
  /** Resident. Absent = whoever started the hub cannot tell. */
  readonly memoryBytes?: number
  readonly eventLoopDelayMs: number
}

export type Labels = Readonly<Record<string, string>>

/** One value of a state. */
export type Point = readonly [value: number, labels?: Labels]

/** `counts` has one more than `bounds`, for what is above them all. */
export interface Distribution {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

/** A metric that is read: its values in one reading. What is not among them has no series any more. */
export type State = MetricAbout &
  (
    | { readonly kind: 'gauge' | 'counter'; readonly points: (figures: Figures) => readonly Point[] }
    | { readonly kind: 'histogram'; readonly distribution: (figures: Figures) => Distribution }
  )
