/**
 * The lab: a whole Watch Hub in this process, with everything real but Git, the operators' side and the length of waits. Clusters are simulated API
 * servers, agents and the hub speak over sockets, the store is a SQLite file, receivers follow the receiver's rule. Everything in it can be
 * killed and started again at any moment.
 */
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OutboxSettings } from '@watch-hub/cluster-agent/outbox'
import type { ReconcileSettings } from '@watch-hub/cluster-agent/watch/reconcile'
import { compile } from '@watch-hub/hub/config/compile'
import { formatProblem, type Snapshot } from '@watch-hub/hub/config/model'
import { createParser } from '@watch-hub/hub/config/parse'
import type { FrontSettings } from '@watch-hub/hub/store/front'
import { type Log, silentLog } from '@watch-hub/shared/runtime/log'
import { type Simulator, startApiServerSimulator } from '../api-server-simulator/simulator.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { createLabAgent, type LabAgent } from './lab-agent.ts'
import { createLabHub, type LabHub } from './lab-hub.ts'
import { becomeQuiet } from './quiet.ts'

export interface LabSettings {
  /** Names of the clusters; each has a simulator and may have agents. */
  readonly clusters: readonly string[]
  /** Names of the receivers. */
  readonly receivers: readonly string[]
  /** The first config; `url` gives a receiver's address. With it, the hub and one agent per cluster are started. */
  readonly manifests?: (url: (receiver: string) => string) => readonly string[]
  readonly log?: Log
  readonly reconcile?: ReconcileSettings
  readonly outbox?: OutboxSettings
  readonly store?: FrontSettings
  /** Where the last process of an agent ends by itself, another one is started, as a Deployment does. @default false */
  readonly restartAgents?: boolean
}

export interface Lab extends AsyncDisposable {
  cluster(name: string): Simulator
  receiver(name: string): Receiver
  agent(cluster: string): LabAgent
  readonly hub: LabHub
  /** Of the last commit. */
  readonly snapshot: Snapshot
  /** Manifests as texts become what hub and agents follow; while no hub runs, once it does. Rejects when they do not compile. */
  commit(manifests: readonly string[]): Promise<void>
  /** Resolves when nothing is under way any more. All faults must be over. */
  quiet(ms?: number): Promise<void>
}

/** In memory where the machine has such a folder: no power is lost here, so nobody needs to wait for a disk. */
const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export async function startLab(settings: LabSettings): Promise<Lab> {
  const { log = silentLog } = settings
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(scratch, 'watch-hub-lab-'))
  scope.defer(() => rmSync(dir, { recursive: true, force: true }))
  const receivers = new Map<string, Receiver>()
  for (const name of settings.receivers) receivers.set(name, scope.use(await startReceiver()))
  const clusters = new Map<string, Simulator>()
  for (const name of settings.clusters) clusters.set(name, scope.use(await startApiServerSimulator({ bookmarkEveryMs: 0 })))

  let snapshot: Snapshot | undefined
  const current = () => snapshot
  const hub = createLabHub({ dir, log: log.with({ who: 'hub' }), store: settings.store ?? {} }, current)
  scope.defer(hub.kill)
  const agents = new Map<string, LabAgent>()
  for (const [cluster, simulator] of clusters) {
    const agent = await createLabAgent({ cluster, simulator, dir, log: log.with({ who: cluster }) }, { ...settings, hub })
    scope.defer(agent.kill)
    agents.set(cluster, agent)
  }
  hub.onKill(() => {
    for (const agent of agents.values()) for (const { relay } of agent.processes) relay.cut()
  })

  const parser = createParser()
  let commits = 0
  const commit = async (manifests: readonly string[]) => {
    const files = manifests.map((text, i) => ({ path: `${i}.yaml`, text, id: text }))
    const compiled = compile({ commit: `c${++commits}`, parsed: await parser.parse(files) })
    if (!compiled.ok) throw new Error(compiled.problems.map(formatProblem).join('\n'))
    snapshot = compiled.snapshot
    await hub.running?.follow(compiled.snapshot)
  }
  const scene = () => ({
    snapshot,
    hub: hub.running,
    agents: [...agents.values()].flatMap(({ processes }) => [...processes]),
    clusters,
  })
  const receiver = (name: string) => named(receivers, name)
  if (settings.manifests !== undefined) {
    await commit(settings.manifests((name) => receiver(name).url))
    await hub.start()
    for (const agent of agents.values()) await agent.start()
  }
  const owned = scope.move()
  return {
    cluster: (name) => named(clusters, name),
    receiver,
    agent: (cluster) => named(agents, cluster),
    hub,
    get snapshot() {
      if (snapshot === undefined) throw new Error('expected a commit before')
      return snapshot
    },
    commit,
    quiet: (ms = 10_000) => becomeQuiet(scene, ms),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function named<T>(all: ReadonlyMap<string, T>, name: string): T {
  const found = all.get(name)
  if (found === undefined) throw new Error(`expected one of ${[...all.keys()].join(', ')}, got ${name}`)
  return found
}
