/** What `watch-hub status` and `cluster list` say about the agents. */
import type { StreamState } from '@watch-hub/shared/protocol/stream-state'

export interface StreamStatus {
  readonly id: string
  /** `deployments.apps` */
  readonly resource: string
  readonly watches: readonly string[]
  readonly state: StreamState
  /** When its objects were last compared with the cluster in full, ms. */
  readonly comparedAt?: number
  /** How often index and inventory were not the same; each time the index was loaded anew. */
  readonly mismatches: number
}

/** Changes of one kind that a comparison found and no watch had told, though it should have. */
export interface Corrections {
  /** `deployments.apps` */
  readonly resource: string
  readonly count: number
  /** Those of them that an audit found. */
  readonly byAudit: number
  /** When the last one was found, ms. */
  readonly at: number
}

export interface ClusterStatus {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Declared in the live Snapshot. An undeclared one keeps its key and its data, but cannot connect. */
  readonly declared: boolean
  readonly paused: boolean
  readonly joined: boolean
  readonly revoked: boolean
  readonly connected: boolean
  /** It is not connected because its agent was stopped, and said so. */
  readonly left: boolean
  /** Since when it is connected, or when it was last seen, ms. */
  readonly since?: number
  readonly process?: number
  readonly version?: string
  readonly clusterUid?: string
  /** Plan hashes: wanted by the hub, received by the agent, running there. */
  readonly desiredHash?: string
  readonly receivedHash?: string
  readonly activeHash?: string
  /** Why the received plan does not run. */
  readonly error?: string
  readonly streams: readonly StreamStatus[]
  /** Objects held in the hub's inventory. */
  readonly objects: number
  /** By kind; kinds without any are not listed. */
  readonly corrections: readonly Corrections[]
  /** The agent's own figures, as it told them last. */
  readonly figures: Readonly<Record<string, number>>
  /** When that was, ms. */
  readonly heardAt?: number
  /** Frames that arrived and wait for the store. */
  readonly framesWaiting: number
}
