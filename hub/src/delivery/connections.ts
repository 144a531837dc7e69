/**
 * Connections: the way to one receiver, straight or through the egress proxy, and one exchange of a request for an answer on it. Sole user of
 * undici; what an answer means is for others.
 *
 * Every connection is judged by the address it really goes to. Through a proxy that is the proxy's own, unless the operator wrote it as an
 * address; the receiver behind it is judged as far as it can be from here, since the proxy looks its name up itself. Redirects are not followed.
 * An exchange fails only when no answer began: one that breaks off later is told with what came of it.
 */
import { isIP, Socket } from 'node:net'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, errors } from 'undici'
import { type Egress, EgressError } from './egress.ts'
import { judgeBehind } from './egress-behind.ts'
import { bare, type EgressProxy, ProxyError, portOf } from './proxy.ts'
import type { TlsMaterial } from './tls.ts'

export interface ConnectionSettings {
  /** Only the path of a request may differ. */
  readonly receiver: URL
  readonly egress: Egress
  readonly proxy?: EgressProxy | undefined
  readonly tls?: TlsMaterial | undefined
  /** At most 10 s of it are spent on a connection. */
  readonly timeoutMs: number
}

/** A POST. */
export interface Exchange {
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string
  /** How many bytes of the answer are read, asked once it is known how it begins. What is longer is cut off and its connection given up. */
  readonly readUpTo: (status: number, beginning: Buffer) => number
}

export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** There was more than was to be read. */
  readonly cut: boolean
  /** Why the rest did not come, where the answer broke off. */
  readonly broken?: unknown
}

export interface Connections extends AsyncDisposable {
  /** `signal` ends it. Rejects when no answer began. */
  exchange(request: Exchange, signal: AbortSignal): Promise<Answer>
  /** An exchange failed since its connection, which had served before, was closed: perhaps before the request came there. */
  wasStale(error: unknown): boolean
}

const connectTimeoutMs = 10_000

/** Deadlines are the caller's: they cover more than these would. */
const patient = { allowH2: false, headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: 16 * 1024 } as const

export function openConnections(settings: ConnectionSettings): Connections {
  const { receiver } = settings
  const way = settings.proxy?.serves(receiver) === true ? proxied(settings, settings.proxy) : direct(settings)
  const stale = new WeakSet<Error>()
  const agent = new Agent({
    ...patient,
    connect: (to, callback) => {
      way.connect(to).then(
        (socket) => {
          socket.on('error', (error) => {
            if (socket.bytesRead > 0) stale.add(error)
          })
          callback(null, socket)
        },
        (error: Error) => callback(error, null),
      )
    },
  })
  return {
    exchange: (request, signal) => {
      const answer = exchange(agent, way.address(request), signal)
      return way.check === undefined ? answer : answer.then(way.check)
    },
    wasStale: (error) =>
      error instanceof Error &&
      isClosing(error) &&
      (stale.has(error) || (error instanceof errors.SocketError && (error.socket?.bytesRead ?? 0) > 0)),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([agent.destroy(), way.close()])
    },
  }
}

/** Not when the receiver said something that is no HTTP: it would say that again. */
const isClosing = (error: Error): boolean =>
  'code' in error &&
  (error.code === 'UND_ERR_SOCKET'
    ? /^(other side )?closed$/.test(error.message)
    : error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'ECONNABORTED')

type Addressed = Exchange & { readonly origin: string }
type Connect = (to: buildConnector.Options) => Promise<Socket>

interface Way {
  readonly connect: Connect
  address(request: Exchange): Addressed
  /** Throws when the answer is not the receiver's. */
  check?(answer: Answer): Answer
  close(): Promise<void>
}

function direct({ receiver, egress, tls, timeoutMs }: ConnectionSettings): Way {
  const connect = connector({ egress, tls, timeoutMs })
  return { connect, address: (request) => ({ ...request, origin: receiver.origin }), close: async () => {} }
}

/** What goes to a receiver by http is asked of the proxy itself; https goes through a tunnel. */
function proxied({ receiver, egress, tls, timeoutMs }: ConnectionSettings, proxy: EgressProxy): Way {
  const host = bare(proxy.url)
  const isMeant = isIP(host) !== 0 || host === 'localhost'
  const toProxy = connector({ ...(!isMeant && { egress }), timeoutMs })
  const connectProxy: Connect = (to) =>
    toProxy({ ...to, servername: isIP(host) === 0 ? host : '' }).catch((error: unknown) => {
      throw new ProxyError(`the egress proxy ${proxy.url.host} cannot be reached`, { cause: error })
    })
  const headers: Record<string, string> = { host: receiver.host }
  if (proxy.authorization !== undefined) headers['proxy-authorization'] = proxy.authorization
  if (receiver.protocol === 'http:')
    return {
      connect: async (to) => {
        await judgeBehind(receiver, egress)
        return connectProxy(to)
      },
      address: (request) => ({
        ...request,
        headers: { ...request.headers, ...headers },
        origin: proxy.url.origin,
        path: `${receiver.origin}${request.path}`,
      }),
      check: (answer) => {
        if (answer.status === 407) throw new ProxyError(`the egress proxy ${proxy.url.host} answered 407`)
        return answer
      },
      close: async () => {},
    }
  const tunnels = new Agent({ ...patient, headersTimeout: timeoutMs, connect: called(connectProxy) })
  const secure = connector({ tls, timeoutMs })
  return {
    connect: async (to) => {
      await judgeBehind(receiver, egress)
      return secure({ ...to, httpSocket: await tunnel(tunnels, { proxy, receiver, headers }) })
    },
    address: (request) => ({ ...request, origin: receiver.origin }),
    close: () => tunnels.destroy(),
  }
}

