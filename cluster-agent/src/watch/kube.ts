/**
 * Kube: requests to the API server with the credentials of a kubeconfig or of the pod. `KubeConfig` of @kubernetes/client-node tells
 * server and credentials and nothing else. They are asked for again every few seconds, so rotated tokens and certificates are picked up;
 * a 401 loads the whole configuration anew, once. Lists and watches are built on this, not in it.
 */
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import type { Log } from '@watch-hub/shared/runtime/log'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { readJson, refusalOf } from './answer.ts'
import {
  type Access,
  type AgentKeeper,
  discard,
  type KubeRequest,
  type KubeResponse,
  keepAgent,
  send,
  type TlsOptions,
} from './kube-http.ts'

export type { KubeRequest, KubeResponse } from './kube-http.ts'

export interface Kube extends AsyncDisposable {
  /** `https://host:port`, for people. */
  readonly server: string
  /** `path` begins with `/api`. Rejects when there is no answer; any HTTP status is an answer. */
  request(path: string, request: KubeRequest): Promise<KubeResponse>
  /** uid of the namespace `kube-system`: what tells one cluster from another. Rejects with `ClusterUidRefused` where only people can help. */
  clusterUid(signal: AbortSignal): Promise<string>
}

export interface KubeSettings {
  readonly log: Log
  /** @default `KUBECONFIG`, `~/.kube/config`, or the pod's service account */
  readonly kubeconfig?: string
  /** @default the current one */
  readonly context?: string
  /** For how long credentials are used before they are asked for again. @default 5 000 */
  readonly credentialsMs?: number
  /** An exec plugin that takes longer counts as failed. @default 15 000 */
  readonly pluginMs?: number
}

/** Rejects when the configuration cannot be used; the server is not asked. */
export async function openKube(settings: KubeSettings): Promise<Kube> {
  const { log, credentialsMs = 5_000, pluginMs = 15_000 } = settings
  let { config, server } = loadConfig(settings)
  const agents = keepAgent(server)
  let known: { readonly at: number; readonly access: Promise<Access> } | undefined

  const access = (): Promise<Access> => {
    if (known !== undefined && performance.now() - known.at < credentialsMs) return known.access
    const fresh = { at: performance.now(), access: askForAccess(config, agents, pluginMs) }
    fresh.access.catch(() => {
      if (known === fresh) known = undefined // a failure is not kept
    })
    known = fresh
    return fresh.access
  }

  const request = async (path: string, options: KubeRequest): Promise<KubeResponse> => {
    const response = await send(server, path, options, await access())
    if (response.status !== 401) return response
    await discard(response.body)
    log.warn('the API server does not accept our credentials (401): they are loaded anew', { server: server.origin })
    ;({ config, server } = loadConfig(settings))
    known = undefined
    return send(server, path, options, await access())
  }

  return {
    server: server.origin,
    request,
    clusterUid: (signal) => clusterUid(request, signal),
    [Symbol.asyncDispose]: async () => agents.close(),
  }
}

function loadConfig({ kubeconfig, context }: KubeSettings): { readonly config: KubeConfig; readonly server: URL } {
  const config = new KubeConfig()
  const where = kubeconfig ?? 'the default kubeconfig'
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else config.loadFromFile(kubeconfig)
  } catch (cause) {
    // A parser quotes the lines around its problem, and in a kubeconfig those may hold a token.
    const problem = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : 'unreadable'
    throw new Error(`cannot load ${where}: ${problem}`)
  }
  if (context !== undefined) config.setCurrentContext(context)
  const name = config.getCurrentContext()
  const cluster = config.getCurrentCluster()
  if (cluster === null || config.getCurrentUser() === null)
    throw new Error(`expected a context with a cluster and a user in ${where}, got "${name}" (choose one by --context)`)
  if (cluster.proxyUrl !== undefined) throw new Error(`proxy-url is not supported: ${where} asks for it in context "${name}"`)
  const server = new URL(cluster.server)
  if (server.protocol === 'http:' && !cluster.skipTLSVerify)
    throw new Error(
      `expected an https server in ${where}, got ${server.origin} (plain http needs insecure-skip-tls-verify: true)`,
    )
  return { config, server }
}

async function askForAccess(config: KubeConfig, agents: AgentKeeper, pluginMs: number): Promise<Access> {
  const options: RequestOptions = {}
  using limit = deadline(pluginMs, { what: 'asking for credentials of the kubeconfig' })
  const late = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true })
  })
  await Promise.race([config.applyToHTTPSOptions(options), late])
  const headers: Record<string, string> = {}
  for (const [key, value] of Object.entries(options.headers ?? {})) headers[key] = String(value).trim() // a token file ends with a newline
  if (typeof options.auth === 'string') headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`
  return { headers, agent: agents.of(tlsOf(options)) }
}

/** `options.agent` is left alone: it does not follow rotated certificates. */
function tlsOf({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }: RequestOptions): TlsOptions {
  const all = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** The server answered, and asking again does not help. */
export class ClusterUidRefused extends Error {
  override readonly name = 'ClusterUidRefused'
}

/** The server answered that it cannot serve now. */
export class ApiServerNotReady extends Error {
  override readonly name = 'ApiServerNotReady'
  /** Do not ask again before. */
  readonly retryAfterMs: number
  constructor(message: string, retryAfterMs = 0) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

async function clusterUid(request: Kube['request'], signal: AbortSignal): Promise<string> {
  const response = await request('/api/v1/namespaces/kube-system', { signal })
  if (response.status !== 200) {
    const { status, message, retryAfterMs } = await refusalOf(response)
    const got = `expected the uid of namespace kube-system, got HTTP ${status}: ${message}`
    if (status === 429 || status >= 500) throw new ApiServerNotReady(got, retryAfterMs)
    throw new ClusterUidRefused(`${got} (the agent's role must allow get on it)`)
  }
  const namespace = await readJson(response.body)
  const metadata = isRecord(namespace) ? namespace.metadata : undefined
  const uid = isRecord(metadata) ? metadata.uid : undefined
  if (typeof uid !== 'string' || uid === '') throw new Error('expected a uid on namespace kube-system, got none')
  return uid
}
