/** A new agent meets 15,000 objects, beside how fast the API server lists them, page by page. */
import type { Cluster } from '../support/cluster.ts'
import { load } from './load.ts'
import { perSecond } from './numbers.ts'
import { startStage } from './stage.ts'

const count = 15_000
const namespace = 'sync'

export async function benchFirstSync(cluster: Cluster): Promise<void> {
  await cluster.client.ensureNamespace(namespace)
  await load(cluster.client, { namespace, count })
  const listMs = await listAll(cluster)
  await using stage = await startStage({
    cluster,
    endpoint: { batch: { maxObjects: 1_000 } },
    watch: { namespaces: { include: [namespace] } },
  })
  await stage.startAgent()
  const connected = performance.now()
  await stage.live()
  const liveMs = performance.now() - connected
  await stage.receiver.waitFor(() => stage.arrivals.size === count, 'the last of the first sync', 120_000)
  const arrivedMs = Math.max(...stage.arrivals.values()) - connected
  console.log(
    `first sync of ${count} objects: ${perSecond(count, liveMs)} objects/s from connection to live (aim ≥ 10000), ` +
      `${perSecond(count, arrivedMs)} to the last arrival; the API server alone lists ${perSecond(count, listMs)} objects/s`,
  )
}

async function listAll({ client }: Cluster): Promise<number> {
  const began = performance.now()
  let rest = ''
  do {
    const { status, body } = await client.call('GET', `/api/v1/namespaces/${namespace}/configmaps?limit=500&continue=${rest}`)
    if (status !== 200) throw new Error(`expected a page of the list, got HTTP ${status}`)
    const { metadata } = body
    rest = typeof metadata === 'object' && metadata !== null && 'continue' in metadata ? String(metadata.continue) : ''
  } while (rest !== '')
  return performance.now() - began
}
