/**
 * kube-apiserver over a running etcd: RBAC, one admin token, a certificate that it makes itself, loopback only.
 * Nothing else of a cluster runs: pods, nodes, Services and CRDs can be created and changed, but no controller acts on them
 * (no garbage collection, no namespace is ever finally deleted).
 * The flags are those that 1.20 and current versions both know.
 */
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Access, request } from './request.ts'
import { type ServerProcess, startProcess } from './server-process.ts'

export interface KubeApiServerOptions {
  readonly assets: string
  /** Prepared by `prepareFolder`; a restart uses it again, so that certificate and tokens stay. */
  readonly dir: string
  readonly etcdUrl: string
  readonly port: number
  readonly adminToken: string
  readonly signal?: AbortSignal
}

const issuer = 'https://kubernetes.default.svc'
const tokenFile = (dir: string): string => join(dir, 'tokens.csv')
const serviceAccountKeyFile = (dir: string): string => join(dir, 'service-account-key.pem')
const certDir = (dir: string): string => join(dir, 'certificates')

/** Writes what the server reads at its start, for its owner's eyes only. */
export async function prepareFolder(dir: string, adminToken: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secret = { mode: 0o600 }
  await writeFile(serviceAccountKeyFile(dir), privateKey.export({ type: 'sec1', format: 'pem' }), secret)
  await writeFile(tokenFile(dir), `${adminToken},admin,admin,"system:masters"\n`, secret)
}

/** Resolves when the server is ready, with its process and the way in. */
export async function startKubeApiServer(
  options: KubeApiServerOptions,
): Promise<{ readonly process: ServerProcess; readonly access: Access }> {
  const { assets, dir, port, signal } = options
  await using scope = new AsyncDisposableStack()
  const server = scope.use(
    await startProcess({ file: join(assets, 'kube-apiserver'), logFile: join(dir, 'kube-apiserver.log'), args: flags(options) }),
  )
  const url = `https://127.0.0.1:${port}`
  let access: Access | undefined
  await server.until(async () => {
    const ca = await readFile(join(certDir(dir), 'apiserver.crt'), 'utf8').catch(() => '')
    if (ca === '') return false
    access = { url, ca, token: options.adminToken }
    return isReady(access, signal)
  }, signal)
  if (access === undefined) throw new Error(`${url} was ready without a certificate`)
  scope.move()
  return { process: server, access }
}

const flags = ({ dir, etcdUrl, port }: KubeApiServerOptions): readonly string[] => [
  `--etcd-servers=${etcdUrl}`,
  '--bind-address=127.0.0.1',
  '--advertise-address=127.0.0.1',
  '--endpoint-reconciler-type=none', // it would put the loopback address into an Endpoints object, which validation refuses
  `--secure-port=${port}`,
  `--cert-dir=${certDir(dir)}`,
  `--token-auth-file=${tokenFile(dir)}`,
  '--authorization-mode=RBAC',
  `--service-account-key-file=${serviceAccountKeyFile(dir)}`,
  `--service-account-signing-key-file=${serviceAccountKeyFile(dir)}`,
  `--service-account-issuer=${issuer}`,
  `--api-audiences=${issuer}`,
  '--service-cluster-ip-range=10.0.0.0/16',
  '--disable-admission-plugins=ServiceAccount', // it waits for tokens that only a controller makes
]

const isReady = (access: Access, signal: AbortSignal | undefined): Promise<boolean> =>
  request(access, { path: '/readyz', signal }).then(
    ({ status }) => status === 200,
    () => false,
  )
