/**
 * An endpoint that is down for a weekend, compressed: steady changes of the same objects, one endpoint that nobody answers for beside one that
 * works, and a log bound that the changes pass many times over. How much disk it takes, what the other one notices, and how long the dead one
 * needs to catch up. Beside it, in the same run, the same load without the dead one.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Cluster } from '../support/cluster.ts'
import { configMap } from '../support/objects.ts'
import { startReceiver } from '../support/receiver.ts'
import { freePort } from '../support/world.ts'
import { filler } from './load.ts'
import { mb, ms, quantile } from './numbers.ts'
import { type Stage, startStage } from './stage.ts'

const objects = 2_000
const perSecond = 300
const aloneMs = 20_000
const weekendMs = 60_000
const logLimitMi = 8
const tickMs = 20

type Simulator = NonNullable<Cluster['simulator']>

/** `cluster` is simulated: what the API server costs is not in question. */
export async function benchWeekend({ simulator, ...cluster }: Cluster): Promise<void> {
  if (simulator === undefined) {
    console.log('weekend: not measured, it needs the simulator')
    return
  }
  for (let i = 0; i < objects; i++) simulator.create('configmaps', configMap(`object-${i}`, { rev: '0', filler }))
  const alone = await aloneP99(cluster, simulator)
  const port = await freePort()
  await using stage = await startStage({
    cluster,
    endpoint: { batch: { maxWait: '0s' } },
    watch: { endpoints: ['receiver', 'dead'] },
    more: [
      {
        kind: 'Endpoint',
        metadata: { name: 'dead' },
        spec: { url: `http://127.0.0.1:${port}/hook`, batch: { maxObjects: 100 } },
      },
    ],
    hubArgs: ['--log-limit', `${logLimitMi}Mi`],
  })
  await live(stage)
  await using disk = watchDisk(stage.world.dataDir)
  const { latencies, changes } = await change(stage, simulator, weekendMs)
  const before = await deadOne(stage)
  console.log(
    `weekend of ${weekendMs / 1_000} s, ${changes} changes of ${objects} objects of about 1 kB, log bound ${logLimitMi} Mi: ` +
      `disk ${disk.seen.map(mb).join(', ')} every 10 s; ${before.backlog} events wait, ${before.skipped} versions were passed over; ` +
      `the other endpoint's p99 ${ms(quantile(latencies, 0.99))}, without the dead one ${ms(alone)} (aim: the same)`,
  )
  await drain(stage, simulator, port)
}

async function live(stage: Stage): Promise<void> {
  await stage.startAgent()
  await stage.receiver.waitFor(() => stage.arrivals.size >= objects, 'the first sync', 60_000)
  await stage.live()
}

async function aloneP99(cluster: Cluster, simulator: Simulator): Promise<number> {
  await using stage = await startStage({ cluster, endpoint: { batch: { maxWait: '0s' } } })
  await live(stage)
  const { latencies } = await change(stage, simulator, aloneMs)
  return quantile(latencies, 0.99)
}

let rev = 0

/** At an even pace; resolves when the last change has arrived at the endpoint that works. */
async function change({ receiver, arrivals }: Stage, simulator: Simulator, forMs: number) {
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
  // What `history: latest` passed over when two changes of an object waited together did not arrive.
  const latencies = [...changed].flatMap(([key, at]) => {
    const arrived = arrivals.get(key)
    return arrived === undefined ? [] : [arrived - at]
  })
  return { latencies, changes: changed.size }
}

/** Bytes of the database with its log, every ten seconds. */
function watchDisk(dir: string): AsyncDisposable & { readonly seen: readonly number[] } {
  const seen: number[] = []
  const task = new Task(async (signal) => {
    for (;;) {
      await sleep(10_000, signal)
      const files = (await readdir(dir)).filter((name) => name.startsWith('hub.db'))
      const sizes = await Promise.all(files.map(async (name) => (await stat(join(dir, name))).size))
      seen.push(sizes.reduce((sum, size) => sum + size, 0))
    }
  })
  return { seen, [Symbol.asyncDispose]: () => task[Symbol.asyncDispose]() }
}

async function deadOne({ world }: Stage): Promise<{ readonly backlog: number; readonly skipped: number }> {
  const { endpoints } = await world.status(() => true, 'the status')
  const { backlog = 0, skipped = 0 } = endpoints.find(({ name }) => name === 'dead') ?? {}
  return { backlog, skipped }
}

async function drain(stage: Stage, simulator: Simulator, port: number): Promise<void> {
  await using receiver = await startReceiver({ port })
  // Its next attempt is minutes away by now; an operator who does not want to wait holds it for a moment.
  for (const order of ['pause', 'resume']) await stage.world.api(`/endpoints/dead/${order}`, 'POST')
  await receiver.waitFor(({ requests }) => requests.length > 0, 'the first attempt that is answered', 30_000)
  const first = performance.now()
  const same = () =>
    receiver.table.size === objects &&
    [...receiver.table.values()].every(
      ({ name, object }) => JSON.stringify(object?.data) === JSON.stringify(simulator.get('configmaps', `default/${name}`)?.data),
    )
  await receiver.waitFor(({ table }) => table.size >= objects, 'all objects', 60_000)
  await stage.world.status(({ endpoints }) => endpoints.every(({ backlog }) => backlog === 0), 'nothing that waits', 60_000)
  if (!same()) throw new Error('expected the endpoint that was down to hold what the cluster holds')
  console.log(
    `weekend: the endpoint is back: ${receiver.items.length} events in ${ms(performance.now() - first)} until nothing waits, ` +
      'and it holds what the cluster holds',
  )
}
