/**
 * What the trouble of other endpoints costs one that works: the same changes at an even pace, once with it alone and once beside one that is
 * down for the whole run, one that answers late, and one that refuses every other five seconds. Then all of them work, and it is counted how
 * long they need for what waits.
 */
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { Cluster } from '../../support/cluster.ts'
import { configMap } from '../../support/objects.ts'
import { freePort } from '../../support/world.ts'
import { filler } from '../load.ts'
import { mb, ms, quantile } from '../numbers.ts'
import { type Memory, memoryOf } from '../process-memory.ts'
import { type Stage, startStage } from '../stage.ts'
import { type Manner, openSink, type Sink } from './sink.ts'

const objects = 2_000
const perSecond = 200
const runMs = 40_000
const tickMs = 10
/** What a start costs is over by then. */
const warmUpMs = 5_000

type Simulator = NonNullable<Cluster['simulator']>

interface Run {
  readonly latencies: readonly number[]
  readonly memory: Memory
}

/** `cluster` is simulated: what the API server costs is not in question. */
export async function benchIsolation({ simulator, ...cluster }: Cluster): Promise<void> {
  if (simulator === undefined || process.platform !== 'linux') {
    console.log('isolation: not measured, it needs the simulator and /proc')
    return
  }
  for (let i = 0; i < objects; i++) simulator.create('configmaps', configMap(`object-${i}`, { rev: '0', filler }))
  const alone = await withStage(cluster, [], (stage) => measure(stage, simulator))
  const port = await freePort()
  await using slow = await openSink({ manner: 'slow' })
  await using flapping = await openSink({ manner: 'flapping' })
  const others: readonly Other[] = [
    { name: 'down', url: `http://127.0.0.1:${port}/hook` },
    { name: 'slow', url: slow.url },
    { name: 'flapping', url: flapping.url },
  ]
  await withStage(cluster, others, async (stage) => {
    say(alone, await measure(stage, simulator))
    await drain(stage, { port, ill: [slow, flapping] })
  })
}

interface Other {
  readonly name: Exclude<Manner, 'prompt'> | 'down'
  readonly url: string
}

async function withStage<T>(cluster: Cluster, others: readonly Other[], run: (stage: Stage) => Promise<T>): Promise<T> {
  const endpoint = { batch: { maxWait: '0s' }, concurrency: 4 }
  await using stage = await startStage({
    cluster,
    endpoint,
    watch: { endpoints: ['receiver', ...others.map(({ name }) => name)] },
    more: others.map(({ name, url }) => ({ kind: 'Endpoint', metadata: { name }, spec: { ...endpoint, url, timeout: '5s' } })),
  })
  await stage.startAgent()
  await stage.receiver.waitFor(() => stage.arrivals.size >= objects, 'the first sync', 60_000)
  await stage.live()
  return await run(stage)
}

let rev = 0

async function measure(stage: Stage, simulator: Simulator): Promise<Run> {
  await change(stage, simulator, warmUpMs)
  const latencies = await change(stage, simulator, runMs)
  return { latencies, memory: await memoryOf(stage.world.hub().pid) }
}

/** At an even pace; resolves when the last change has arrived at the endpoint that works. */
async function change({ receiver, arrivals }: Stage, simulator: Simulator, forMs: number): Promise<readonly number[]> {
  const changed = new Map<string, number>()
  const began = performance.now()
  for (let made = 0; performance.now() - began < forMs; await sleep(tickMs))
    for (; made < ((performance.now() - began) * perSecond) / 1_000; made++) {
      const name = `object-${made % objects}`
      simulator.patch('configmaps', `default/${name}`, { data: { rev: String(++rev) } })
      changed.set(`default/${name}@${rev}`, performance.now())
    }
  const last = [...changed.keys()].at(-1) ?? ''
  await receiver.waitFor(() => arrivals.has(last), 'the last change', 60_000)
  return [...changed].flatMap(([key, at]) => {
    const arrived = arrivals.get(key)
    return arrived === undefined ? [] : [arrived - at] // what `history: latest` passed over did not arrive
  })
}

function say(alone: Run, beside: Run): void {
  const lines: readonly (readonly [string, (run: Run) => number, (value: number) => string])[] = [
    ['p50', ({ latencies }) => quantile(latencies, 0.5), ms],
    ['p99', ({ latencies }) => quantile(latencies, 0.99), ms],
    ["the hub's memory at the end", ({ memory }) => memory.now, mb],
    ['and at most', ({ memory }) => memory.peak, mb],
  ]
  console.log(
    `isolation: ${perSecond} changes/s of ${objects} objects of about 1 kB for ${runMs / 1_000} s; one endpoint alone | beside three that are ill`,
  )
  for (const [what, of, told] of lines) {
    const share = (100 * of(beside)) / of(alone) - 100
    console.log(
      `isolation: ${what}: ${told(of(alone))} | ${told(of(beside))} (${share >= 0 ? '+' : ''}${share.toFixed(0)} %, aim ≤ +10 %)`,
    )
  }
}

async function drain({ world }: Stage, { port, ill }: { readonly port: number; readonly ill: readonly Sink[] }): Promise<void> {
  const before = await world.status(() => true, 'the status')
  const waiting = before.endpoints.map(({ name, backlog }) => `${name} ${backlog}`).join(', ')
  await using _up = await openSink({ port })
  for (const sink of ill) sink.mend()
  const began = performance.now()
  // The next attempt can be minutes away by now; an operator who does not want to wait holds it for a moment.
  for (const order of ['pause', 'resume']) await world.api(`/endpoints/down/${order}`, 'POST')
  const took = new Map<string, number>()
  await world.status(
    ({ endpoints }) => {
      for (const { name, backlog } of endpoints) if (backlog === 0 && !took.has(name)) took.set(name, performance.now() - began)
      return took.size === endpoints.length
    },
    'nothing that waits',
    120_000,
  )
  const times = [...took].map(([name, each]) => `${name} after ${ms(each)}`).join(', ')
  console.log(`isolation: all work again; events that waited: ${waiting}; nothing waits: ${times}`)
}
