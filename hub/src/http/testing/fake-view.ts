/** For tests: a hub that is nothing but its answers, and remembers what it was asked. */

import type { EndpointDetail, EndpointHealth } from '../../delivery/detail.ts'
import type { ResyncAnswer } from '../../delivery/dispatcher.ts'
import type { SampleAnswer } from '../../delivery/sample.ts'
import type { Backup } from '../../store/backup/backups.ts'
import type { AttemptRecord, LogRow } from '../../store/store.ts'
import type { Trace, TraceAnswer } from '../../trace/model.ts'
import type { Why, WhyAnswer } from '../../why/model.ts'
import type { HubStatus } from '../status.ts'
import type { EventFilter, HubView, IssuedToken, ListedLetter, ReplayPage } from '../view.ts'

export const t0 = Date.UTC(2026, 10, 23, 12, 0, 0)

export const fakeHealth: EndpointHealth = {
  breaker: { state: 'open', since: t0 - 12_000, reason: '5 failures in a row', nextProbeAt: t0 + 8_000 },
  inFlight: 0,
  frozen: 0,
  parked: { objects: 1, bytes: 12_700 },
  deadLetters: { count: 2, bytes: 3_200, limit: 268_435_456 },
  holds: [],
}

export const fakeStatus: HubStatus = {
  hub: {
    id: 'hub-1',
    version: '0.1.0',
    startedAt: t0 - 7_500_000,
    url: 'http://127.0.0.1:8080',
    agentUrl: 'https://hub.example.com',
  },
  config: {
    source: 'https://git.example.com/watch-config.git',
    branch: 'main',
    live: { commit: '4f2a9c1d00000000000000000000000000000000', hash: 'aa', since: t0 - 3_600_000 },
    rejected: {
      commit: '9ab12cd000000000000000000000000000000000',
      at: t0 - 180_000,
      problems: [{ file: 'watches/lb.yaml', line: 12, column: 5, path: 'spec.when', message: 'expected CEL, got "obj ect"' }],
    },
    lastFetchAt: t0 - 12_000,
  },
  clusters: [
    {
      name: 'prod-eu-1',
      labels: { env: 'prod' },
      declared: true,
      paused: false,
      joined: true,
      revoked: false,
      connected: true,
      since: t0 - 60_000,
      process: 3,
      version: '0.1.0',
      clusterUid: 'uid-1',
      streams: [
        { id: 's1', resource: 'services', watches: ['load-balancers'], state: { state: 'live' }, mismatches: 0 },
        { id: 's2', resource: 'pods', watches: ['pods'], state: { state: 'syncing', done: 1_200, total: 5_000 }, mismatches: 0 },
        {
          id: 's3',
          resource: 'widgets.example.com',
          watches: ['widgets'],
          state: { state: 'failed', reason: 'no such resource widgets.example.com', transient: true },
          mismatches: 0,
        },
      ],
      objects: 412,
      left: false,
      corrections: [],
      figures: { outbox: 2 },
      heardAt: t0 - 4_000,
      framesWaiting: 0,
    },
    {
      name: 'prod-us-1',
      labels: {},
      declared: true,
      paused: false,
      joined: false,
      revoked: false,
      connected: false,
      streams: [],
      objects: 0,
      left: false,
      corrections: [],
      figures: {},
      framesWaiting: 0,
    },
  ],
  endpoints: [
    {
      name: 'dns',
      url: 'https://dns.example.com/hooks',
      format: 'watch-hub',
      phase: 'retrying',
      reason: 'got 503 from the endpoint',
      since: t0 - 90_000,
      backlog: 37,
      oldestMs: 95_000,
      skipped: 12,
      delivered: 1_204,
      failures: 4,
      nextAttemptAt: t0 + 8_000,
      ...fakeHealth,
      scans: [{ watch: 'load-balancers', cluster: 'prod-eu-1', reason: 'initial', sent: 200, total: 412 }],
    },
  ],
  store: {
    state: { kind: 'ok' },
    logRows: 90,
    logBytes: 70_000,
    logLimit: 4_294_967_296,
    freeBytes: 9_000_000_000,
    commitMs: { last: 2, p50: 1.5, p99: 9 },
  },
}

export const fakeAttempt: AttemptRecord = {
  batch: 'b-1',
  at: t0 - 9_000,
  durationMs: 153.4,
  events: 10,
  bytes: 20_480,
  outcome: 'http_5xx',
  status: 503,
  resends: 1,
  error: 'answered 503: busy',
  answer: 'busy',
}

