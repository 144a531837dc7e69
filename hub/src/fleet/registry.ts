/**
 * Registry: which clusters are declared, which agents are here, and what each of them runs. The newest connection of a cluster is
 * its session; an older one is dismissed. Plans follow the Snapshot: only agents whose plan changed are told.
 */
import type { Question } from '@watch-hub/shared/protocol/explain'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { Snapshot } from '../config/model.ts'
import { planFor } from '../config/plan.ts'
import type { AgentRecord, ComparisonFigures, StoreStats } from '../store/store.ts'
import type { AgentAnswer } from './questions.ts'
import { createRollout } from './rollout.ts'
import type { AgentStatus, Session } from './session.ts'
import type { ClusterStatus, Corrections, StreamStatus } from './status.ts'
import type { FleetTracer } from './tracer.ts'

interface Member {
  session?: Session
  status?: AgentStatus
  /** When `status` came, ms. */
  heardAt?: number
  /** Connected since, or last seen, ms. */
  since?: number
  version?: string
  /** It said goodbye before it went. */
  left?: boolean
}

export interface Registry {
  declared(cluster: string): boolean
  /** Makes a Snapshot the one that agents follow. See `Fleet.assign`. */
  assign(snapshot: Snapshot, how?: { readonly restored: boolean }): void
  /** The session is the cluster's from now on, until `leave`. */
  enter(session: Session): void
  leave(session: Session): void
  report(cluster: string, status: AgentStatus): void
  dismiss(cluster: string, code: string, reason: string): void
  dismissAll(code: string, reason: string): void
  /** Never rejects. */
  ask(cluster: string, question: Question): Promise<AgentAnswer>
  readonly connected: number
  status(agents: readonly AgentRecord[], stats: Pick<StoreStats, 'inventory' | 'comparisons'>): readonly ClusterStatus[]
}

export interface RegistryDeps {
  readonly now: () => number
  readonly tracer: FleetTracer
}

export function createRegistry({ now, tracer }: RegistryDeps): Registry {
  let snapshot: Snapshot | undefined
  let plans: ReadonlyMap<string, Plan> = new Map()
  const members = new Map<string, Member>()
  const rollout = createRollout({ now, tracer })

  const memberOf = (cluster: string): Member => {
    const known = members.get(cluster) ?? {}
    members.set(cluster, known)
    return known
  }
  const sessions = () => [...members.values()].flatMap((member) => (member.session === undefined ? [] : [member.session]))
  const dismiss = (session: Session | undefined, code: string, reason: string, final = false) =>
    session?.dismiss({ code, reason, final })

  /** The plan goes to the agent, unless it holds it already. */
  const offer = (session: Session, plan: Plan) => {
    if (session.offer(plan)) rollout.offered(session.peer.cluster, plan)
  }

  return {
    declared: (cluster) => snapshot?.clusters.has(cluster) ?? false,
    assign: (next, { restored } = { restored: false }) => {
      snapshot = next
      const before = plans
      plans = new Map([...next.clusters.keys()].flatMap((name) => planEntry(next, name)))
      for (const [name, { hash }] of plans)
        if (!restored && before.get(name)?.hash !== hash) rollout.changed(name, hash, next.commit)
      for (const session of sessions()) {
        const plan = plans.get(session.peer.cluster)
        if (plan === undefined) dismiss(session, 'undeclared', 'the config repo does not declare this cluster any more')
        else offer(session, plan)
      }
    },
    enter: (session) => {
      const { cluster, version, process } = session.peer
      const member = memberOf(cluster)
      const before = member.session
      if (before !== undefined)
        dismiss(before, 'superseded', 'a newer connection of this cluster has taken over', before.peer.process !== process)
      if (before?.peer.process !== process) {
        delete member.status
        delete member.heardAt
      }
      Object.assign(member, { session, version, since: now(), left: false })
      const plan = plans.get(cluster)
      if (plan !== undefined) offer(session, plan)
    },
    leave: (session) => {
      const member = memberOf(session.peer.cluster)
      if (member.session !== session) return // a newer one came meanwhile: it is the cluster's now
      delete member.session
      member.left = session.left
      member.since = now()
    },
    report: (cluster, status) => {
      Object.assign(memberOf(cluster), { status, heardAt: now() })
      rollout.report(cluster, status)
    },
    dismiss: (cluster, code, reason) => dismiss(members.get(cluster)?.session, code, reason),
    dismissAll: (code, reason) => {
      for (const session of sessions()) dismiss(session, code, reason)
    },
    ask: async (cluster, question) =>
      members.get(cluster)?.session?.ask(question) ?? { kind: 'silent', why: 'no agent of the cluster is connected' },
    get connected() {
      return sessions().length
    },
    status: (agents, stats) => {
      const joined = new Map(agents.map((agent) => [agent.cluster, agent]))
      const names = new Set([...(snapshot?.clusters.keys() ?? []), ...joined.keys()])
      return [...names].sort().map((name) => {
        const objects = stats.inventory.reduce((sum, row) => (row.cluster === name ? sum + row.objects : sum), 0)
        return clusterStatus({
          name,
          snapshot,
          plan: plans.get(name),
          member: members.get(name) ?? {},
          agent: joined.get(name),
          objects,
          comparisons: stats.comparisons.filter(({ cluster }) => cluster === name),
        })
      })
    },
  }
}

