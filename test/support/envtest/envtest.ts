/**
 * A real Kubernetes API server for tests and the demo: etcd and kube-apiserver, on free loopback ports, in a folder of their own.
 * It exists only while it runs; disposing it waits until both processes have ended.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { requireAssets } from './assets.ts'
import { startEtcd } from './etcd.ts'
import { freePort } from './free-port.ts'
import { prepareFolder, startKubeApiServer } from './kube-apiserver.ts'
import type { Access } from './request.ts'
import type { ServerProcess } from './server-process.ts'

export interface ApiServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`; stays the same over a restart, as do certificate and tokens. */
  readonly url: string
  /** PEM, of the certificate that the server made for itself. */
  readonly ca: string
  /** Of a user in `system:masters`: may do everything. */
  readonly adminToken: string
  /** The above as `request` takes it. */
  readonly admin: Access
  /** For kubectl and client libraries, with the admin token; mode 600. */
  readonly kubeconfigFile: string
  /** Data, logs and credentials. */
  readonly dir: string
  /** `kill -9` of kube-apiserver alone; etcd keeps its state. Resolves when it has ended. */
  kill(): Promise<void>
  /** Kills kube-apiserver, if it runs, and starts it on the same port and state. Resolves when it is ready. */
  restartApiServer(): Promise<void>
  /**
   * Forgets the history of etcd. A running kube-apiserver goes on answering watches from its memory of recent changes;
   * after `restartApiServer` a watch from an older version is told 410.
   */
  compact(): Promise<void>
  /** Ends both servers; the same as disposing. */
  stop(): Promise<void>
}

export interface ApiServerOptions {
  /** Folder with `etcd` and `kube-apiserver`. @default what `findAssets` finds */
  readonly assets?: string
  /** An empty folder to use, which is kept. @default a new one below the system's temporary folder, removed at the end */
  readonly dir?: string
  /** Gives up starting. */
  readonly signal?: AbortSignal
}

/** Two seconds on an idle machine; a busy one gets the benefit of the doubt. */
const startWithinMs = 60_000

/** Resolves when the server is ready. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const assets = options.assets ?? (await requireAssets())
  await using scope = new AsyncDisposableStack()
  const dir = options.dir ?? (await temporaryFolder(scope))
  await mkdir(dir, { recursive: true, mode: 0o700 })

  const within = <T>(start: (signal: AbortSignal) => Promise<T>): Promise<T> => startingWithin(start, options.signal)
  const etcd = scope.use(await within((signal) => startEtcd({ assets, dir, signal })))
  const fixed = { assets, dir, etcdUrl: etcd.url, port: await freePort(), adminToken: randomBytes(24).toString('base64url') }
  await prepareFolder(dir, fixed.adminToken)
  const first = await within((signal) => startKubeApiServer({ ...fixed, signal }))
  let current: ServerProcess = first.process
  const kill = async () => current[Symbol.asyncDispose]()
  scope.defer(kill)

  const { url, ca } = first.access
  const kubeconfigFile = join(dir, 'kubeconfig')
  await writeFile(kubeconfigFile, kubeconfig({ url, ca, token: fixed.adminToken }), { mode: 0o600 })
  const owned = scope.move()
  const stop = () => owned.disposeAsync()
  return {
    url,
    ca,
    adminToken: fixed.adminToken,
    admin: first.access,
    kubeconfigFile,
    dir,
    kill,
    restartApiServer: async () => {
      await kill()
      const next = await within((signal) => startKubeApiServer({ ...fixed, signal }))
      current = next.process
    },
    compact: etcd.compact,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function startingWithin<T>(start: (signal: AbortSignal) => Promise<T>, parent: AbortSignal | undefined): Promise<T> {
  using limit = deadline(startWithinMs, { what: 'starting the API server', ...(parent === undefined ? {} : { parent }) })
  return await start(limit.signal)
}

async function temporaryFolder(scope: AsyncDisposableStack): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-api-server-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** JSON, which is YAML too. */
const kubeconfig = ({ url, ca, token }: Access): string =>
  JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'envtest',
      clusters: [{ name: 'envtest', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
      users: [{ name: 'envtest', user: { token } }],
      contexts: [{ name: 'envtest', context: { cluster: 'envtest', user: 'envtest' } }],
    },
    undefined,
    2,
  )
