/**
 * What clients of the admin API read: its answers, decoded. The types are the hub's own, so a decoder that falls behind them
 * does not compile. A hub that is newer may say more: that is ignored.
 */
import {
  array,
  boolean,
  DecodeError,
  type Decoder,
  literal,
  object,
  optional,
  record,
  string,
} from '@watch-hub/shared/protocol/decode'
import { streamState } from '@watch-hub/shared/protocol/stream-state'
import type { ConfigStatus } from '../config/status.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { ClusterStatus } from '../fleet/status.ts'
import type { HubStatus } from './status.ts'

export const number: Decoder<number> = {
  shape: 'number',
  decode: (value, path = '') => {
    if (typeof value === 'number') return value
    throw new DecodeError(`${path}: expected a number, got ${typeof value}`)
  },
}

export const configStatus: Decoder<ConfigStatus> = object({
  source: string,
  branch: optional(string),
  path: optional(string),
  live: optional(object({ commit: string, hash: string, since: number })),
  rejected: optional(
    object({
      commit: string,
      at: number,
      problems: array(object({ file: string, line: number, column: number, path: string, message: string })),
    }),
  ),
  failing: optional(object({ since: number, reason: string, nextTryAt: optional(number) })),
  lastFetchAt: optional(number),
})

const clusterStatus: Decoder<ClusterStatus> = object({
  name: string,
  labels: record(string),
  declared: boolean,
  paused: boolean,
  joined: boolean,
  revoked: boolean,
  connected: boolean,
  left: boolean,
  since: optional(number),
  process: optional(number),
  version: optional(string),
  clusterUid: optional(string),
  desiredHash: optional(string),
  receivedHash: optional(string),
  activeHash: optional(string),
  error: optional(string),
  streams: array(
    object({
      id: string,
      resource: string,
      watches: array(string),
      state: streamState,
      comparedAt: optional(number),
      mismatches: number,
    }),
  ),
  corrections: array(object({ resource: string, count: number, byAudit: number, at: number })),
  objects: number,
  figures: record(number),
  heardAt: optional(number),
  framesWaiting: number,
})
export const clusterStatuses = array(clusterStatus)

const healthFields = {
  breaker: object({
    state: literal('closed', 'open', 'half-open'),
    since: number,
    reason: optional(string),
    nextProbeAt: optional(number),
  }),
  inFlight: number,
  frozen: number,
  parked: object({ objects: number, bytes: number }),
  deadLetters: object({ count: number, bytes: number, limit: number }),
  holds: array(
    object({
      cause: literal('git', 'operator', 'gone', 'guard'),
      since: number,
      by: string,
      reason: optional(string),
      until: optional(number),
    }),
  ),
}

/** Also part of what `wire-delivery.ts` tells of one. */
export const endpointFields = {
  ...healthFields,
  name: string,
  url: string,
  format: string,
  phase: literal('idle', 'delivering', 'retrying', 'paused', 'blocked'),
  reason: optional(string),
  since: number,
  backlog: number,
  oldestMs: optional(number),
  skipped: number,
  delivered: number,
  failures: number,
  nextAttemptAt: optional(number),
  lastDeliveredAt: optional(number),
  scans: array(
    object({ watch: string, cluster: string, reason: string, sent: number, total: number, waiting: optional(boolean) }),
  ),
}
const endpointStatus: Decoder<EndpointStatus> = object(endpointFields)
export const endpointStatuses = array(endpointStatus)

export const hubStatus: Decoder<HubStatus> = object({
  hub: object({ id: string, version: string, startedAt: number, url: string, agentUrl: string }),
  config: configStatus,
  clusters: clusterStatuses,
  endpoints: endpointStatuses,
  store: object({
    state: object({ kind: literal('ok', 'over-bound', 'low-disk', 'stopped'), reason: optional(string) }),
    logRows: number,
    logBytes: number,
    logLimit: number,
    freeBytes: optional(number),
    commitMs: object({ last: number, p50: number, p99: number }),
  }),
})

/** Answer to `POST /api/v1/clusters/NAME/token`. `hub` is the address that the agent is to use. */
export const issuedToken = object({ cluster: string, token: string, expiresAt: number, hub: string })
