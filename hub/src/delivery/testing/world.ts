/** A hub's inner half for tests: a real store in a folder of its own, clusters that joined, and the way out in front of it. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bodyHash } from '@watch-hub/shared/pipeline/hash'
import type { Entry } from '@watch-hub/shared/protocol/frames'
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { ClusterConfig, EndpointConfig, Metadata, Snapshot, WatchConfig } from '../../config/model.ts'
import { activationOf, planFor } from '../../config/plan.ts'
import { openStore } from '../../store/sqlite.ts'
import type { LogRow, Store } from '../../store/store.ts'
import { type Delivery, type DeliveryDeps, type DeliverySettings, startDelivery } from '../dispatcher.ts'
import { createEgress } from '../egress.ts'
import { type Secrets, startSecrets } from '../secrets.ts'

const at = { file: 'config.yaml', line: 1, column: 1 }
const defaultCluster = 'prod-eu-1'

export const watchConfig = (parts: Partial<WatchConfig> = {}): WatchConfig => ({
  name: 'services',
  resources: [{ group: '', resource: 'services' }],
  clusters: [defaultCluster],
  namespaces: { include: [], exclude: [] },
  events: ['created', 'updated', 'deleted'],
  fields: { keep: [], prune: [] },
  initial: 'send',
  resyncMs: 0,
  includeSecretData: false,
  attach: {},
  endpoints: ['dns'],
  paused: false,
  at,
  ...parts,
})

const clusterConfig = (name: string): ClusterConfig => ({
  name,
  labels: { env: 'prod' },
  attach: { platform: 'metal' },
  paused: false,
  at,
})

export interface Commit {
  readonly endpoints: readonly EndpointConfig[]
  /** @default one on services, for the endpoint dns */
  readonly watches?: readonly WatchConfig[]
  /** @default prod-eu-1 */
  readonly clusters?: readonly string[]
  readonly attach?: Metadata
}

export function snapshotOf({ endpoints, watches = [watchConfig()], clusters = [defaultCluster], attach = {} }: Commit): Snapshot {
  const byName = <T extends { readonly name: string }>(all: readonly T[]) => new Map(all.map((each) => [each.name, each]))
  return {
    commit: 'c',
    hash: 'h',
    settings: { ignoreNamespaces: [], attach },
    clusters: byName(clusters.map(clusterConfig)),
    endpoints: byName(endpoints),
    watches: byName(watches),
    places: { clusters: new Map(), endpoints: new Map(), watches: new Map(), settings: {} },
  }
}

/** One change of one object. */
export interface Change {
  readonly uid: string
  /** @default the uid */
  readonly name?: string
  readonly namespace?: string
  readonly body?: string
  readonly gone?: boolean
  /** Names of watches. @default every watch on services */
  readonly matches?: readonly string[]
  /** Ends a comparison of the stream instead. */
  readonly synced?: boolean
}

export interface World extends AsyncDisposable {
  readonly store: Store
  readonly secrets: Secrets
  readonly secretsFolder: string
  /** Makes a commit the one that is followed, by the store and by every delivery. */
  commit(commit: Commit): Promise<void>
  /** One frame. Answers with its log rows. */
  append(changes: readonly Change[], cluster?: string): Promise<readonly LogRow[]>
  deliver(deps?: Partial<DeliveryDeps>, settings?: Partial<DeliverySettings>): Delivery
}

export async function startWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'watch-hub-delivery-'))
  const secretsFolder = join(folder, 'secrets')
  const store = await openStore({ file: join(folder, 'hub.db') })
  const secrets = startSecrets({ log: silentLog }, { folder: secretsFolder, env: {} })
  const deliveries: Delivery[] = []
  const frames = new Map<string, number>()
  const existing = new Set<string>()
  let snapshot: Snapshot | undefined

  async function joined(cluster: string): Promise<void> {
    if (frames.has(cluster)) return
    frames.set(cluster, 0)
    const hash = createHash('sha256').update(cluster).digest('hex')
    await store.saveToken({ hash, cluster, expiresAt: Number.MAX_SAFE_INTEGER, replace: false })
    await store.join({ cluster, tokenHash: hash, publicKey: 'key', clusterUid: `${cluster}-uid`, now: Date.now() })
    await store.openProcess(cluster, 0)
  }

  return {
    store,
    secrets,
    secretsFolder,
    async commit(commit) {
      snapshot = snapshotOf(commit)
      await store.activate(activationOf(snapshot))
      for (const cluster of snapshot.clusters.keys()) await joined(cluster)
      for (const delivery of deliveries) delivery.follow(snapshot)
    },
    async append(changes, cluster = defaultCluster) {
      const plan = snapshot && planFor(snapshot, cluster)
      const [stream] = plan?.streams ?? []
      if (plan === undefined || stream === undefined) throw new Error(`expected a plan with a stream for ${cluster}`)
      const number = (frames.get(cluster) ?? 0) + 1
      frames.set(cluster, number)
      const names = stream.watches.map(({ name }) => name)
      const entries = changes.map((change): Entry => {
        const definitions = stream.watches.map(({ name, definition }) => ({ watch: name, definition }))
        if (change.synced) return { s: 0, synced: definitions, cause: 'list', observedAt: Date.now() }
        const known = existing.has(`${cluster}/${change.uid}`)
        if (change.gone) existing.delete(`${cluster}/${change.uid}`)
        else existing.add(`${cluster}/${change.uid}`)
        return entryOf(change, { names, known })
      })
      const streams = [
        { id: stream.id, group: stream.group, resource: stream.resource, version: 'v1', kind: 'Service', namespaced: true },
      ]
      const result = await store.append(cluster, { plan: plan.hash, process: 1, number, streams, sealedAt: Date.now(), entries })
      if (result.kind !== 'stored') throw new Error(`expected frame ${number} to be stored, got ${JSON.stringify(result)}`)
      return result.rows
    },
    deliver(deps = {}, settings = {}) {
      const egress = createEgress(['127.0.0.0/8'])
      const delivery = startDelivery(
        { store, secrets, egress, log: silentLog, ...deps },
        { release: '0.1.0', allowInsecureCredentials: true, ...settings },
      )
      deliveries.push(delivery)
      if (snapshot !== undefined) delivery.follow(snapshot)
      return delivery
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(deliveries.map((delivery) => delivery[Symbol.asyncDispose]()))
      await secrets[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function entryOf(change: Change, of: { readonly names: readonly string[]; readonly known: boolean }): Entry {
  const { uid, name = uid, namespace = 'web', body = `{"uid":"${uid}"}`, gone = false, matches = of.names } = change
  const base = { s: 0, uid, namespace, name, resourceVersion: '1', cause: 'live', observedAt: Date.now() } as const
  if (gone) return { ...base, change: 'gone', matches: [] }
  return { ...base, change: of.known ? 'modified' : 'added', matches: [...matches], hash: bodyHash(body), body }
}