export const fakeDetail: Omit<EndpointDetail, keyof HubStatus['endpoints'][number]> = {
  concurrency: 4,
  recent: { eventsPerSecond: 12.5, attempts: 30, failed: 4, p50Ms: 21, p99Ms: 153 },
  drainMs: 2_960,
  parkedObjects: [
    {
      cluster: 'prod-eu-1',
      resource: 'services',
      namespace: 'web',
      name: 'shop',
      since: t0 - 600_000,
      attempts: 4,
      nextAttemptAt: t0 + 35_000,
      reason: 'answered 422: no such zone',
      status: 422,
      events: 2,
    },
  ],
  lastErrors: [fakeAttempt],
}

export const fakeLetter: ListedLetter = {
  id: 'letter-1',
  endpoint: 'dns',
  cluster: 'prod-eu-1',
  object: {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    resource: 'deployments',
    namespace: 'web',
    name: 'shop',
    uid: 'u1',
    resourceVersion: '7',
  },
  sequence: 1_795_450_401_978_123,
  type: 'updated',
  cause: 'http_4xx',
  reason: 'answered 422: no such zone',
  attempts: 12,
  firstAttemptAt: t0 - 300_000_000,
  diedAt: t0 - 40_800_000,
  status: 422,
}

/** Delivered to one endpoint at the fifth attempt, waiting for another. */
export const fakeTrace: Trace = {
  events: [
    {
      id: '00001795450401978123',
      cluster: 'prod-eu-1',
      object: fakeLetter.object,
      change: 'modified',
      cause: 'live',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      commit: 'f14b9d78b4000000000000000000000000000000',
      ...{ changedAt: t0, observedAt: t0 + 412, sentAt: t0 + 430, receivedAt: t0 + 429, storedAt: t0 + 437 },
      matches: ['deployments', 'load-balancers'],
      endpoints: [
        {
          ...{ endpoint: 'cmdb', type: 'updated', watches: ['deployments'], requests: [], requestsBefore: 0, letters: [] },
          ...{ state: 'log', text: 'waits in the log, 2 events before it: paused by ann', since: t0 - 9_000, next: t0 + 60_000 },
        },
        {
          ...{
            endpoint: 'dns',
            type: 'created',
            reason: 'in-scope',
            watches: ['load-balancers'],
            requestsBefore: 1,
            letters: [],
          },
          requests: [
            {
              ...{ batch: '3f2a', attemptsBefore: 2 },
              attempts: [
                { ...fakeAttempt, batch: '3f2a', at: t0 + 1_440, durationMs: 12, error: 'answered 503' },
                {
                  ...{ batch: '3f2a', at: t0 + 2_440, durationMs: 15_000, events: 1, bytes: 90, resends: 0 },
                  ...{ outcome: 'timeout', error: 'no answer within 15 s' },
                },
                {
                  ...{ batch: '3f2a', at: t0 + 5_700, durationMs: 9, events: 1, bytes: 90, resends: 0 },
                  ...{ outcome: 'accepted', status: 200 },
                },
              ],
            },
            { batch: '77aa', scan: 's-1', attempts: [], attemptsBefore: 0 },
          ],
          ...{ state: 'delivered', text: 'delivered at attempt 5', since: t0 + 5_709 },
          ...{ afterObservedMs: 5_297, afterChangedMs: 5_709 },
        },
      ],
      notes: [],
    },
  ],
  notes: ['there may be older events'],
}

export const fakeSample: SampleAnswer = {
  id: '2f9d8a4e-7f3e-4c4c-8f60-5f1b0a7f1c11',
  url: 'https://dns.example.com/hooks',
  format: 'watch-hub',
  outcome: 'accepted',
  status: 200,
  answer: 'thanks',
  ms: 42,
  bytes: 812,
}

const lb = (line: number) => ({ file: 'watches/lb.yaml', line, column: 3 })

export const fakeWhy: Why = {
  cluster: 'prod-eu-1',
  resource: 'services',
  namespace: 'web',
  name: 'shop',
  endpoint: 'dns',
  object: { state: 'present', detail: 'resourceVersion 7, uid u1', uid: 'u1', resourceVersion: '7' },
  clusterChecks: [{ about: 'agent', mark: 'yes', detail: 'connected', since: t0 - 60_000 }],
  watches: [
    {
      watch: 'load-balancers',
      endpoints: ['dns'],
      checks: [
        { about: 'resources', mark: 'yes', detail: 'services', at: lb(6) },
        { about: 'namespaces', mark: 'no', detail: '"web" not in [team-*]', at: lb(8) },
      ],
    },
    { watch: 'pods', endpoints: ['dns'], checks: [{ about: 'resources', mark: 'no', detail: 'pods', at: lb(20) }] },
  ],
  endpoints: [
    {
      endpoint: 'dns',
      checks: [
        { about: 'parked', mark: 'no', detail: 'answered 422', since: t0 - 60_000, next: t0 + 20_000 },
        { about: 'rateLimit', mark: 'note', detail: '10 per 1s: not reached' },
      ],
    },
  ],
  told: false,
  verdict: 'not told: namespaces of the watch load-balancers: "web" not in [team-*]',
  at: lb(8),
}

