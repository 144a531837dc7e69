/** What stories about the way out stand on: a simulated cluster with its agent, a hub and receivers that can be told how to answer; all processes real. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Simulator } from './api-server-simulator/simulator.ts'
import { type Cluster, startSimulatedCluster } from './cluster.ts'
import { manifest } from './manifest.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { startWorld, type World, type WorldSettings } from './world.ts'

export interface DeliveryStage extends AsyncDisposable {
  readonly world: World
  /** The folder of the manifests; the hub follows it. */
  readonly repo: string
  readonly cluster: Cluster
  readonly simulator: Simulator
  readonly receiver: Receiver
  /** Makes a secret what it says. */
  setSecret(name: string, value: string): Promise<void>
}

export interface DeliveryStageSettings {
  /** Of the Endpoint `out`, beside `url`. */
  readonly endpoint: object
  /** Secrets that are there from the beginning, by `NAME/KEY`. */
  readonly secrets?: Readonly<Record<string, string>>
  /** How the hub is started. */
  readonly hub?: WorldSettings['hub']
  /** Further manifests. @default none */
  readonly manifests?: (receiver: Receiver) => readonly string[]
}

/** One endpoint `out`, one watch on ConfigMaps; resolves when the watch is live. */
export async function setDeliveryStage({
  endpoint,
  secrets = {},
  hub,
  manifests,
}: DeliveryStageSettings): Promise<DeliveryStage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  const repo = join(dir, 'config')
  const secretsDir = join(dir, 'secrets')
  await Promise.all([mkdir(repo), mkdir(secretsDir)])
  const setSecret = async (name: string, value: string) => {
    await mkdir(dirname(join(secretsDir, name)), { recursive: true })
    await writeFile(join(secretsDir, name), value)
  }
  for (const [name, value] of Object.entries(secrets)) await setSecret(name, value)
  const cluster = building.use(await startSimulatedCluster('prod', dir))
  const { simulator } = cluster
  if (simulator === undefined) throw new Error('expected a simulated cluster')
  const receiver = building.use(await startReceiver())
  const config = [
    manifest('Cluster', 'prod', {}),
    manifest('Endpoint', 'out', { url: receiver.url, ...endpoint }),
    manifest('Watch', 'configmaps', { resources: ['configmaps'], endpoints: ['out'] }),
    ...(manifests?.(receiver) ?? []),
  ]
  await writeFile(join(repo, 'all.yaml'), config.join('---\n'))
  const world = building.use(await startWorld({ dir, repo, secretsDir, ...(hub !== undefined && { hub }) }))
  await world.status(({ config }) => config.live !== undefined, 'the config')
  await world.startAgent(cluster)
  await world.status(
    ({ clusters }) => clusters.some(({ streams }) => streams.length > 0 && streams.every(({ state }) => state.state === 'live')),
    'a live watch',
  )
  const owned = building.move()
  return { world, repo, cluster, simulator, receiver, setSecret, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
