/**
 * The hub alone, from packed frames to accepted requests: unpacking, decoding, the store with every sync to disk, and the way out, in a process of
 * its own but for the endpoints, which share one process and answer at once. Beside it, in the same run, what SQLite inserts of the same rows,
 * and what the hub's sender posts of the same size to the same endpoint, each with the machine to itself.
 */
import type { EndpointConfig } from '@watch-hub/hub/config/model'
import { startDelivery } from '@watch-hub/hub/delivery/dispatcher'
import { createEgress } from '@watch-hub/hub/delivery/egress'
import { silentMeter } from '@watch-hub/hub/delivery/meter'
import { openPost } from '@watch-hub/hub/delivery/post'
import { startSecrets } from '@watch-hub/hub/delivery/secrets'
import { resolveTarget } from '@watch-hub/hub/delivery/target'
import { endpointConfig } from '@watch-hub/hub/delivery/testing/rows'
import { snapshotOf } from '@watch-hub/hub/delivery/testing/world'
import { silentTracer } from '@watch-hub/hub/delivery/tracer'
import { type FleetTracer, silentFleetTracer } from '@watch-hub/hub/fleet/tracer'
import { openStore } from '@watch-hub/hub/store/sqlite'
import type { Store } from '@watch-hub/hub/store/store'
import type { Tracing } from '@watch-hub/hub/telemetry/tracing'
import { decodeFrame, encodeFrame, type Frame } from '@watch-hub/shared/protocol/frames'
import { framesInFlight } from '@watch-hub/shared/protocol/limits'
import { pack, unpack } from '@watch-hub/shared/protocol/wire'
import { bell } from '@watch-hub/shared/runtime/bell'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { ms, perSecond, quantile } from '../numbers.ts'
import { bodyBytes, framesOf, joined, measureRaw, withFolder } from '../store.ts'
import { openSink, type Sink } from './sink.ts'

/** As an agent seals them: 160 KiB. */
export const entriesPerFrame = 80
const batchObjects = 100
/** Each sends its part of the frames, as fast as they are taken. */
const agents = ['c0', 'c1', 'c2', 'c3']
const live = new AbortController().signal
const egress = createEgress(['127.0.0.0/8'])
const targetSettings = { release: 'bench', allowInsecureCredentials: true }

export interface Shape {
  readonly endpoints: number
  readonly concurrency: number
  readonly rows: number
}

const shapes: readonly Shape[] = [
  { endpoints: 1, concurrency: 1, rows: 100_000 },
  { endpoints: 1, concurrency: 4, rows: 100_000 },
  { endpoints: 10, concurrency: 4, rows: 40_000 },
]

export async function benchHubAlone(): Promise<void> {
  await using sink = await openSink()
  const warmUp = { endpoints: 1, concurrency: 1, rows: 10_000 }
  await run({ sink, shape: warmUp }, framesOf(warmUp.rows, entriesPerFrame))
  for (const shape of shapes) console.log(await measure(sink, shape))
}

async function measure(sink: Sink, shape: Shape): Promise<string> {
  const { rows, endpoints, concurrency } = shape
  const frames = framesOf(rows, entriesPerFrame)
  const inserts = await measureRaw(frames)
  const posts = await postAlone(sink, concurrency)
  const { ms: took, waited } = await run({ sink, shape }, frames)
  const events = frames.length * entriesPerFrame
  const rate = perSecond(events * endpoints, took)
  const aim = endpoints === 1 ? 20_000 : 100_000
  return (
    `hub alone: ${events} rows from ${agents.length} agents, of ${bodyBytes} bytes to ${endpoints} endpoint${endpoints === 1 ? '' : 's'}, batches of ${batchObjects}, concurrency ${concurrency}: ` +
    `${rate} deliveries/s (aim ≥ ${aim}), ${perSecond(events, took)} rows/s; ` +
    `SQLite alone ${Math.round(inserts)} rows/s, posts alone ${posts} events/s; ` +
    `from append to acceptance p50 ${ms(quantile(waited, 0.5))}, p99 ${ms(quantile(waited, 0.99))}`
  )
}

/** What is told of the run while it goes. */
type Tracers = Pick<Tracing, 'fleet' | 'delivery'> & AsyncDisposable
const noTracers = (): Tracers => ({ fleet: silentFleetTracer, delivery: silentTracer, [Symbol.asyncDispose]: async () => {} })

