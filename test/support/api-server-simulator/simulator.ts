/**
 * An in-memory Kubernetes API server over real http(s) on loopback: what an agent sees of a real one, at a speed and with faults
 * that a real one cannot be made to show. Tests and the demo drive it through the returned object; clients through its kubeconfig.
 *
 * Told apart from the real one: label and field selectors beyond metadata.name and metadata.namespace, server-side apply, admission,
 * protobuf, compression and HTTP/2 are not there. Objects that are handed in must not be changed afterwards.
 */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import { selfSignedCertificate } from '../certificate.ts'
import { changes } from '../changes.ts'
import { type ApiSettings, createApi } from './api.ts'
import { type Driver, drive } from './driver.ts'
import { createFaults, type Failure, type Faults } from './faults.ts'
import { kubeconfigText } from './kubeconfig.ts'
import { createLists } from './list.ts'
import { listen } from './listener.ts'
import { type RequestLog, requestLog } from './requests.ts'
import { builtIn, type ResourceDefinition } from './resources.ts'
import { type Backup, Store } from './store.ts'
import { createWatches, type Watches } from './watches.ts'

export interface SimulatorOptions {
  /** Serve https with a certificate made on the spot. @default false */
  readonly tls?: boolean
  /** Bearer token that every request needs. @default none needed */
  readonly token?: string
  /** uid of `kube-system`. @default random */
  readonly clusterUid?: string
  /** @default 'v1.31.0' */
  readonly version?: string
  /** Answer aggregated discovery to those who accept it. @default false */
  readonly aggregatedDiscovery?: boolean
  /** What `sendInitialEvents` comes to: old servers ignore it, some refuse it. @default 'ignored' */
  readonly streamingLists?: ApiSettings['streamingLists']
  /** What a watch from a version comes to that the server has not reached, as after a restored backup. @default 'silent' */
  readonly futureVersions?: ApiSettings['futureVersions']
  /** Watches that want bookmarks get one this often; 0 = only when `sendBookmarks` is called. @default 60_000 */
  readonly bookmarkEveryMs?: number
  /** Changes per kind that watches can still start from. @default 100_000 */
  readonly historyLimit?: number
}

export interface Simulator extends Driver, AsyncDisposable {
  readonly url: string
  /** PEM, with `tls`. */
  readonly ca?: string
  /** The first one; see `rotateToken`. */
  readonly token?: string
  readonly clusterUid: string
  /** Of the newest change. */
  readonly resourceVersion: string

  addResource(definition: ResourceDefinition): void
  /** Its objects are deleted and its watches end; from then on its path is not found. */
  removeResource(resource: string): void
  /** From now on a kind is served in these versions, the preferred one first; watches of others end, and their path is not found. */
  serveIn(resource: string, versions: readonly [string, ...string[]]): void
  /** From now on this is the only token that is let in. Open watches stay, as with the real server. */
  rotateToken(token: string): void
  /** Watches and continue tokens from before now are expired: 410 as an ERROR event, or as HTTP status. */
  compact(expiredAs?: 'event' | 'status'): void
  backup(): Backup
  /** Versions go backwards with it; all watches are cut, as by the restart that it takes. */
  restoreBackup(backup: Backup): void
  sendBookmarks(resource?: string): void

  readonly requests: RequestLog
  /** Open watches. */
  watches(resource?: string): number
  /** Resolves when `predicate` holds; it is looked at after each request and whenever a watch opens or closes. */
  until(predicate: () => boolean, what: string): Promise<void>

  readonly forbid: Faults['forbid']
  readonly allow: Faults['allow']
  failNext(failure: Failure): void
  readonly failNoMore: Faults['failNoMore']
  /** @default when 'now' */
  cutWatches(resource?: string, when?: 'now' | 'mid-event'): void
  /** The clean end, as after `timeoutSeconds`. */
  endWatches(resource?: string): void
  /** Watches stay open and silent, new ones too, until `resumeWatches`. */
  stallWatches(): void
  resumeWatches(): void
  /** Bodies are written in pieces of this many bytes; 0 = as they come. */
  splitChunks(bytes: number): void
  /** The next body that holds this text, of a list or a watch, is cut in the middle of its bytes. */
  readonly cutInside: Faults['cutInside']
  /** Cuts every connection and refuses new ones until `restore`. */
  refuse(): Promise<void>
  restore(): Promise<void>

