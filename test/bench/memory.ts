/** What agent and hub hold after 50,000 objects, and held at most. */
import type { Cluster } from '../support/cluster.ts'
import { configMap } from '../support/objects.ts'
import { filler } from './load.ts'
import { mb } from './numbers.ts'
import { memoryOf, told } from './process-memory.ts'
import { startStage } from './stage.ts'

const count = 50_000

/** `cluster` is simulated: a real API server takes minutes to get that many. */
export async function benchMemory({ simulator, ...cluster }: Cluster): Promise<void> {
  if (process.platform !== 'linux' || simulator === undefined) {
    console.log('memory: not measured, it needs /proc and the simulator')
    return
  }
  for (let i = 0; i < count; i++) simulator.create('configmaps', configMap(`object-${i}`, { rev: '1', filler }))
  await using stage = await startStage({ cluster, endpoint: { batch: { maxObjects: 1_000 } } })
  const idleHub = await memoryOf(stage.world.hub().pid)
  const agent = await stage.startAgent()
  const idleAgent = await memoryOf(agent.pid)
  await stage.receiver.waitFor(() => stage.arrivals.size >= count, 'the last of the first sync', 180_000)
  await stage.live()
  const [agentMemory, hubMemory] = await Promise.all([memoryOf(agent.pid), memoryOf(stage.world.hub().pid)])
  console.log(
    `memory of the agent at ${count} objects (simulator): ${told(agentMemory)}, ${mb(idleAgent.now)} before the first object, aim peak ≤ 100 MB`,
  )
  console.log(`memory of the hub at ${count} objects (simulator): ${told(hubMemory)}, ${mb(idleHub.now)} before the first object`)
}
