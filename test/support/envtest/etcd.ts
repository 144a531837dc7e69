/** etcd for one test server: its own folder, loopback only, nothing forced to disk. Plain HTTP, so nobody else's data belongs into it. */
import { request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { freePort } from './free-port.ts'
import { type ServerProcess, startProcess } from './server-process.ts'

export interface Etcd extends AsyncDisposable {
  readonly url: string
  /** Forgets all history before now: a version older than this can be continued only from a server's memory. */
  compact(): Promise<void>
}

export interface EtcdOptions {
  readonly assets: string
  /** Holds the data and the log; has to exist. */
  readonly dir: string
  readonly signal?: AbortSignal
}

export async function startEtcd({ assets, dir, signal }: EtcdOptions): Promise<Etcd> {
  const url = `http://127.0.0.1:${await freePort()}`
  const nobody = 'http://127.0.0.1:0' // a single member is never dialled by peers
  await using scope = new AsyncDisposableStack()
  const server: ServerProcess = scope.use(
    await startProcess({
      file: join(assets, 'etcd'),
      logFile: join(dir, 'etcd.log'),
      args: [
        `--data-dir=${join(dir, 'etcd')}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        `--listen-peer-urls=${nobody}`,
        `--initial-advertise-peer-urls=${nobody}`,
        `--initial-cluster=default=${nobody}`,
        '--unsafe-no-fsync',
        '--log-level=warn',
        '--logger=zap',
      ],
    }),
  )
  await server.until(() => isHealthy(url, signal), signal)
  const owned = scope.move()
  return { url, compact: () => compact(url), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const isHealthy = (url: string, signal: AbortSignal | undefined): Promise<boolean> =>
  call(new URL('/health', url), { signal }).then(
    (answer) => hasHealth(answer) && answer.health === 'true',
    () => false,
  )

async function compact(url: string): Promise<void> {
  const anyKey = Buffer.from('any').toString('base64')
  const range = await call(new URL('/v3/kv/range', url), { body: { key: anyKey } })
  if (!hasRevision(range)) throw new Error(`expected the revision of etcd at ${url}, got ${JSON.stringify(range)}`)
  await call(new URL('/v3/kv/compaction', url), { body: { revision: range.header.revision, physical: true } })
}

interface Call {
  /** Sent as JSON by POST; absent: a GET. */
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

/** One call of etcd's JSON gateway. */
async function call(url: URL, { body, signal }: Call): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const options = { method: body === undefined ? 'GET' : 'POST', agent: false, ...(signal === undefined ? {} : { signal }) }
  const sent = request(url, options, (response) => {
    json(response).then((answer) => {
      if (response.statusCode === 200) resolve(answer)
      else reject(new Error(`expected 200 from etcd at ${url}, got ${response.statusCode} ${JSON.stringify(answer)}`))
    }, reject)
  })
  sent.on('error', reject)
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  return promise
}

const hasHealth = (value: unknown): value is { readonly health: unknown } =>
  typeof value === 'object' && value !== null && 'health' in value

const hasRevision = (value: unknown): value is { readonly header: { readonly revision: string } } =>
  typeof value === 'object' &&
  value !== null &&
  'header' in value &&
  typeof value.header === 'object' &&
  value.header !== null &&
  'revision' in value.header &&
  typeof value.header.revision === 'string'
