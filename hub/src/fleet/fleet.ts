/** Fleet: the agents as the rest of the hub sees them: they follow Snapshots, they can be listed, let in and shut out. */
import type { Question } from '@watch-hub/shared/protocol/explain'
import type { JoinRequest } from '@watch-hub/shared/protocol/join'
import type { Channel } from '@watch-hub/shared/runtime/channel'
import type { Log } from '@watch-hub/shared/runtime/log'
import type { Snapshot } from '../config/model.ts'
import type { Store, StoreStats } from '../store/store.ts'
import { handshake } from './handshake.ts'
import { type Issued, issueToken, type JoinDeps, type JoinOutcome, join } from './join.ts'
import { type FleetMeter, silentFleetMeter } from './meter.ts'
import type { AgentAnswer } from './questions.ts'
import { createRegistry } from './registry.ts'
import { openSession } from './session.ts'
import type { ClusterStatus } from './status.ts'
import { type FleetTracer, silentFleetTracer } from './tracer.ts'
import { type AgentDoor, openDoor } from './transport.ts'

export interface Fleet extends AsyncDisposable {
  readonly door: Pick<AgentDoor, 'upgrade'>
  join(request: JoinRequest): Promise<JoinOutcome>
  /** `restored`: agents may run it already; no commit is the cause of what they are offered. @default false */
  assign(snapshot: Snapshot, how?: { readonly restored: boolean }): void
  issueToken(of: { readonly cluster: string; readonly ttlMs: number; readonly replace: boolean }): Promise<Issued>
  /** Closes the connection at once and forgets the key's right to return. False = no such agent. */
  revoke(cluster: string): Promise<boolean>
  clusters(stats: Pick<StoreStats, 'inventory' | 'comparisons'>): Promise<readonly ClusterStatus[]>
  /** What the agent of a cluster makes of an object now. Never rejects. */
  ask(cluster: string, question: Question): Promise<AgentAnswer>
  readonly connected: number
}

export interface FleetDeps {
  readonly store: Store
  readonly log: Log
  /** @default none */
  readonly tracer?: FleetTracer
  /** ms */
  readonly now: () => number
  /** @default none */
  readonly meter?: FleetMeter
}

export function startFleet({ store, log, tracer = silentFleetTracer, meter = silentFleetMeter, now }: FleetDeps): Fleet {
  const registry = createRegistry({ now, tracer })
  const joinDeps: JoinDeps = { store, declared: registry.declared, now }

  const serve = async (channel: Channel, known: () => void) => {
    const inbox = channel.messages[Symbol.asyncIterator]()
    const met = await handshake({ store, declared: registry.declared }, channel, inbox)
    if (met.kind === 'refused') {
      log.warn('agent refused', { code: met.goodbye.code, reason: met.goodbye.reason })
      await channel.send(JSON.stringify(met.goodbye))
      channel.close(4001, met.goodbye.code)
      return
    }
    known()
    const { cluster, process, version } = met.peer
    const sessionLog = log.with({ cluster, process })
    const session = openSession(
      { store, log: sessionLog, tracer, meter, now, onStatus: (status) => registry.report(cluster, status) },
      met.peer,
      channel,
      inbox,
    )
    sessionLog.info('agent connected', { version, lastFrame: met.peer.lastFrame })
    const run = session.run()
    registry.enter(session)
    try {
      await run
    } finally {
      registry.leave(session)
      sessionLog.info('agent disconnected')
    }
  }
  const door = openDoor(serve, { log })

  return {
    door,
    join: async (request) => {
      const outcome = await join(joinDeps, request)
      if (outcome.status === 200) log.info('agent joined', { cluster: request.cluster, clusterUid: request.clusterUid })
      else log.warn('join refused', { cluster: request.cluster, code: outcome.problem.code })
      return outcome
    },
    assign: registry.assign,
    issueToken: (of) => issueToken(joinDeps, of),
    revoke: async (cluster) => {
      const revoked = await store.revoke(cluster, now())
      registry.dismiss(cluster, 'revoked', `the agent of cluster "${cluster}" was revoked`)
      return revoked
    },
    clusters: async (stats) => registry.status(await store.agents(), stats),
    ask: registry.ask,
    get connected() {
      return registry.connected
    },
    [Symbol.asyncDispose]: async () => {
      registry.dismissAll('stopping', 'the hub stops')
      await door[Symbol.asyncDispose]()
    },
  }
}
