/** Builders for tests of the way out: log rows and endpoint configs with sensible defaults. */
import type { EndpointConfig } from '../../config/model.ts'
import type { LogRow, ObjectRef, Route, Sequence } from '../../store/store.ts'

type RowParts = Partial<Omit<LogRow, 'object'>> &
  Partial<ObjectRef> & { readonly sequence: Sequence; readonly routes?: readonly Route[] }

export function logRow(parts: RowParts): LogRow {
  const {
    group = '',
    version = 'v1',
    kind = 'Service',
    resource = 'services',
    namespace = 'web',
    name,
    uid = 'uid-1',
    resourceVersion = '7',
    ...row
  } = parts
  return {
    cluster: 'prod-eu-1',
    context: 'ctx',
    stream: 'stream-1',
    observedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    appendedAt: 1_000,
    cause: 'live',
    change: 'modified',
    matches: ['load-balancers'],
    routes: [],
    body: '{"kind":"Service"}',
    ...row,
    object: { group, version, kind, resource, namespace, name: name ?? uid, uid, resourceVersion },
  }
}

export function endpointConfig(parts: Partial<EndpointConfig> = {}): EndpointConfig {
  return {
    name: 'dns',
    url: 'http://127.0.0.1:9/hooks',
    format: 'watch-hub',
    auth: { kind: 'none' },
    headers: {},
    tls: {},
    signing: [],
    batch: { maxObjects: 10, maxBytes: 1024 * 1024, maxWaitMs: 0 },
    timeoutMs: 15_000,
    retry: { maxAgeMs: 72 * 3_600_000 },
    outcomes: {},
    concurrency: 1,
    history: 'latest',
    delta: false,
    unwatched: 'keep',
    allow: {},
    markers: false,
    attach: {},
    paused: false,
    at: { file: 'endpoints/dns.yaml', line: 1, column: 1 },
    ...parts,
  }
}
