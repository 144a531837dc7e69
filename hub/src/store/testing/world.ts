/** A small world for facts about stores: watches, activations, an agent that sends frames, and objects as it sees them. */
import assert from 'node:assert/strict'
import type { Entry, Frame, FrameStream, ObjectEntry, SyncedEntry } from '@watch-hub/shared/protocol/frames'
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'
import type { Activation, ClusterRoutes, LogRow, ScanChunk, Store, WatchRoute } from '../store.ts'

export const cluster = 'prod-eu-1'
export const clusterUid = 'uid-of-prod-eu-1'
export const streamId = 'services-whole'

export const watch = (over: Partial<WatchRoute> = {}): WatchRoute => ({
  definition: 'd1',
  endpoints: ['dns'],
  events: ['created', 'updated', 'deleted'],
  initial: 'send',
  metadata: {},
  ...over,
})

type Watches = Readonly<Record<string, WatchRoute>>

/** One cluster; by default one stream of services that has all the watches. */
export const routes = (watches: Watches, over: Partial<ClusterRoutes> = {}): ClusterRoutes => ({
  cluster,
  plan: 'p1',
  context: { name: cluster, labels: { env: 'prod' }, metadata: { platform: 'baremetal' } },
  streams: [{ id: streamId, resource: 'services', watches: Object.keys(watches) }],
  watches,
  ...over,
})

export const activation = (watches: Watches, over: Partial<ClusterRoutes> = {}): Activation => ({
  endpoints: [...new Set(Object.values(watches).flatMap(({ endpoints }) => endpoints))],
  clusters: [routes(watches, over)],
})

/** A service as the agent sees it; its content is told apart by `hash`, the body follows it. */
export const seen = (name: string, over: Partial<ObjectEntry> & { readonly hash?: string } = {}): ObjectEntry => {
  const hash = over.hash ?? 'h1'
  return {
    s: 0,
    uid: `uid-${name}`,
    namespace: 'team-web',
    name,
    resourceVersion: '1',
    cause: 'live',
    change: 'added',
    matches: ['lb'],
    hash,
    observedAt: 1_000,
    body: bodyOf(name, hash),
    ...over,
  }
}

export const bodyOf = (name: string, hash = 'h1'): string =>
  JSON.stringify({ metadata: { name }, spec: { hash, text: 'größer 大 🌍' } })

/** The same object without what an entry may leave away. */
export const bare = (name: string, over: Partial<ObjectEntry> = {}): ObjectEntry => {
  const { body: _, ...entry } = seen(name, over)
  return entry
}

export const gone = (name: string, over: Partial<ObjectEntry> = {}): ObjectEntry => {
  const { body: _, hash: __, ...entry } = seen(name, { matches: [], resourceVersion: '9', ...over, change: 'gone' })
  return entry
}

/** The object is there, but nothing matches it any more. */
export const out = (name: string, over: Partial<ObjectEntry> = {}): ObjectEntry => {
  const { body: _, hash: __, ...entry } = seen(name, { matches: [], resourceVersion: '9', change: 'modified', ...over })
  return entry
}

export const synced = (watches: Readonly<Record<string, string>>, s = 0): SyncedEntry => ({
  s,
  synced: Object.entries(watches).map(([name, definition]) => ({ watch: name, definition })),
  cause: 'list',
  observedAt: 1_000,
})

export const services = (id = streamId): FrameStream => ({
  id,
  group: '',
  resource: 'services',
  version: 'v1',
  kind: 'Service',
  namespaced: true,
})

export interface SendOptions {
  readonly plan?: string
  readonly streams?: readonly FrameStream[]
}

export interface TestAgent {
  readonly process: number
  /** The rows that became of one frame. */
  send(entries: readonly Entry[], options?: SendOptions): Promise<readonly LogRow[]>
  /** The next frame, not sent. */
  frame(entries: readonly Entry[], options?: SendOptions): Frame
}

let keys = 0

export async function join(store: Store, name = cluster, uid = clusterUid): Promise<void> {
  const hash = `token-${++keys}`
  await store.saveToken({ hash, cluster: name, expiresAt: 2_000, replace: true })
  const joined = await store.join({ cluster: name, tokenHash: hash, publicKey: `key-${keys}`, clusterUid: uid, now: 1_000 })
  assert.deepEqual(joined, { kind: 'joined' })
}

/** Joins, unless it did before, and opens a new process. `lost`: it knows that the store has lost data. */
export async function startAgent(store: Store, name = cluster, { lost = false } = {}): Promise<TestAgent> {
  if (!(await store.agents()).some((agent) => agent.cluster === name)) await join(store, name)
  const opened = await store.openProcess(name, 0, { lost })
  assert.equal(opened.kind, 'opened')
  const process = opened.kind === 'opened' ? opened.process : 0
  let number = 0
  const frame: TestAgent['frame'] = (entries, { plan = 'p1', streams = [services()] } = {}) => ({
    plan,
    process,
    number: ++number,
    streams,
    sealedAt: 1_000,
    entries,
  })
  return {
    process,
    frame,
    send: async (entries, options) => {
      const appended = await store.append(name, frame(entries, options))
      if (appended.kind !== 'stored') throw new Error(`expected a stored frame, got ${JSON.stringify(appended)}`)
      return appended.rows
    },
  }
}

/** What is told, in short: `dns created initial lb`. */
export const told = (rows: readonly LogRow[]): readonly string[] =>
  rows.flatMap((row) =>
    row.routes.map(({ endpoint, type, reason, watches }) => [row.object.name, endpoint, type, reason ?? '-', watches].join(' ')),
  )

export async function indexOf(
  store: Store,
  of: { readonly plan?: string; readonly stream?: string } = {},
): Promise<readonly IndexEntry[]> {
  const { plan = 'p1', stream = streamId } = of
  const all: IndexEntry[] = []
  for await (const chunk of store.readIndex({ cluster, plan, stream }, new AbortController().signal)) all.push(...chunk)
  return all
}

/** All of what is routed to an endpoint. */
export const readAll = async (store: Store, endpoint = 'dns', from = 0): Promise<readonly LogRow[]> =>
  (await store.read(endpoint, from, { rows: 10_000, bytes: 1e9 })).rows

/** What the scans of an endpoint read until none can go on, in chunks of `rows`, frozen one by one. */
export async function scanChunks(store: Store, endpoint = 'dns', rows = 1_000): Promise<readonly ScanChunk[]> {
  const all: ScanChunk[] = []
  for (;;) {
    const { scans, cursor } = await store.endpoint(endpoint)
    const scan = scans.find(({ waiting }) => !waiting)
    if (scan === undefined) return all
    const chunk = await store.readScan(scan.id, { rows, bytes: 1e9 })
    all.push(chunk)
    await freezeChunk(store, { endpoint, cursor, id: scan.id, chunk })
  }
}

/** As a courier does after it has read one. */
export const freezeChunk = (
  store: Store,
  of: { readonly endpoint: string; readonly cursor: number; readonly id: string; readonly chunk: ScanChunk },
) => {
  const { endpoint, cursor, id, chunk } = of
  const { position, done } = chunk
  const scan = { id, position, sent: chunk.rows.length, done }
  return store.freeze({ endpoint, settled: [], batches: [], cursor, scan })
}

export const scanAll = async (store: Store, endpoint?: string, rows?: number): Promise<readonly LogRow[]> =>
  (await scanChunks(store, endpoint, rows)).flatMap((chunk) => chunk.rows)