export interface RunSettings {
  readonly sink: Sink
  readonly shape: Shape
  /** @default nobody traces */
  readonly trace?: (store: Store) => Tracers
}

/** How long until the last event is accepted, and how long the oldest event of each batch waited. */
export async function run({ sink, shape, trace = noTracers }: RunSettings, frames: readonly Frame[]) {
  const parts = await Promise.all(agents.map((_, i) => packedPart(frames, i)))
  const names = Array.from({ length: shape.endpoints }, (_, i) => `e${i}`)
  const expected = frames.length * entriesPerFrame * names.length
  return withFolder(async (file) => {
    await using store = await openStore({ file })
    await using secrets = noSecrets()
    await joined(store, agents, names)
    const progress = counting(expected)
    await using tracers = trace(store)
    const deps = { store, secrets, egress, log: silentLog, meter: progress.meter, tracer: tracers.delivery }
    await using delivery = startDelivery(deps, targetSettings)
    delivery.follow(snapshotOf({ endpoints: names.map((name) => endpoint(name, sink, shape)), watches: [] }))
    const began = performance.now()
    await Promise.all(agents.map((agent, i) => appendAll(store, { cluster: agent, tracer: tracers.fleet }, parts[i] ?? [])))
    await progress.done()
    return { ms: performance.now() - began, waited: progress.waited }
  })
}

const noSecrets = () => startSecrets({ log: silentLog }, { env: {} })

const endpoint = (name: string, { url }: Sink, { concurrency }: Pick<Shape, 'concurrency'>): EndpointConfig =>
  endpointConfig({
    name,
    url: `${url}/${name}`,
    concurrency,
    history: 'every',
    batch: { maxObjects: batchObjects, maxBytes: 1024 * 1024, maxWaitMs: 100 },
  })

const packedPart = (frames: readonly Frame[], part: number): Promise<readonly Uint8Array[]> =>
  Promise.all(
    frames
      .filter((_, i) => i % agents.length === part)
      .map((frame, i) => pack('frame', encodeFrame({ ...frame, number: i + 1 }))),
  )

interface Agent {
  readonly cluster: string
  readonly tracer: FleetTracer
}

/** As a session does it: in order, as many under way as an agent may have. */
async function appendAll(store: Store, { cluster, tracer }: Agent, packed: readonly Uint8Array[]): Promise<void> {
  const underWay = new Set<Promise<void>>()
  for (const bytes of packed) {
    const receivedAt = Date.now()
    const frame = { ...decodeFrame(await unpack('frame', bytes)), receivedAt }
    const trace = tracer.received({ cluster, clusterUid: cluster, frame })
    const appending = store.append(cluster, trace.frame).then((outcome) => {
      underWay.delete(appending)
      if (outcome.kind !== 'stored') throw new Error(`expected a stored frame, got ${outcome.kind}`)
      trace.stored(outcome.rows)
    })
    underWay.add(appending)
    if (underWay.size >= framesInFlight) await Promise.race(underWay)
  }
  await Promise.all(underWay)
}

function counting(expected: number) {
  const changed = bell()
  const waited: number[] = []
  let events = 0
  return {
    waited,
    meter: {
      ...silentMeter,
      delivered: (of: { readonly events: number; readonly waitedMs?: number }) => {
        events += of.events
        if (of.waitedMs !== undefined) waited.push(of.waitedMs)
        if (events >= expected) changed.ring()
      },
    },
    done: async () => {
      while (events < expected) await changed.wait(live)
    },
  }
}

/** Events per second. */
async function postAlone(sink: Sink, concurrency: number): Promise<number> {
  const requests = 2_000
  await using secrets = noSecrets()
  const resolved = await resolveTarget(endpoint('alone', sink, { concurrency }), secrets, targetSettings)
  if (resolved.kind === 'blocked') throw new Error(resolved.reason)
  await using post = openPost(resolved.target, { timeoutMs: 10_000, egress, now: Date.now })
  const body = Buffer.alloc(batchObjects * bodyBytes, 'x')
  let left = requests
  const work = async () => {
    while (left-- > 0) {
      const { kind } = await post.send({ id: 'id', endpoint: 'alone', events: batchObjects, body, headers: {} }, live)
      if (kind !== 'accepted') throw new Error(`expected an accepted request, got ${kind}`)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: concurrency }, work))
  return perSecond(requests * batchObjects, performance.now() - began)
}
