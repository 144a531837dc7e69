/**
 * Quiet: everything that was caused has arrived. Agents run their plan with open watches and empty outboxes, couriers have nothing to send, and
 * it stays so for some turns. Faults have to be over: a watch that is silent for good looks like a cluster in which nothing happens.
 */

import type { Snapshot } from '@watch-hub/hub/config/model'
import { planFor } from '@watch-hub/hub/config/plan'
import { type Plan, resourceName } from '@watch-hub/shared/protocol/plan'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { Simulator } from '../api-server-simulator/simulator.ts'
import type { AgentProcess } from './agent.ts'
import type { HubProcess } from './hub.ts'

export interface Scene {
  readonly snapshot: Snapshot | undefined
  readonly hub: HubProcess | undefined
  readonly agents: readonly AgentProcess[]
  readonly clusters: ReadonlyMap<string, Simulator>
}

/** Looks in a row that find nothing under way, this far apart. */
const looks = 4
const pauseMs = 3

/** Rejects after `ms`, saying what is still under way. */
export async function becomeQuiet(scene: () => Scene, ms: number): Promise<void> {
  const until = performance.now() + ms
  for (let calm = 0; calm < looks; ) {
    const why = await unrest(scene())
    calm = why === undefined ? calm + 1 : 0
    if (why !== undefined && performance.now() > until) throw new Error(`waited ${ms} ms for quiet, but ${why}`)
    await sleep(pauseMs)
  }
}

/** What is under way; undefined when nothing is. */
async function unrest({ snapshot, hub, agents, clusters }: Scene): Promise<string | undefined> {
  if (hub === undefined || snapshot === undefined) return 'no hub runs with a config'
  for (const agent of agents) {
    const simulator = clusters.get(agent.cluster)
    const why = unrestOf(agent, { plan: planFor(snapshot, agent.cluster), simulator })
    if (why !== undefined) return `agent ${agent.cluster}: ${why}`
  }
  for (const { name, phase, backlog, scans, parked, reason } of await hub.delivery.status()) {
    if (phase === 'paused') continue
    if (phase !== 'idle' || backlog > 0 || scans.length > 0 || parked.objects > 0)
      return `endpoint ${name} is ${phase} (${reason ?? ''}), ${backlog} events and ${scans.length} scans wait, ${parked.objects} objects are parked`
  }
  return undefined
}

function unrestOf(
  agent: AgentProcess,
  { plan, simulator }: { readonly plan: Plan | undefined; readonly simulator: Simulator | undefined },
): string | undefined {
  if (plan === undefined) return undefined // its cluster is not declared
  const { received, active, streams, figures } = agent.status()
  if (!agent.connected) return 'it is not connected'
  if (received !== plan.hash || active !== plan.hash) return `it runs plan ${active}, has ${received}, wanted ${plan.hash}`
  const held = (figures.outboxEntries ?? 0) + (figures.outboxWaiting ?? 0)
  if (held > 0) return `${held} entries wait in its outbox`
  for (const { id, resource } of plan.streams) {
    const { state, reason } = streams[id] ?? { state: 'missing' }
    if (state !== (plan.paused ? 'paused' : 'live')) return `${resource} is ${state}: ${reason ?? ''}`
  }
  const open = simulator?.watches() ?? 0
  const wanted = watchesOf(plan)
  return open === wanted ? undefined : `${open} watches are open, ${wanted} are wanted`
}

/** One per kind; namespaces also where their labels are needed. */
function watchesOf(plan: Plan): number {
  if (plan.paused) return 0
  const kinds = new Set(plan.streams.map((stream) => `${resourceName(stream)}/${stream.version ?? ''}`))
  const byLabels = plan.streams.some(
    ({ group, resource, watches }) =>
      !(group === '' && resource === 'namespaces') && watches.some(({ namespaces }) => namespaces.selector !== undefined),
  )
  return kinds.size + (byLabels && !kinds.has('namespaces/') ? 1 : 0)
}