interface Tunnel {
  readonly proxy: EgressProxy
  readonly receiver: URL
  readonly headers: Readonly<Record<string, string>>
}

/** A proxy that answers 502, 503 or 504 did its part: the receiver is not there. */
async function tunnel(tunnels: Agent, { proxy, receiver, headers }: Tunnel): Promise<Socket> {
  const to = `${receiver.hostname}:${portOf(receiver)}`
  const { socket, statusCode } = await tunnels
    .connect({ origin: proxy.url.origin, path: to, headers })
    .catch((error: unknown) => {
      if (error instanceof ProxyError) throw error
      throw new ProxyError(`the egress proxy ${proxy.url.host} did not answer`, { cause: error })
    })
  if (statusCode >= 200 && statusCode < 300 && socket instanceof Socket) return socket
  socket.on('error', () => {}).destroy()
  const said = `the egress proxy ${proxy.url.host} answered ${statusCode} when asked for ${to}`
  if (statusCode >= 502 && statusCode <= 504) throw Object.assign(new Error(said), { code: 'EHOSTUNREACH' })
  throw new ProxyError(said)
}

interface Connecting {
  /** Absent = whatever is connected to is meant. */
  readonly egress?: Egress
  readonly tls?: TlsMaterial | undefined
  readonly timeoutMs: number
}

/** Refuses addresses written as such here, since they are never looked up; names are judged by the lookup. */
function connector({ egress, tls, timeoutMs }: Connecting): Connect {
  const options = {
    allowH2: false,
    timeout: Math.min(timeoutMs, connectTimeoutMs),
    ...(egress !== undefined && { lookup: egress.lookup }),
  }
  const plain = awaited(buildConnector(options))
  let secure: Connect | undefined
  return async (to) => {
    const refusal = isIP(to.hostname) === 0 ? undefined : egress?.refusal(to.hostname)
    if (refusal !== undefined) throw new EgressError(`${to.hostname} may not be reached: ${refusal}`)
    if (to.protocol !== 'https:') return plain(to)
    secure ??= awaited(buildConnector({ ...options, ...(tls !== undefined && { secureContext: contextOf(tls) }) }))
    return secure(to)
  }
}

const awaited =
  (connect: buildConnector.connector): Connect =>
  (to) =>
    new Promise((resolve, reject) => connect(to, (...[error, socket]) => (error === null ? resolve(socket) : reject(error))))

const called =
  (connect: Connect): buildConnector.connector =>
  (to, callback) =>
    void connect(to).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    )

function contextOf({ ca, cert, key }: TlsMaterial): SecureContext {
  return createSecureContext({
    ...(ca !== undefined && { ca: [...getCACertificates('default'), ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  })
}

/** An abort before the request is on a connection means that none could be made in time. */
function exchange(agent: Agent, { readUpTo, ...request }: Addressed, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let begun: Pick<Answer, 'status' | 'headers'> | undefined
    let limit = Number.POSITIVE_INFINITY
    let size = 0
    const chunks: Buffer[] = []

    const end = (rest: Pick<Answer, 'cut' | 'broken'>) => {
      signal.removeEventListener('abort', onAbort)
      if (begun !== undefined) resolve({ ...begun, body: Buffer.concat(chunks).subarray(0, limit), ...rest })
      else reject(rest.broken)
    }
    const onAbort = () => {
      if (controller === undefined) end({ cut: false, broken: new UnconnectedError(request.origin, { cause: signal.reason }) })
      else controller.abort(signal.reason)
    }
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    agent.dispatch(
      { ...request, method: 'POST' },
      {
        onRequestStart: (started) => {
          controller = started
          if (signal.aborted) started.abort(signal.reason)
        },
        onResponseStart: (_, status, headers) => {
          if (status >= 200) begun = { status, headers }
        },
        onResponseData: (started, chunk) => {
          if (size === 0) limit = readUpTo(begun?.status ?? 0, chunk)
          size += chunk.length
          chunks.push(chunk)
          if (size <= limit) return
          end({ cut: true })
          started.abort(new Error('the rest of the answer is not read'))
        },
        onResponseEnd: () => end({ cut: false }),
        onResponseError: (_, error) => end({ cut: false, broken: error }),
      },
    )
  })
}

/** No connection within the time that there was. */
export class UnconnectedError extends Error {
  override readonly name = 'UnconnectedError'
  constructor(origin: string, options: ErrorOptions) {
    super(`no connection to ${origin}`, options)
  }
}
