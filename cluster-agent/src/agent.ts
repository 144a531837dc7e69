/**
 * Composition of the agent: kube → reconciler → outbox → hub link. Stopping goes upstream first: the watches end, what they
 * reported is sent and acknowledged, then the link says goodbye.
 */
import { readFile } from 'node:fs/promises'
import type { Log } from '@watch-hub/shared/runtime/log'
import { deadline, type Sleep } from '@watch-hub/shared/runtime/sleep'
import { clusterUidOf } from './cluster-uid.ts'
import { startHealth } from './health.ts'
import { type HubLink, startHubLink } from './hub-link.ts'
import { fileKeyStore, type Identity, identityOf, type KeyStore } from './identity.ts'
import { join } from './join.ts'
import { createOutbox } from './outbox.ts'
import { secretKeyStore } from './secret-key-store.ts'
import type { AgentSettings } from './settings.ts'
import { dial } from './transport.ts'
import { explain } from './watch/explain.ts'
import { type Kube, openKube } from './watch/kube.ts'
import { type Reconciler, type ReconcileStatus, startReconcile } from './watch/reconcile.ts'

export interface AgentDeps {
  readonly log: Log
  readonly sleep: Sleep
  /** What this process uses. @default not told */
  readonly usage?: () => Usage
}

/** Whole numbers. */
export interface Usage {
  /** Resident. */
  readonly memoryBytes: number
  readonly cpuMs: number
  readonly uptimeMs: number
}

export interface Agent extends AsyncDisposable {
  /** Rejects when the agent cannot go on: dismissed by the hub, or a bug. */
  readonly done: Promise<void>
  /** Port of the probes, when they are served. */
  readonly healthPort?: number
}

const drainMs = 10_000
const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'
export const identitySecret = 'watch-hub-agent-identity'

/** Resolves once the agent has an identity; from then on it runs until it is disposed. */
export async function startAgent(settings: AgentSettings, deps: AgentDeps, signal: AbortSignal): Promise<Agent> {
  const { log, sleep } = deps
  await using scope = new AsyncDisposableStack()
  const kube = scope.use(await openKube(kubeSettings(settings, log)))
  const keys = await keyStoreOf(settings, kube)
  const clusterUid = await clusterUidOf(kube, deps, signal)
  let identity = await identify({ settings, keys, clusterUid, log }, signal)

  const outbox = createOutbox()
  const link: HubLink = scope.use(
    startHubLink({
      dial: (linkSignal) => dial(settings.hub, linkSignal),
      outbox,
      identity: () => identity,
      rejoin: async (linkSignal) => {
        if (settings.joinToken === undefined) return false
        try {
          identity = await join(keys, { ...settings, clusterUid, token: settings.joinToken }, linkSignal)
          return true
        } catch (error) {
          linkSignal.throwIfAborted()
          log.warn('cannot join again with the given token', { error })
          return false
        }
      },
      status: () => statusOf(reconciler.status(), { ...link.figures(), ...deps.usage?.() }),
      onPlan: (plan) => reconciler.follow(plan),
      onLostData: () => reconciler.resync(),
      onReload: (stream, reason) => reconciler.reload(stream, reason),
      explain: (question, linkSignal) => explain(question, reconciler.followed(), kube, linkSignal),
      sleep,
      log,
    }),
  )
  const reconciler: Reconciler = startReconcile(
    { kube, outbox, loadIndex: link.loadIndex, onStatus: () => link.statusChanged(), log, sleep },
    settings.auditMs === undefined ? {} : { auditMs: settings.auditMs },
  )
  scope.defer(() => drain(outbox, log))
  scope.use(reconciler)
  const health =
    settings.listen === undefined
      ? undefined
      : scope.use(
          await startHealth({
            ...settings.listen,
            reasons: () => (link.connected ? [] : [`not connected to the hub: ${link.trouble ?? ''}`]),
          }),
        )

  const owned = scope.move()
  return {
    done: Promise.race([link.done, reconciler.done]),
    ...(health === undefined ? {} : { healthPort: health.port }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** `more`: figures that the reconciler does not know. */
const statusOf = ({ figures, ...status }: ReconcileStatus, more: ReconcileStatus['figures']) => ({
  ...status,
  figures: { ...figures, ...more },
})

const kubeSettings = ({ kubeconfig, context }: AgentSettings, log: Log) => ({
  log,
  ...(kubeconfig === undefined ? {} : { kubeconfig }),
  ...(context === undefined ? {} : { context }),
})

/** What was reported is worth waiting for, but not for ever: the next process finds the rest by comparison. */
async function drain(outbox: ReturnType<typeof createOutbox>, log: Log): Promise<void> {
  using limit = deadline(drainMs, { what: 'sending what is left to the hub' })
  try {
    await outbox.drained(limit.signal)
  } catch (error) {
    log.warn('stopped with unsent entries; the next process finds them by comparison', { error })
  }
}

/** The named folder; else, in a pod, the Secret; else a folder below the current one, so that the printed join command works as it is. */
async function keyStoreOf({ state, cluster }: AgentSettings, kube: Kube): Promise<KeyStore> {
  if (state !== undefined) return fileKeyStore(state)
  const namespace = await readFile(namespaceFile, 'utf8').catch(() => undefined)
  if (namespace === undefined) return fileKeyStore(`watch-hub-agent-${cluster}`)
  return secretKeyStore(kube, { namespace: namespace.trim(), name: identitySecret })
}

interface Identify {
  readonly settings: AgentSettings
  readonly keys: KeyStore
  readonly clusterUid: string
  readonly log: Log
}

/** The identity of before, when it was admitted under this name and cluster; else joins with the token. */
async function identify({ settings, keys, clusterUid, log }: Identify, signal: AbortSignal): Promise<Identity> {
  const known = await keys.load()
  if (known?.hub !== undefined && known.cluster === settings.cluster && known.clusterUid === clusterUid) return identityOf(known)
  if (settings.joinToken === undefined)
    throw new Error(
      `cluster "${settings.cluster}" has not joined (${keys.where} holds no identity of it): get a token by \`watch-hub cluster token ${settings.cluster}\` and start with --join-token`,
    )
  const joined = await join(keys, { ...settings, clusterUid, token: settings.joinToken }, signal)
  log.info('joined the hub', { cluster: settings.cluster, hub: joined.record.hub, identity: keys.where })
  return joined
}
