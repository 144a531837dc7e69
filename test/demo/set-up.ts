/** Everything that runs in the demo: a receiver, a config repo, two clusters, the hub, two agents. */
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { type Received, startReceiver } from '@watch-hub/hub/cli/receiver'
import { type Cluster, startRealCluster, startSimulatedCluster } from '../support/cluster.ts'
import { startWorld, type World } from '../support/world.ts'
import { makeConfigRepo, writeSecrets } from './config-repo.ts'
import { takeFolder } from './folder.ts'
import { populate } from './happenings.ts'

export interface Demo extends AsyncDisposable {
  readonly world: World
  readonly prod: Cluster
  readonly stage: Cluster
  readonly receiverUrl: string
  readonly realClusters: boolean
}

export interface DemoOptions {
  readonly dir: string
  /** A folder with etcd and kube-apiserver; absent = the clusters are simulated. */
  readonly assets: string | undefined
  readonly onReceived: (received: Received) => void
}

/** Disposing ends all of it and resolves when it has ended; the folder stays. */
export async function setUp({ dir, assets, onReceived }: DemoOptions): Promise<Demo> {
  await using building = new AsyncDisposableStack()
  building.use(await takeFolder(dir))
  const receiver = building.use(
    await startReceiver({ listen: { host: '127.0.0.1', port: 0 }, failing: () => undefined, onReceived }),
  )
  const receiverUrl = `http://127.0.0.1:${receiver.port}`
  const repo = join(dir, 'config-repo')
  await makeConfigRepo(repo, receiverUrl)
  await writeSecrets(join(dir, 'secrets'))

  const startCluster = async (name: string) => {
    const start = assets === undefined ? startSimulatedCluster : startRealCluster
    const cluster = building.use(await start(name, join(dir, 'clusters')))
    await populate(cluster)
    return cluster
  }
  const prod = await startCluster('prod-eu-1')
  const stage = await startCluster('stage-eu-1')

  const logs = building.use(openLogs(dir))
  const hub = { env: tracingOf(process.env) }
  const settings = { dir, repo, secretsDir: join(dir, 'secrets'), hub, onLog: logs.write, ownGroup: true }
  const world = building.use(await startWorld(settings))
  // An agent may connect only once its cluster is declared, that is, live.
  await world.status(({ config }) => config.live !== undefined, 'a live commit')
  await world.startAgent(prod)
  await world.startAgent(stage)

  const all = building.move()
  return { world, prod, stage, receiverUrl, realClusters: assets !== undefined, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Where traces and metrics go is for whoever starts the demo to say. */
const tracingOf = (env: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (name.startsWith('OTEL_') && value !== undefined ? [[name, value]] : [])),
  )

/** `demo/hub.log`, `demo/agent-prod-eu-1.log`, … */
function openLogs(dir: string) {
  const files = new Map<string, ReturnType<typeof createWriteStream>>()
  const open = (program: string) => {
    const file = createWriteStream(join(dir, `${program}.log`))
    files.set(program, file)
    return file
  }
  return {
    write: (program: string, line: string) => {
      const file = files.get(program) ?? open(program)
      file.write(`${line}\n`)
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...files.values()].map((file) => finished(file.end())))
    },
  }
}
