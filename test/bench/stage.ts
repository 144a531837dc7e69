/**
 * What each figure over the whole way stands on: a cluster, a hub and the bundled agent as processes, a receiver, and one Watch on ConfigMaps.
 * The load, the receiver and this program share the machine with what is measured.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster } from '../support/cluster.ts'
import { type Program, startProgram } from '../support/program.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startWorld, type World } from '../support/world.ts'
import { agentAsShipped, hubAsShipped } from './as-shipped.ts'
import { writeManifests } from './manifests.ts'

interface StageSettings {
  readonly cluster: Cluster
  /** Fields of the Endpoint's spec beside `url`. */
  readonly endpoint: object
  /** Fields of the Watch's spec beside `resources` and `endpoints`. */
  readonly watch?: object
  /** Manifests besides. */
  readonly more?: readonly object[]
  /** Flags of `serve` besides. */
  readonly hubArgs?: readonly string[]
  /** Environment of the hub besides. */
  readonly hubEnv?: Readonly<Record<string, string>>
}

export interface Stage extends AsyncDisposable {
  readonly world: World
  readonly receiver: Receiver
  /** `namespace/name@rev` → when it arrived, as `performance.now()` tells it; `rev` is the ConfigMap's `data.rev`. */
  readonly arrivals: ReadonlyMap<string, number>
  /** Joins unless it did before, and resolves when the agent is connected. `hubUrl`: where it finds the hub, else as it is. */
  startAgent(hubUrl?: string): Promise<Program>
  /** Resolves when the watch is live. */
  live(): Promise<void>
}

export async function startStage({
  cluster,
  endpoint,
  watch = {},
  more = [],
  hubArgs = [],
  hubEnv = {},
}: StageSettings): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-bench-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  const arrivals = new Map<string, number>()
  const receiver = building.use(
    await startReceiver({
      answer: ({ items }) => {
        const now = performance.now()
        for (const { namespace, name, object } of items) arrivals.set(`${namespace}/${name}@${revOf(object)}`, now)
        return {}
      },
    }),
  )
  const repo = join(dir, 'config')
  const secretsDir = join(dir, 'secrets')
  await Promise.all([mkdir(repo), mkdir(secretsDir)])
  await writeManifests(join(repo, 'all.yaml'), [
    { kind: 'Cluster', metadata: { name: cluster.name }, spec: {} },
    { kind: 'Endpoint', metadata: { name: 'receiver' }, spec: { url: receiver.url, ...endpoint } },
    { kind: 'Watch', metadata: { name: 'all' }, spec: { resources: ['configmaps'], endpoints: ['receiver'], ...watch } },
    ...more,
  ])
  const world = building.use(
    await startWorld({ dir, repo, secretsDir, hub: { ...hubAsShipped, env: { ...hubAsShipped.env, ...hubEnv }, args: hubArgs } }),
  )
  await world.status(({ config }) => config.live !== undefined, 'the config')
  const owned = building.move()

  let joined = false
  const startAgent = async (hubUrl = world.url): Promise<Program> => {
    const token = joined ? {} : { WATCH_HUB_JOIN_TOKEN: await world.token(cluster.name) }
    joined = true
    const args = ['--hub', hubUrl, '--cluster', cluster.name, '--kubeconfig', cluster.kubeconfig, '--state', join(dir, 'agent')]
    const { bundle, nodeArgs, env } = agentAsShipped
    const agent = owned.use(startProgram(bundle, args, { nodeArgs, env: { ...env, ...token } }))
    await agent.line((line) => line.includes('connected to the hub'), 'connection')
    return agent
  }
  const live = async () => {
    await world.status(
      ({ clusters }) =>
        clusters.some(
          ({ connected, streams }) => connected && streams.length > 0 && streams.every(({ state }) => state.state === 'live'),
        ),
      'a live watch',
      120_000,
    )
  }
  return { world, receiver, arrivals, startAgent, live, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const revOf = (object: Readonly<Record<string, unknown>> | undefined): string => {
  const data = object?.data
  return typeof data === 'object' && data !== null && 'rev' in data ? String(data.rev) : ''
}
