/** The place of one cluster's agent in a lab: any number of processes with one identity. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutboxSettings } from '@watch-hub/cluster-agent/outbox'
import type { ReconcileSettings } from '@watch-hub/cluster-agent/watch/reconcile'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { Simulator } from '../api-server-simulator/simulator.ts'
import { type AgentProcess, memoryKeyStore, startAgentProcess } from './agent.ts'
import type { LabHub } from './lab-hub.ts'
import { type Clock, createClock } from './time.ts'

export interface LabAgent {
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

/** Small enough for a test's patience where the product waits in real time. */
const quickReconcile: ReconcileSettings = { stallMs: 400, listStallMs: 400, labelsSettleMs: 200 }

/** Longer than any audit waits. */
const auditAfterMs = 4 * 3_600_000

interface AgentPlace {
  readonly cluster: string
  readonly simulator: Simulator
  readonly dir: string
  readonly log: Log
}

export async function createLabAgent(
  { cluster, simulator, dir, log }: AgentPlace,
  { hub, reconcile, outbox = {}, restartAgents = false }: AgentSettings,
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

interface AgentSettings {
  readonly hub: LabHub
  readonly reconcile?: ReconcileSettings
  readonly outbox?: OutboxSettings
  readonly restartAgents?: boolean
}
