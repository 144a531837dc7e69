/** How fast the store takes frames, beside what SQLite takes of the same rows with nothing around it, in the same run. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@watch-hub/hub/store/engine/database'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import { migrate } from '@watch-hub/hub/store/engine/schema'
import { openStore } from '@watch-hub/hub/store/sqlite'
import type { Activation, Store } from '@watch-hub/hub/store/store'
import type { Frame } from '@watch-hub/shared/protocol/frames'
import { formatTraceparent, newTrace } from '@watch-hub/shared/protocol/traceparent'

export interface StoreBench {
  readonly entriesPerFrame: number
  /** Frames under way at once. */
  readonly inFlight: number
  readonly rowsPerSecond: number
  /** The same rows, inserted by SQLite alone, one transaction per frame. */
  readonly rawRowsPerSecond: number
  /** From `append` to its answer. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly commitMs: { readonly p50: number; readonly p99: number }
}

export const bodyBytes = 2_000
const stream = { id: 'services-whole', group: '', resource: 'services', version: 'v1', kind: 'Service', namespaced: true }
const activationOf = (clusters: readonly string[], endpoints: readonly string[]): Activation => ({
  endpoints,
  clusters: clusters.map((cluster) => ({
    cluster,
    plan: 'p1',
    context: { name: cluster, labels: { env: 'prod' }, metadata: {} },
    streams: [{ id: stream.id, resource: 'services', watches: ['load-balancers'] }],
    watches: {
      'load-balancers': {
        definition: 'd1',
        endpoints,
        events: ['created', 'updated', 'deleted'],
        initial: 'send',
        metadata: {},
      },
    },
  })),
})

const bodies = Array.from({ length: 500 }, (_, i) => {
  const text = JSON.stringify({ kind: 'Service', i, noise: randomBytes(bodyBytes / 2).toString('hex') })
  return `${text.slice(0, bodyBytes - 2)}"}`
})

/** Half of the rows are new objects, half are changes of them. */
export function framesOf(rows: number, entriesPerFrame: number): readonly Frame[] {
  const uids = Array.from({ length: Math.ceil(rows / 2) }, () => randomUUID())
  return Array.from({ length: Math.ceil(rows / entriesPerFrame) }, (_, f) => ({
    plan: 'p1',
    process: 1,
    number: f + 1,
    streams: [stream],
    sealedAt: Date.now(),
    sentAt: Date.now(),
    entries: Array.from({ length: entriesPerFrame }, (_, e) => {
      const i = f * entriesPerFrame + e
      return {
        s: 0,
        uid: uids[i % uids.length] ?? '',
        namespace: 'team-web',
        name: `shop-${i % uids.length}`,
        resourceVersion: String(1_000 + i),
        cause: 'live' as const,
        change: i < uids.length ? ('added' as const) : ('modified' as const),
        matches: ['load-balancers'],
        hash: String(i).padStart(32, '0'),
        observedAt: Date.now(),
        changedAt: Math.floor(Date.now() / 1_000) * 1_000,
        traceparent: formatTraceparent(newTrace()),
        body: bodies[i % bodies.length] ?? '',
      }
    }),
  }))
}

