/** A simulated cluster, the hub's side of the link in memory, and agent processes that come and go between them: the world of the no-gap tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { type Sleep, sleep } from '@watch-hub/shared/runtime/sleep'
import {
  type Simulator,
  type SimulatorOptions,
  startApiServerSimulator,
} from '../../../test/support/api-server-simulator/simulator.ts'
import { createOutbox } from '../outbox.ts'
import { type Kube, openKube } from '../watch/kube.ts'
import { type ReconcileSettings, type ReconcileStatus, startReconcile } from '../watch/reconcile.ts'
import { type FakeHub, fakeHub } from './fake-hub.ts'
import { plan, streamPlan } from './objects.ts'

export const services = plan('p1', [streamPlan('all')])
export const fast: ReconcileSettings = { backoffMs: [1, 20], longMs: 5 }

export interface AgentOptions {
  readonly settings?: ReconcileSettings
  readonly plan?: ReturnType<typeof plan>
  readonly sleep?: Sleep
  readonly random?: () => number
  /** Bodies reach the agent in pieces of this many bytes. @default as they come */
  readonly pieceBytes?: number
}

export interface RunningAgent extends AsyncDisposable {
  status(): ReconcileStatus
  follow(next: ReturnType<typeof plan>): void
  /** Resolves when the status is as wanted; it is looked at after each change of it. */
  until(wanted: (status: ReconcileStatus) => boolean): Promise<void>
}

export async function startWorld(options: SimulatorOptions = {}) {
  await using scope = new AsyncDisposableStack()
  const cluster = scope.use(await startApiServerSimulator({ bookmarkEveryMs: 0, ...options }))
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-gap-'))
  scope.defer(() => rm(dir, { recursive: true }))
  const kubeconfig = await cluster.writeKubeconfig(dir)
  const hub = scope.use(fakeHub(createOutbox()))
  const owned = scope.move()
  return {
    cluster,
    hub,
    /** Writes the kubeconfig again, with the token of the moment. */
    writeKubeconfig: () => cluster.writeKubeconfig(dir),
    /** An agent process: it knows nothing but what the hub tells it. */
    startAgent: async ({
      settings = fast,
      plan: of = services,
      pieceBytes,
      ...more
    }: AgentOptions = {}): Promise<RunningAgent> => {
      const kube = await openKube({ log: silentLog, kubeconfig })
      const outbox = createOutbox({ maxBytes: 64 * 1024 * 1024 }) // so that the bound met here is that of entries
      hub.serve(outbox)
      let changed = Promise.withResolvers<void>()
      const onStatus = () => {
        changed.resolve()
        changed = Promise.withResolvers<void>()
      }
      const cut = pieceBytes === undefined ? kube : inPieces(kube, pieceBytes)
      const deps = { kube: cut, outbox, loadIndex: hub.loadIndex, onStatus, log: silentLog, sleep, ...more }
      const reconciler = startReconcile(deps, settings)
      reconciler.follow(of)
      return {
        status: reconciler.status,
        follow: reconciler.follow,
        until: async (wanted) => {
          while (!wanted(reconciler.status())) await changed.promise
        },
        [Symbol.asyncDispose]: async () => {
          await reconciler[Symbol.asyncDispose]()
          await kube[Symbol.asyncDispose]()
        },
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** Node joins what it reads at once: pieces have to be cut on this side of it. */
const inPieces = ({ request }: Pick<Kube, 'request'>, bytes: number): Pick<Kube, 'request'> => ({
  request: async (path, options) => {
    const response = await request(path, options)
    return { ...response, body: pieces(response.body, bytes) }
  },
})

async function* pieces(body: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  for await (const chunk of body) for (let at = 0; at < chunk.length; at += bytes) yield chunk.subarray(at, at + bytes)
}

/** An agent that is in step with the cluster and watches it; the hub's log is empty. */
export async function live({ cluster, hub, startAgent }: World, options?: AgentOptions): Promise<RunningAgent> {
  const agent = await startAgent(options)
  await hub.until(() => inStep(cluster, hub) && hub.log.includes('synced'))
  await cluster.until(() => cluster.watches('services') === 1, 'a watch')
  hub.log.length = 0
  cluster.requests.clear()
  return agent
}

export const service = (name: string, value = 'first') => ({ metadata: { name }, spec: { externalName: value } })
export const change = (value: string) => (object: Readonly<Record<string, unknown>>) => ({
  ...object,
  spec: { externalName: value },
})

/** What the hub holds of a stream is exactly what the cluster holds. */
export function inStep(cluster: Simulator, hub: FakeHub, { resource = 'services', stream = 'all' } = {}): boolean {
  const rows = hub.inventory.get(stream)
  const objects = cluster.list(resource)
  return (
    objects.length === (rows?.size ?? 0) &&
    objects.every(({ metadata, spec }) => {
      const row = rows?.get(`${metadata.namespace ?? ''}/${metadata.name}`)
      return row?.uid === metadata.uid && JSON.stringify(JSON.parse(row.body).spec) === JSON.stringify(spec)
    })
  )
}

/** A gap: everything happens while nobody looks. */
export function changeEverything(cluster: Simulator) {
  cluster.delete('services', 'a')
  cluster.update('services', 'b', change('second'))
  const old = cluster.delete('services', 'c').metadata.uid
  const recreated = cluster.create('services', service('c')).metadata.uid
  const e = cluster.create('services', service('e')).metadata.uid
  return { old, recreated, e }
}

export const withoutSynced = (log: readonly string[]) => log.filter((each) => each !== 'synced')
/** Entries without their uids. */
export const story = (log: readonly string[]) => withoutSynced(log).map((each) => each.replace(/@\S+/, ''))
