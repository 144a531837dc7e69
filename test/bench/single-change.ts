/** One change at a time, beside how long the API server itself takes to answer it. */
import type { Cluster } from '../support/cluster.ts'
import { configMap } from '../support/objects.ts'
import { ms, quantile } from './numbers.ts'
import { startStage } from './stage.ts'

const count = 100
const namespace = 'single'

export async function benchSingleChange(cluster: Cluster): Promise<void> {
  await cluster.client.ensureNamespace(namespace)
  await cluster.client.create('configmaps', configMap('one', { rev: '0' }, namespace))
  await using stage = await startStage({
    cluster,
    endpoint: { batch: { maxWait: '0s' } },
    watch: { namespaces: { include: [namespace] } },
  })
  const { receiver, arrivals } = stage
  await stage.startAgent()
  await stage.live()
  const answers: number[] = []
  const latencies: number[] = []
  for (let rev = 1; rev <= count; rev++) {
    const asked = performance.now()
    await cluster.client.patch({ resource: 'configmaps', namespace, name: 'one' }, { data: { rev: String(rev) } })
    const answered = performance.now()
    await receiver.waitFor(() => arrivals.has(`${namespace}/one@${rev}`), `change ${rev}`)
    answers.push(answered - asked)
    latencies.push((arrivals.get(`${namespace}/one@${rev}`) ?? Number.NaN) - answered)
  }
  console.log(
    `single change, maxWait: 0s: from the API server's answer to arrival p50 ${ms(quantile(latencies, 0.5))} (aim ≤ 8 ms), ` +
      `p99 ${ms(quantile(latencies, 0.99))}, of ${count}; the API server's own answer p50 ${ms(quantile(answers, 0.5))}`,
  )
}
