/**
 * The lab: a whole Watch Hub in this process, with everything real but Git, the operators' side and the length of waits. Clusters are simulated API
 * servers, agents and the hub speak over sockets, the store is a SQLite file, receivers follow the receiver's rule. Everything in it can be
 * killed and started again at any moment.
 */
import { existsSync, rmSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OutboxSettings } from '@watch-hub/cluster-agent/outbox'
import type { ReconcileSettings } from '@watch-hub/cluster-agent/watch/reconcile'
import { compile } from '@watch-hub/hub/config/compile'
import { formatProblem, type Snapshot } from '@watch-hub/hub/config/model'
import { createParser } from '@watch-hub/hub/config/parse'
import { openDatabase } from '@watch-hub/hub/store/engine/database'
import type { FrontSettings } from '@watch-hub/hub/store/front'
import { type Log, silentLog } from '@watch-hub/shared/runtime/log'
import { type Simulator, startApiServerSimulator } from '../api-server-simulator/simulator.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type AgentProcess, memoryKeyStore, startAgentProcess } from './agent.ts'
import { type HubProcess, startHubProcess } from './hub.ts'
import { becomeQuiet } from './quiet.ts'
import { type Clock, createClock } from './time.ts'

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

export interface LabHub {
  readonly running: HubProcess | undefined
  /** Its database. */
  readonly file: string
  readonly clock: Clock
  start(): Promise<void>
  /** A crash. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** A copy of the database as it is committed now; give it to `replaceDatabase`. */
  copyDatabase(): Promise<string>
  /** While no hub runs: its database becomes the copy; without one it is lost. */
  replaceDatabase(copy?: string): Promise<void>
}

interface LabAgent {
  /** The newest process, if it runs. */
  readonly running: AgentProcess | undefined
  /** In the order of their starts. */
  readonly processes: ReadonlySet<AgentProcess>
  readonly clock: Clock
  /** Starts a process when none runs. */
  start(): Promise<void>
  /** Starts a process while another one runs; the hub dismisses the older one when it meets it. */
  startAnother(): Promise<void>
  /** A crash of all its processes but the newest. */
  killOlder(): Promise<void>
  /** Every kind is compared anew as soon as its watch ends: the server ends them all. */
  audit(): void
  /** A crash of all its processes. */
  kill(): Promise<void>
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

/** Small enough for a test's patience where the product waits in real time. */
const quickReconcile: ReconcileSettings = { stallMs: 400, listStallMs: 400, labelsSettleMs: 200 }

/** Longer than any audit waits. */
const auditAfterMs = 4 * 3_600_000

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

interface HubPlace {
  readonly dir: string
  readonly log: Log
  readonly store: FrontSettings
}

/** `onKill` is called when the hub's sockets have to be cut. */
function createLabHub(
  { dir, log, store }: HubPlace,
  snapshot: () => Snapshot | undefined,
): LabHub & { onKill(cut: () => void): void } {
  const folder = join(dir, 'hub')
  const file = join(folder, 'hub.db')
  const clock = createClock()
  let cut = () => {}
  let copies = 0
  let running: HubProcess | undefined
  const down = () => {
    const hub = running
    running = undefined
    return hub
  }
  return {
    get running() {
      return running
    },
    file,
    clock,
    start: async () => {
      if (running !== undefined) return
      await mkdir(folder, { recursive: true })
      running = await startHubProcess({ file, log, clock, store }, snapshot())
    },
    kill: async () => {
      const hub = down()
      if (hub === undefined) return
      const killed = hub.kill()
      cut()
      await killed
    },
    stop: async () => {
      await down()?.[Symbol.asyncDispose]()
    },
    copyDatabase: async () => {
      const copy = join(dir, `copy-${++copies}.db`)
      using db = openDatabase(file)
      db.exec(`VACUUM INTO '${copy}'`)
      return copy
    },
    replaceDatabase: async (copy) => {
      if (running !== undefined) throw new Error('expected no hub to run while its database is replaced')
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true })
      if (copy !== undefined) await copyFile(copy, file)
    },
    onKill: (next) => {
      cut = next
    },
  }
}

interface AgentPlace {
  readonly cluster: string
  readonly simulator: Simulator
  readonly dir: string
  readonly log: Log
}

async function createLabAgent(
  { cluster, simulator, dir, log }: AgentPlace,
  {
    hub,
    reconcile,
    outbox = {},
    restartAgents = false,
  }: Pick<LabSettings, 'reconcile' | 'outbox' | 'restartAgents'> & { readonly hub: LabHub },
): Promise<LabAgent> {
  const folder = join(dir, cluster)
  await mkdir(folder)
  const kubeconfig = await simulator.writeKubeconfig(folder)
  const keys = memoryKeyStore()
  const clock = createClock()
  const processes = new Set<AgentProcess>()
  const ending = new Set<Promise<void>>()
  const token = async () => {
    const issued = await hub.running?.fleet.issueToken({ cluster, ttlMs: 1_800_000, replace: false })
    return issued?.kind === 'issued' ? issued.token : undefined
  }
  const startAnother = async () => {
    const process = await startAgentProcess({
      cluster,
      clusterUid: simulator.clusterUid,
      kubeconfig,
      hubPort: () => hub.running?.port,
      keys,
      token,
      clock,
      log,
      reconcile: { ...quickReconcile, ...reconcile },
      outbox,
    })
    processes.add(process)
    process.done.catch((error: unknown) => {
      log.warn('agent process ended', { error })
      processes.delete(process)
      const end: Promise<void> = process
        .kill()
        .catch((why: unknown) => log.warn('agent process did not end well', { error: why }))
        .finally(() => ending.delete(end))
      ending.add(end)
      if (restartAgents && processes.size === 0)
        startAnother().catch((why: unknown) => log.warn('agent process did not start', { error: why }))
    })
  }
  return {
    get running() {
      return [...processes].at(-1)
    },
    clock,
    processes,
    start: async () => {
      if (processes.size === 0) await startAnother()
    },
    startAnother,
    audit: () => {
      clock.pass(auditAfterMs)
      simulator.endWatches()
    },
    killOlder: async () => {
      const older = [...processes].slice(0, -1)
      for (const process of older) processes.delete(process)
      await Promise.all(older.map((process) => process.kill()))
    },
    kill: async () => {
      const all = [...processes]
      processes.clear()
      await Promise.all([...all.map((process) => process.kill()), ...ending])
    },
  }
}
