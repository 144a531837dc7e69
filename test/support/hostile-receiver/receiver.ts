/**
 * A receiver that behaves badly on command, over real sockets and, where it is given a certificate, real TLS. Each request meets the next of
 * the hostilities that were ordered, then the one that holds otherwise. Whatever it does, it records what it was sent.
 */
import { once } from 'node:events'
import { createServer as createHttp, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { TLSSocket } from 'node:tls'
import type { Certificate } from '../certificate.ts'
import { changes } from '../changes.ts'

interface Heard {
  readonly id: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Absent when the hostility did not read it. */
  readonly body?: string
  /** Of the connection, from 1. */
  readonly connection: number
  /** Of the certificate that the sender showed. */
  readonly shownBy?: string
}

export interface Encounter {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
  /** Reads the request to its end. */
  read(): Promise<string>
}

/** What it does with one request. It ends, hangs or breaks the answer itself. */
export type Hostility = (encounter: Encounter) => unknown

export interface HostileReceiver extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/hook`, or https. */
  readonly url: string
  readonly port: number
  readonly heard: readonly Heard[]
  /** For the next requests, in order. */
  meet(...hostilities: readonly Hostility[]): void
  /** @default 200 */
  otherwise(hostility: Hostility): void
  /** Hostilities that no request met yet. */
  readonly left: number
  /** Resolves when `predicate` holds; it is looked at after each request. */
  waitFor(predicate: (receiver: HostileReceiver) => boolean, what: string, ms?: number): Promise<void>
  /** Closes the connections that are open, without a word. */
  hangUp(): void
}

export interface HostileOptions {
  readonly tls?: Pick<Certificate, 'cert' | 'key'> & {
    /** Only senders with a certificate of this authority, PEM, are let in. */
    readonly clientsOf?: string
  }
}

const friendly: Hostility = async ({ read, response }) => {
  await read()
  response.end()
}

export async function startHostileReceiver({ tls }: HostileOptions = {}): Promise<HostileReceiver> {
  const heard: Heard[] = []
  const next: Hostility[] = []
  let fallback = friendly
  const connections = new Map<Socket, number>()
  let connected = 0
  const news = changes()

  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const { socket, headers, url: path = '' } = request
    const shownBy = subjectOf(socket)
    const one = {
      id: String(headers['webhook-id']),
      path,
      headers,
      connection: connections.get(socket) ?? 0,
      ...(shownBy !== undefined && { shownBy }),
    }
    const place = heard.push(one) - 1
    const read = async () => {
      const body = await text(request)
      heard[place] = { ...one, body }
      return body
    }
    const hostility = next.shift() ?? fallback
    Promise.resolve(hostility({ request, response, socket, read })).then(
      () => news.notify(),
      () => socket.destroy(), // the sender went away
    )
  }
  const server =
    tls === undefined
      ? createHttp(onRequest)
      : createHttps({ cert: tls.cert, key: tls.key, ...(tls.clientsOf && { requestCert: true, ca: tls.clientsOf }) }, onRequest)
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections.set(socket, ++connected)
    socket.on('error', () => {}) // what it does to others comes back to it
    socket.on('close', () => connections.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.on('clientError', (_, socket) => socket.destroy())
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)
  const { port } = address

  const receiver: HostileReceiver = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/hook`,
    port,
    heard,
    meet: (...hostilities) => void next.push(...hostilities),
    otherwise: (hostility) => {
      fallback = hostility
    },
    get left() {
      return next.length
    },
    waitFor: (predicate, what, ms) =>
      news.until(
        () => predicate(receiver),
        () => `${what}; got ${heard.length} requests`,
        ms,
      ),
    hangUp: () => {
      for (const socket of connections.keys()) socket.resetAndDestroy()
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of connections.keys()) socket.destroy()
      server.closeAllConnections()
      await closed
    },
  }
  return receiver
}

function subjectOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const { subject } = socket.getPeerCertificate()
  return subject === undefined ? undefined : String(subject.CN)
}
