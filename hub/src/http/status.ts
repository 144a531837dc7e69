/** The whole hub at a glance: what `/api/v1/status` answers and `watch-hub status` shows. */
import type { ConfigStatus } from '../config/status.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus } from '../fleet/status.ts'
import type { StoreStats } from '../store/store.ts'

export interface HubAbout {
  /** Identity of its data. */
  readonly id: string
  readonly version: string
  /** ms */
  readonly startedAt: number
  readonly url: string
  /** How agents reach it. */
  readonly agentUrl: string
}

export interface HubStatus {
  readonly hub: HubAbout
  readonly config: ConfigStatus
  readonly clusters: readonly ClusterStatus[]
  readonly endpoints: readonly EndpointStatus[]
  readonly store: Pick<StoreStats, 'state' | 'logRows' | 'logBytes' | 'logLimit' | 'freeBytes' | 'commitMs'>
}
