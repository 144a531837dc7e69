/** Creates and updates at full speed, watched, beside the same load with nobody watching. */
import type { Cluster } from '../support/cluster.ts'
import { type Load, load } from './load.ts'
import { ms, perSecond, quantile } from './numbers.ts'
import { type Stage, startStage } from './stage.ts'

const count = 5_000
const kinds = ['creates', 'updates'] as const

export async function benchFullSpeed(cluster: Cluster): Promise<void> {
  for (const namespace of ['unwatched', 'watched']) await cluster.client.ensureNamespace(namespace)
  const alone: Load[] = []
  for (const rev of [1, 2]) alone.push(await load(cluster.client, { namespace: 'unwatched', count }, rev))

  await using stage = await startStage({
    cluster,
    endpoint: { batch: { maxWait: '100ms' }, history: 'every' },
    watch: { namespaces: { include: ['watched'] } },
  })
  await stage.startAgent()
  await stage.live()
  for (const [i, kind] of kinds.entries()) {
    const before = stage.arrivals.size
    const watched = await load(cluster.client, { namespace: 'watched', count }, i + 1)
    await stage.receiver.waitFor(() => stage.arrivals.size >= before + count, `the last of the ${kind}`, 60_000)
    console.log(`${kind}: ${told(stage.arrivals, watched, alone[i]?.ms ?? 0)}`)
  }
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
