/**
 * One HTTP request to the API server over node:http or node:https: the least memory of all clients tried, and no cap on connections, since
 * every watch holds one for minutes. Where credentials come from is `kube.ts`'s business, what answers mean is the caller's.
 */
import { createHash } from 'node:crypto'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { release } from '@watch-hub/shared/protocol/version'

export interface KubeRequest {
  /** Ends the request, and the body after it. */
  readonly signal: AbortSignal
  /** @default GET */
  readonly method?: string
  /** @default application/json */
  readonly accept?: string
  readonly body?: string
  /** Of `body`. @default application/json */
  readonly contentType?: string
}

export interface KubeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Must be read: to its end, or by leaving the loop, which closes the connection. Fails when the connection breaks or the signal aborts. */
  readonly body: AsyncIterable<Buffer>
}

export interface Access {
  readonly headers: Readonly<Record<string, string>>
  readonly agent: HttpAgent
}

export type TlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>

/** Rejects when there is no answer; any status is an answer. A GET on an idle connection that the server had closed is sent once more. */
export async function send(server: URL, path: string, options: KubeRequest, access: Access): Promise<KubeResponse> {
  const { signal, method = 'GET', accept = 'application/json', contentType = 'application/json' } = options
  signal.throwIfAborted()
  const request = server.protocol === 'http:' ? httpRequest : httpsRequest
  const response = await new Promise<IncomingMessage | 'stale connection'>((resolve, reject) => {
    const sent = request(new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server), {
      method,
      agent: access.agent,
      headers: {
        accept,
        'user-agent': `watch-hub-agent/${release}`,
        ...(options.body === undefined ? {} : { 'content-type': contentType }),
        ...access.headers,
      },
    })
    endWith(sent, signal)
    sent.once('response', resolve)
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason)
      else if (sent.reusedSocket && error.code === 'ECONNRESET' && method === 'GET') resolve('stale connection')
      else reject(new Error(`no answer from ${server.origin}`, { cause: error }))
    })
    sent.end(options.body)
  })
  if (response === 'stale connection') return send(server, path, options, access) // each try uses one of them up
  response.on('error', () => {}) // whoever reads the body is told; nobody may have begun to
  return { status: response.statusCode ?? 0, headers: response.headers, body: bodyOf(response, signal) }
}

/**
 * Not the option `signal` of node:http: it destroys the connection with an error, and when the answer is complete but not yet read, Node has
 * stopped listening to errors of that connection, so the process ends. Destroyed without an error, the connection just closes.
 */
function endWith(request: ClientRequest, signal: AbortSignal): void {
  const onAbort = () => request.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  request.once('close', () => signal.removeEventListener('abort', onAbort))
}

async function* bodyOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of response) yield chunk
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
  signal.throwIfAborted() // what was not read yet is gone
}

/** Small bodies are read, so that the connection can be used again; of a large one the connection is closed. */
export async function discard(body: AsyncIterable<Buffer>): Promise<void> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > 64 * 1024) return
  }
}

export interface AgentKeeper {
  /** The agent for these options: the same one for as long as they stay the same. */
  of(tls: TlsOptions): HttpAgent
  close(): void
}

/** One agent at a time. A replaced one ends its idle connections at once, the others when their requests end. */
export function keepAgent(server: URL): AgentKeeper {
  let current: { readonly hash: string; readonly agent: HttpAgent } | undefined
  return {
    of: (tls) => {
      const hash = hashOf(tls)
      if (current?.hash === hash) return current.agent
      if (current !== undefined) retire(current.agent)
      const options = { keepAlive: true, keepAliveMsecs: 30_000 }
      const agent = server.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent({ ...options, ...tls })
      current = { hash, agent }
      return agent
    },
    close: () => current?.agent.destroy(),
  }
}

function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

/** Of what the options say: they are read anew each time, so that equal ones are other objects. */
function hashOf(tls: TlsOptions): string {
  const hash = createHash('sha256')
  for (const [name, value] of Object.entries(tls))
    hash.update(`${name}=`).update(value instanceof Uint8Array ? value : JSON.stringify(value))
  return hash.digest('base64')
}