function planEntry(snapshot: Snapshot, cluster: string): readonly (readonly [string, Plan])[] {
  const plan = planFor(snapshot, cluster)
  return plan === undefined ? [] : [[cluster, plan]]
}

interface Known {
  readonly name: string
  readonly snapshot: Snapshot | undefined
  readonly plan: Plan | undefined
  readonly member: Member
  readonly agent: AgentRecord | undefined
  readonly objects: number
  readonly comparisons: readonly ComparisonFigures[]
}

function clusterStatus({ name, snapshot, plan, member, agent, objects, comparisons }: Known): ClusterStatus {
  const config = snapshot?.clusters.get(name)
  const { session, status } = member
  const connected = session !== undefined
  return {
    name,
    labels: config?.labels ?? {},
    declared: config !== undefined,
    paused: config?.paused ?? false,
    joined: agent !== undefined,
    revoked: agent?.revokedAt !== undefined,
    connected,
    left: !connected && member.left === true,
    objects,
    corrections: correctionsOf(comparisons),
    figures: status?.figures ?? {},
    framesWaiting: session?.framesWaiting ?? 0,
    streams: plan === undefined ? [] : streamStatuses(plan, status, comparisons),
    ...optional('since', member.since),
    ...optional('heardAt', member.heardAt),
    ...optional('process', session?.peer.process ?? agent?.process),
    ...optional('version', member.version),
    ...optional('clusterUid', agent?.clusterUid),
    ...optional('desiredHash', plan?.hash),
    ...optional('receivedHash', status?.received),
    ...optional('activeHash', status?.active),
    ...optional('error', status?.error),
  }
}

/** By kind; streams that the plan has no more count too. */
function correctionsOf(comparisons: readonly ComparisonFigures[]): readonly Corrections[] {
  const kinds = Map.groupBy(
    comparisons.filter(({ corrections }) => corrections > 0),
    ({ resource }) => resource,
  )
  return [...kinds].map(([resource, of]) => ({
    resource,
    count: of.reduce((sum, { corrections }) => sum + corrections, 0),
    byAudit: of.reduce((sum, { auditCorrections }) => sum + auditCorrections, 0),
    at: Math.max(...of.map(({ correctedAt = 0 }) => correctedAt)),
  }))
}

const optional = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } | Record<never, never> =>
  value === undefined ? {} : { [key]: value }

/** Streams of the wanted plan, in the state that the agent told last; what it has not told of yet is starting. */
function streamStatuses(
  plan: Plan,
  status: AgentStatus | undefined,
  comparisons: readonly ComparisonFigures[],
): readonly StreamStatus[] {
  const figuresOf = new Map(comparisons.map((each) => [each.stream, each]))
  return plan.streams.map((stream) => ({
    id: stream.id,
    resource: resourceName(stream),
    watches: stream.watches.map((watch) => watch.name),
    state: status?.streams[stream.id] ?? { state: 'starting' },
    mismatches: figuresOf.get(stream.id)?.mismatches ?? 0,
    ...optional('comparedAt', figuresOf.get(stream.id)?.comparedAt),
  }))
}
