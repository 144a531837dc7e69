/** An agent process of one cluster in this process, composed as in agent.ts. Killing it sends nothing that was not sent. */
import { startHubLink } from '@watch-hub/cluster-agent/hub-link'
import { type Identity, type IdentityRecord, identityOf, type KeyStore } from '@watch-hub/cluster-agent/identity'
import { join } from '@watch-hub/cluster-agent/join'
import { createOutbox, type OutboxSettings } from '@watch-hub/cluster-agent/outbox'
import { dial } from '@watch-hub/cluster-agent/transport'
import { explain } from '@watch-hub/cluster-agent/watch/explain'
import { openKube } from '@watch-hub/cluster-agent/watch/kube'
import { type ReconcileSettings, type ReconcileStatus, startReconcile } from '@watch-hub/cluster-agent/watch/reconcile'
import type { Log } from '@watch-hub/shared/runtime/log'
import { type Relay, startRelay } from './relay.ts'
import { type Clock, shortSleep } from './time.ts'

export interface AgentProcessSettings {
  readonly cluster: string
  readonly clusterUid: string
  readonly kubeconfig: string
  readonly hubPort: () => number | undefined
  /** Kept over restarts. */
  readonly keys: KeyStore
  /** A fresh join token; undefined while nobody can give one. */
  readonly token: () => Promise<string | undefined>
  readonly clock: Clock
  readonly log: Log
  readonly reconcile: ReconcileSettings
  readonly outbox: OutboxSettings
}

export interface AgentProcess extends AsyncDisposable {
  readonly cluster: string
  /** Its way to the hub. */
  readonly relay: Relay
  readonly connected: boolean
  status(): ReconcileStatus
  /** Rejects when the hub dismissed it, or when there is a bug. */
  readonly done: Promise<void>
  /** Without a goodbye; what waits in its outbox is gone. */
  kill(): Promise<void>
}

/** Resolves once it has an identity. */
export async function startAgentProcess(settings: AgentProcessSettings): Promise<AgentProcess> {
  const { cluster, clock, log } = settings
  await using scope = new AsyncDisposableStack()
  const relay = scope.use(await startRelay(settings.hubPort))
  const kube = scope.use(await openKube({ kubeconfig: settings.kubeconfig, log }))
  const stop = new AbortController()
  scope.defer(() => stop.abort())
  const joinWith = (token: string) => join(settings.keys, { ...settings, hub: { url: relay.url }, token }, stop.signal)
  let identity = await identify(settings, joinWith)
  const outbox = createOutbox({ ...settings.outbox, now: clock.now })
  const link = startHubLink({
    dial: (signal) => dial({ url: relay.url }, signal),
    outbox,
    identity: () => identity,
    rejoin: async (signal) => {
      const token = await settings.token().catch(() => undefined)
      if (token === undefined) return false
      try {
        identity = await joinWith(token)
        return true
      } catch (error) {
        signal.throwIfAborted()
        log.warn('cannot join again', { error })
        return false
      }
    },
    status: () => reconciler.status(),
    onPlan: (plan) => reconciler.follow(plan),
    onLostData: () => reconciler.resync(),
    onReload: (stream, reason) => reconciler.reload(stream, reason),
    explain: (question, signal) => explain(question, reconciler.followed(), kube, signal),
    sleep: shortSleep,
    log,
  })
  scope.use(link)
  const reconciler = startReconcile(
    {
      kube,
      outbox,
      loadIndex: link.loadIndex,
      onStatus: () => link.statusChanged(),
      log,
      sleep: shortSleep,
      clock: clock.now,
      now: clock.monotonic,
    },
    settings.reconcile,
  )
  scope.use(reconciler)
  const done = Promise.race([link.done, reconciler.done])
  done.catch(() => {}) // the lab looks at it; until then this is not "unhandled"
  const owned = scope.move()
  return {
    cluster,
    relay,
    get connected() {
      return link.connected
    },
    status: reconciler.status,
    done,
    kill: async () => {
      relay.cut()
      await owned.disposeAsync()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function identify(
  { keys, token }: AgentProcessSettings,
  joinWith: (token: string) => Promise<Identity>,
): Promise<Identity> {
  const known = await keys.load()
  if (known?.hub !== undefined) return identityOf(known)
  const fresh = await token()
  if (fresh === undefined) throw new Error('expected a hub that gives a join token, got none: start the hub first')
  return joinWith(fresh)
}

export function memoryKeyStore(): KeyStore {
  let kept: IdentityRecord | undefined
  return {
    where: 'memory',
    load: async () => kept,
    save: async (record) => {
      kept = record
    },
  }
}
