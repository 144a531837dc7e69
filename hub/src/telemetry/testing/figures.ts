/** For tests: figures in which every state has a value. */
import type { Figures } from '../metrics/figures.ts'

export const figures: Figures = {
  now: 1_700_000_100_000,
  spans: { exported: 40, failed: 2, dropped: 1, queued: 3 },
  process: { memoryBytes: 84_000_000, eventLoopDelayMs: 3 },
  config: {
    rejected: { commit: 'c0', at: 5, problems: [] },
    failing: { since: 5, reason: 'unreachable' },
    lastFetchAt: 1_700_000_000_000,
  },
  endpoints: [
    {
      ...{ name: 'dns', backlog: 7, oldestMs: 1_500, skipped: 4, inFlight: 2, frozen: 3 },
      breaker: { state: 'open', since: 5, reason: 'answered 503: secret-looking' },
      parked: { objects: 3, bytes: 900 },
      deadLetters: { count: 2, bytes: 800, limit: 4_000 },
      holds: [{ cause: 'operator', since: 5, by: 'ann' }],
    },
    {
      ...{ name: 'audit', backlog: 0, skipped: 0, inFlight: 0, frozen: 0, holds: [] },
      breaker: { state: 'closed', since: 5 },
      parked: { objects: 0, bytes: 0 },
      deadLetters: { count: 0, bytes: 0, limit: 4_000 },
    },
  ],
  clusters: [
    {
      ...{ name: 'east', declared: true, connected: true, framesWaiting: 2, heardAt: 1_700_000_096_000 },
      ...{ desiredHash: 'p2', activeHash: 'p1' },
      streams: [
        { id: 's1', resource: 'pods', watches: ['w'], state: { state: 'live' }, mismatches: 1 },
        { id: 's2', resource: 'nodes', watches: ['w'], state: { state: 'failed', reason: 'forbidden' }, mismatches: 0 },
      ],
      figures: {
        ...{ objects: 9, outboxEntries: 4, outboxBytes: 1_200, outboxWaiting: 1, outboxResets: 1, framesInFlight: 2 },
        ...{ lists: 5, watches: 6, reloads: 1, matchErrors: 2, reconnects: 3 },
        ...{ memoryBytes: 60_000_000, cpuMs: 2_500, uptimeMs: 90_000, ofAnAgentToCome: 1 },
      },
    },
    {
      ...{ name: 'west', declared: true, connected: false, framesWaiting: 0, heardAt: 1_600_000_000_000 },
      ...{ desiredHash: 'p3', activeHash: 'p3', streams: [], figures: { objects: 12 } },
    },
  ],
  store: {
    state: { kind: 'stopped', reason: 'the disk is full' },
    logRows: 12,
    logBytes: 3_400,
    logLimit: 4_096,
    deadLetterLimit: 4_000,
    freeBytes: 512,
    commitMs: { last: 2, p50: 1.5, p99: 9 },
    commits: { boundsMs: [1, 10], counts: [3, 2, 1], sumMs: 40 },
    callsWaiting: 5,
    reads: { memory: 40, disk: 2 },
    comparisons: [
      { cluster: 'east', stream: 's1', resource: 'pods', corrections: 5, auditCorrections: 2, mismatches: 1 },
      { cluster: 'east', stream: 's2', resource: 'pods', corrections: 1, auditCorrections: 0, mismatches: 0 },
    ],
    inventory: [{ cluster: 'east', resource: 'deployments.apps', objects: 3 }],
  },
}