export const row = (sequence: number, change: Partial<LogRow> = {}): LogRow => ({
  sequence,
  cluster: 'prod-eu-1',
  context: 'ctx',
  stream: 's1',
  object: {
    group: '',
    version: 'v1',
    kind: 'Service',
    resource: 'services',
    namespace: 'web',
    name: 'shop',
    uid: 'u1',
    resourceVersion: '7',
  },
  observedAt: t0,
  appendedAt: t0 + 5,
  cause: 'live',
  change: 'modified',
  matches: ['load-balancers'],
  routes: [{ endpoint: 'dns', type: 'updated', watches: ['load-balancers'] }],
  body: '{"metadata":{"name":"shop"}}',
  ...change,
})

export interface FakeView extends HubView {
  readonly calls: readonly (readonly unknown[])[]
  /** What the next requests are answered with. */
  state: HubStatus
  issued: IssuedToken
  verdict: { readonly ok: boolean; readonly reasons: readonly string[] }
  resynced: ResyncAnswer
  rows: (filter: EventFilter, signal: AbortSignal) => AsyncIterable<LogRow>
  made: Backup
  letters: readonly ListedLetter[]
  replayed: ReplayPage
  sample: SampleAnswer
  traced: TraceAnswer
  /** Of the last trace that was asked for. */
  signal: AbortSignal | undefined
  whyAnswer: WhyAnswer
}

export function fakeView(): FakeView {
  const calls: (readonly unknown[])[] = []
  const find = (endpoint: string) => view.state.endpoints.find(({ name }) => name === endpoint)
  const known = (endpoint: string) => find(endpoint) !== undefined
  const view: FakeView = {
    calls,
    state: fakeStatus,
    issued: { kind: 'issued', cluster: 'prod-us-1', token: 'whj_secret', expiresAt: t0 + 1_800_000 },
    verdict: { ok: true, reasons: [] },
    resynced: { begun: 2, running: 0, dropped: 0 },
    rows: async function* () {},
    made: { kind: 'refused', code: 'backup-running', message: 'a backup is under way' },
    about: () => view.state.hub,
    status: async () => view.state,
    clusters: async () => view.state.clusters,
    endpoints: async () => view.state.endpoints,
    issueToken: async (cluster, options) => {
      calls.push(['issueToken', cluster, options])
      return view.issued
    },
    revoke: async (cluster) => {
      calls.push(['revoke', cluster])
      return view.state.clusters.some(({ name, joined }) => name === cluster && joined)
    },
    endpoint: async (name) => {
      const status = find(name)
      return status && { ...status, ...fakeDetail }
    },
    attempts: async (endpoint, which) => {
      calls.push(['attempts', endpoint, which])
      return known(endpoint) ? [fakeAttempt] : undefined
    },
    pause: async (endpoint, pause) => {
      calls.push(['pause', endpoint, pause])
      return known(endpoint)
    },
    resume: async (endpoint) => {
      calls.push(['resume', endpoint])
      return known(endpoint)
    },
    resync: async (endpoint, what) => {
      calls.push(['resync', endpoint, what])
      return known(endpoint) ? view.resynced : undefined
    },
    test: async (endpoint) => {
      calls.push(['test', endpoint])
      return known(endpoint) ? view.sample : undefined
    },
    letters: [fakeLetter],
    replayed: { letters: [] },
    sample: fakeSample,
    whyAnswer: { kind: 'explained', why: fakeWhy },
    why: async (question) => {
      calls.push(['why', question])
      return view.whyAnswer
    },
    deadLetters: async (which) => {
      calls.push(['deadLetters', which])
      return { letters: view.letters }
    },
    deadLetter: async (id) => {
      const letter = view.letters.find((each) => each.id === id)
      return letter && { ...letter, answer: 'no such zone', body: { metadata: { name: 'shop' } } }
    },
    replay: async (which, after) => {
      calls.push(['replay', which, after])
      return view.replayed
    },
    dropDeadLetters: async (which) => {
      calls.push(['dropDeadLetters', which])
      return view.letters.length
    },
    signal: undefined,
    traced: { kind: 'unknown', message: 'expected an event that is known' },
    trace: async (id, { endpoint, signal } = {}) => {
      view.signal = signal
      calls.push(['trace', id, endpoint])
      return view.traced
    },
    traceObject: async (question, { endpoint, signal } = {}) => {
      view.signal = signal
      calls.push(['traceObject', question, endpoint])
      return view.traced
    },
    fetchNow: async () => {
      calls.push(['fetchNow'])
      return view.state.config
    },
    backup: async () => view.made,
    events: (filter, signal) => {
      calls.push(['events', filter])
      return view.rows(filter, signal)
    },
    ready: () => view.verdict,
    healthy: () => view.verdict,
  }
  return view
}
