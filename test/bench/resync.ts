/**
 * An agent is replaced while its cluster holds 50,000 objects: how long until it is live again, what passes between it and the hub, and
 * what it holds at most. Once nothing has changed meanwhile, once 1,000 objects have.
 */
import type { Cluster } from '../support/cluster.ts'
import { configMap } from '../support/objects.ts'
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts'
import { filler } from './load.ts'
import { ms } from './numbers.ts'
import { memoryOf, told } from './process-memory.ts'
import { type Stage, startStage } from './stage.ts'

const count = 50_000
const changed = 1_000

/** `cluster` is simulated: a real API server takes minutes to get that many. */
export async function benchResync({ simulator, ...cluster }: Cluster): Promise<void> {
  if (process.platform !== 'linux' || simulator === undefined) {
    console.log('resync: not measured, it needs /proc and the simulator')
    return
  }
  for (let i = 0; i < count; i++) simulator.create('configmaps', configMap(`object-${i}`, { rev: '1', filler }))
  await using stage = await startStage({ cluster, endpoint: { batch: { maxObjects: 1_000, maxWait: '100ms' } } })
  await using proxy = await startCountingProxy(stage.world.url)
  const listMs = await listAll(cluster.client)
  const first = await stage.startAgent(proxy.url)
  await stage.receiver.waitFor(() => stage.arrivals.size >= count, 'the last of the first sync', 120_000)
  await stage.live()
  const { up, down } = proxy.take()
  console.log(`resync: the first sync of ${count} objects moved ${megabytes(up)} up and ${megabytes(down)} down`)
  await first.end('SIGTERM')

  await resync(stage, proxy, { what: 'nothing changed', listMs, arrived: () => true })
  for (let i = 0; i < changed; i++)
    simulator.patch('configmaps', `default/object-${i * (count / changed)}`, { data: { rev: '2' } })
  const arrived = () => stage.arrivals.size >= count + changed
  await resync(stage, proxy, { what: `${changed} changed`, listMs, arrived })
  if (stage.arrivals.size !== count + changed) throw new Error(`expected no other deliveries, got ${stage.arrivals.size - count}`)
}

interface Case {
  readonly what: string
  readonly listMs: number
  readonly arrived: () => boolean
}

async function resync(stage: Stage, proxy: CountingProxy, { what, listMs, arrived }: Case): Promise<void> {
  await stage.world.status(({ clusters }) => clusters.every(({ connected }) => !connected), 'the old agent gone')
  proxy.take()
  const began = performance.now()
  const agent = await stage.startAgent(proxy.url)
  const connectedMs = performance.now() - began
  await stage.live()
  await stage.receiver.waitFor(arrived, `what changed (${what})`, 60_000)
  const liveMs = performance.now() - began
  const { up, down } = proxy.take()
  const memory = await memoryOf(agent.pid)
  await agent.end('SIGTERM')
  console.log(
    `resync of ${count} objects, ${what}: live ${ms(liveMs)} after its start, ${ms(liveMs - connectedMs)} after it connected ` +
      `(the API server alone lists them in ${ms(listMs)}); ${megabytes(up)} up, ${megabytes(down)} down ` +
      `(${megabytes(up + down)} in all, aim < 5 MB); agent ${told(memory)}, aim ≤ 100 MB`,
  )
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`

async function listAll(client: Cluster['client']): Promise<number> {
  const began = performance.now()
  let rest = ''
  do {
    const { status, body } = await client.call('GET', `/api/v1/configmaps?limit=500&continue=${rest}`)
    if (status !== 200) throw new Error(`expected a page of the list, got HTTP ${status}`)
    const { metadata } = body
    rest = typeof metadata === 'object' && metadata !== null && 'continue' in metadata ? String(metadata.continue) : ''
  } while (rest !== '')
  return performance.now() - began
}
