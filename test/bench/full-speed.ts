/**
 * Creates and updates at full speed, watched, beside the same load with nobody watching: half of it before and half after, because a machine
 * is rarely as fast at the end as it was at the beginning.
 */
import type { Cluster } from '../support/cluster.ts'
import { type Load, load } from './load.ts'
import { ms, perSecond, quantile } from './numbers.ts'
import { type Stage, startStage } from './stage.ts'

const count = 5_000
const kinds = ['creates', 'updates'] as const

/** One load per kind: revision 1 creates, revision 2 updates. */
type Loads = readonly Load[]

interface Watched {
  readonly loads: Loads
  readonly arrivals: Stage['arrivals']
}

export async function benchFullSpeed(cluster: Cluster): Promise<void> {
  const before = await unwatched(cluster, 'before')
  const { loads, arrivals } = await watched(cluster, 'watched')
  const after = await unwatched(cluster, 'after')
  for (const [i, kind] of kinds.entries()) {
    const [one, first, second] = [loads[i], before[i], after[i]]
    if (one === undefined || first === undefined || second === undefined) throw new Error(`expected three loads of ${kind}`)
    console.log(`${kind}: ${told(arrivals, one, first.ms + second.ms)}`)
  }
}

async function unwatched({ client }: Cluster, namespace: string): Promise<Loads> {
  await client.ensureNamespace(namespace)
  const loads: Load[] = []
  for (const i of kinds.keys()) loads.push(await load(client, { namespace, count: count / 2 }, i + 1))
  return loads
}

async function watched(cluster: Cluster, namespace: string): Promise<Watched> {
  await cluster.client.ensureNamespace(namespace)
  await using stage = await startStage({
    cluster,
    endpoint: { batch: { maxWait: '100ms' }, history: 'every' },
    watch: { namespaces: { include: [namespace] } },
  })
  await stage.startAgent()
  await stage.live()
  const loads: Load[] = []
  for (const [i, kind] of kinds.entries()) {
    loads.push(await load(cluster.client, { namespace, count }, i + 1))
    await stage.receiver.waitFor(() => stage.arrivals.size >= count * (i + 1), `the last of the ${kind}`, 60_000)
  }
  return { loads, arrivals: stage.arrivals }
}

function told(arrivals: Stage['arrivals'], { began, ms: loadMs, answers }: Load, aloneMs: number): string {
  const keys = [...answers.keys()]
  const arrived = keys.map((key) => arrivals.get(key) ?? Number.NaN)
  const latencies = keys.map((key, i) => (arrived[i] ?? Number.NaN) - (answers.get(key) ?? Number.NaN))
  const rate = perSecond(count, Math.max(...arrived) - began)
  const limit = perSecond(count, aloneMs)
  return [
    `${count} delivered at ${rate} events/s, nobody watching ${limit} (${Math.round((100 * rate) / limit)} %, aim ≥ 90 %)`,
    `the API server took them at ${perSecond(count, loadMs)}/s meanwhile`,
    `from its answer to arrival p50 ${ms(quantile(latencies, 0.5))}, p99 ${ms(quantile(latencies, 0.99))} (aim ≤ 250 ms; maxWait: 100ms, history: every)`,
  ].join('; ')
}