export async function withFolder<T>(run: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'watch-hub-bench-'))
  try {
    return await run(join(folder, 'store.db'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** These clusters have joined, and what their frames tell goes to these endpoints. */
export async function joined(
  store: Store,
  clusters: readonly string[] = ['prod-eu-1'],
  endpoints: readonly string[] = ['cmdb', 'dns'],
): Promise<void> {
  for (const cluster of clusters) {
    await store.saveToken({ hash: cluster, cluster, expiresAt: Date.now() + 60_000, replace: false })
    await store.join({ cluster, tokenHash: cluster, publicKey: 'k', clusterUid: cluster, now: Date.now() })
    await store.openProcess(cluster, 0)
  }
  await store.activate(activationOf(clusters, endpoints))
}

const quantile = (ascending: readonly number[], q: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * q))] ?? 0

async function measureStore(
  frames: readonly Frame[],
  inFlight: number,
): Promise<Omit<StoreBench, 'entriesPerFrame' | 'inFlight' | 'rawRowsPerSecond'>> {
  return withFolder(async (file) => {
    await using store = await openStore({ file })
    await joined(store)
    const latencies: number[] = []
    const queue = [...frames]
    const began = performance.now()
    const send = async () => {
      for (let frame = queue.shift(); frame !== undefined; frame = queue.shift()) {
        const sent = performance.now()
        const stored = await store.append('prod-eu-1', frame)
        if (stored.kind !== 'stored') throw new Error(`expected a stored frame, got ${JSON.stringify(stored)}`)
        latencies.push(performance.now() - sent)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, send))
    const seconds = (performance.now() - began) / 1000
    const { commitMs } = await store.stats()
    const ascending = latencies.sort((a, b) => a - b)
    const rows = frames.reduce((sum, { entries }) => sum + entries.length, 0)
    return {
      rowsPerSecond: rows / seconds,
      latencyMs: { p50: quantile(ascending, 0.5), p99: quantile(ascending, 0.99), max: ascending.at(-1) ?? 0 },
      commitMs,
    }
  })
}

/** Rows per second of the store's tables and nothing else: no lookups, no routes, no thread. */
export const measureRaw = (frames: readonly Frame[]): Promise<number> =>
  withFolder(async (file) => {
    using db = openDatabase(file)
    migrate(db)
    const insert = inserts(db)
    let sequence = 0
    const began = performance.now()
    for (const frame of frames) {
      db.exec('BEGIN IMMEDIATE')
      for (const entry of frame.entries) if ('uid' in entry) insert(++sequence, entry)
      db.exec('COMMIT')
      if (db.checkpoint('noop').pages > 8192) db.checkpoint('passive')
    }
    return sequence / ((performance.now() - began) / 1000)
  })

function inserts(db: Database) {
  const log = db.command('INSERT INTO log VALUES (?, ?, 1, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const body = db.command('INSERT INTO bodies VALUES (?, ?)')
  const inventory = db.command('INSERT OR REPLACE INTO inventory VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const routes = '[["cmdb","created","","load-balancers"],["dns","created","","load-balancers"]]'
  return (sequence: number, entry: Extract<Frame['entries'][number], { readonly uid: string }>) => {
    const { namespace, name, uid, resourceVersion, observedAt, cause, change, traceparent = '', changedAt = 0 } = entry
    const times = [changedAt, observedAt, observedAt]
    const matches = JSON.stringify(entry.matches)
    log(
      sequence,
      routes,
      'v1',
      namespace,
      name,
      uid,
      resourceVersion,
      observedAt,
      observedAt,
      ...[cause, change, matches, traceparent],
      ...times,
    )
    body(sequence, entry.body ?? '')
    inventory(uid, 'v1', namespace, name, resourceVersion, entry.hash ?? '', matches, observedAt, sequence, traceparent)
  }
}

const shapes = [
  { rows: 1_000, entriesPerFrame: 1, inFlight: 1 },
  { rows: 4_000, entriesPerFrame: 1, inFlight: 64 },
  { rows: 40_000, entriesPerFrame: 100, inFlight: 8 },
  { rows: 40_000, entriesPerFrame: 1_000, inFlight: 8 },
]

/** Measures each shape and says it in a line. */
export async function benchStore(say: (line: string) => void = console.log): Promise<readonly StoreBench[]> {
  const results: StoreBench[] = []
  for (const { rows, entriesPerFrame, inFlight } of shapes) {
    const frames = framesOf(rows, entriesPerFrame)
    const rawRowsPerSecond = await measureRaw(frames)
    const result = { entriesPerFrame, inFlight, rawRowsPerSecond, ...(await measureStore(frames, inFlight)) }
    results.push(result)
    say(line(result))
  }
  return results
}

function line({ entriesPerFrame, inFlight, rowsPerSecond, rawRowsPerSecond, latencyMs, commitMs }: StoreBench): string {
  const share = Math.round((100 * rowsPerSecond) / rawRowsPerSecond)
  return [
    `store: ${entriesPerFrame} entries a frame, ${inFlight} in flight: ${Math.round(rowsPerSecond)} rows/s`,
    `SQLite alone ${Math.round(rawRowsPerSecond)} (${share} %)`,
    `append p50 ${latencyMs.p50.toFixed(1)} p99 ${latencyMs.p99.toFixed(1)} max ${latencyMs.max.toFixed(1)} ms`,
    `commit p50 ${commitMs.p50.toFixed(1)} p99 ${commitMs.p99.toFixed(1)} ms`,
  ].join(', ')
}

if (import.meta.main) await benchStore()
