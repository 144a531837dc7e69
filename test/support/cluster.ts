/** A cluster for tests and the demo: the simulator, or a real API server; the same to its users. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Simulator, startApiServerSimulator } from './api-server-simulator/simulator.ts'
import { type ApiServer, startApiServer } from './envtest/envtest.ts'
import { type KubeClient, kubeClient } from './kube-client.ts'

export interface Cluster extends AsyncDisposable {
  readonly name: string
  readonly kubeconfig: string
  readonly client: KubeClient
  /** Present where the cluster is simulated: its faults and its log of requests. */
  readonly simulator?: Simulator
  /** Present where it is real. */
  readonly server?: ApiServer
}

export async function startSimulatedCluster(name: string, dir: string): Promise<Cluster> {
  const folder = join(dir, name)
  await mkdir(folder, { recursive: true })
  const simulator = await startApiServerSimulator()
  const client = kubeClient({ url: simulator.url })
  return {
    name,
    kubeconfig: await simulator.writeKubeconfig(folder),
    client,
    simulator,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]()
      await simulator[Symbol.asyncDispose]()
    },
  }
}

/** `dir` keeps the server's data and logs. */
export async function startRealCluster(name: string, dir: string): Promise<Cluster> {
  const server = await startApiServer({ dir: join(dir, name) })
  const client = kubeClient({ url: server.url, ca: server.ca, token: server.adminToken })
  await client.ensureNamespace('default')
  return {
    name,
    kubeconfig: server.kubeconfigFile,
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