  /** YAML. */
  kubeconfig(): string
  /** Writes `kubeconfig` into the folder, mode 600; resolves to its path. */
  writeKubeconfig(dir: string): Promise<string>
}

export async function startApiServerSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { clusterUid = randomUUID(), historyLimit = 100_000, bookmarkEveryMs = 60_000 } = options
  let { token } = options
  const faults = createFaults()
  const news = changes()
  const watches = createWatches({ faults, onCount: news.notify })
  const lists = createLists()
  const log = requestLog()
  const store = new Store({ clusterUid, historyLimit, onChange: watches.changed })
  let expiredAs: 'event' | 'status' = 'event'
  const api = createApi({
    store,
    lists,
    watches,
    faults,
    expiredAs: () => expiredAs,
    record: (request) => {
      log.add(request)
      queueMicrotask(news.notify)
    },
    settings: {
      version: options.version ?? 'v1.31.0',
      token: () => token,
      user: 'system:serviceaccount:watch-hub:watch-hub-agent',
      aggregatedDiscovery: options.aggregatedDiscovery ?? false,
      streamingLists: options.streamingLists ?? 'ignored',
      futureVersions: options.futureVersions ?? 'silent',
    },
  })

  await using scope = new AsyncDisposableStack()
  const certificate = options.tls ? selfSignedCertificate() : undefined
  const listener = scope.use(await listen(api, certificate))
  if (bookmarkEveryMs > 0) scope.use(bookmarking(watches, store, bookmarkEveryMs))
  for (const definition of builtIn) store.define(definition)
  const driver = drive(store)
  for (const name of ['default', 'kube-system']) driver.create('namespaces', { metadata: { name } })
  const owned = scope.move()
  const ca = certificate?.cert
  const kubeconfig = () => kubeconfigText({ url: listener.url, ca, token })

  return {
    url: listener.url,
    ...(ca === undefined ? {} : { ca }),
    ...(token === undefined ? {} : { token }),
    clusterUid,
    get resourceVersion() {
      return String(store.version)
    },
    ...driver,
    addResource: (definition) => store.define(definition),
    removeResource: (resource) => {
      const table = store.table(resource)
      for (const state of table.snapshot()) store.remove(table, state)
      watches.flush()
      store.undefine(resource)
      watches.end(resource)
    },
    serveIn: (resource, versions) => {
      watches.flush()
      store.serveIn(resource, versions)
      watches.end(resource, (version) => !versions.includes(version))
    },
    rotateToken: (next) => {
      token = next
    },
    compact: (as = 'event') => {
      expiredAs = as
      watches.flush()
      lists.expire()
      store.compact()
    },
    backup: () => store.backup(),
    restoreBackup: (backup) => {
      watches.cut(undefined, 'now')
      lists.expire()
      store.restore(backup)
    },
    sendBookmarks: (resource) => watches.bookmark(store.version, resource),
    requests: log,
    watches: (resource) => watches.count(resource),
    until: (predicate, what) => news.until(predicate, () => what),
    forbid: faults.forbid,
    allow: faults.allow,
    failNext: faults.failNext,
    failNoMore: faults.failNoMore,
    cutWatches: (resource, when = 'now') => watches.cut(resource, when),
    endWatches: (resource) => watches.end(resource),
    stallWatches: () => watches.stall(true),
    resumeWatches: () => watches.stall(false),
    splitChunks: faults.splitChunks,
    cutInside: faults.cutInside,
    refuse: () => listener.refuse(),
    restore: () => listener.restore(),
    kubeconfig,
    writeKubeconfig: async (dir) => {
      const path = join(dir, 'kubeconfig')
      await writeFile(path, kubeconfig(), { mode: 0o600 })
      return path
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const bookmarking = (watches: Watches, store: Store, everyMs: number): Task =>
  new Task(async (signal) => {
    for (;;) {
      await sleep(everyMs, signal)
      watches.bookmark(store.version)
    }
  })
