/**
 * Listening: what answers requests, on a port, plain or with TLS, and its end. Sole importer of `@hono/node-server`.
 *
 * Ending is real: no request is taken any more, those that run get `graceMs` to finish, then every socket is closed,
 * idle, upgraded or stuck; disposing resolves when the port is free.
 */
import type { IncomingMessage, Server } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import { after } from '@watch-hub/shared/runtime/sleep'
import type { ListenAddress } from '../settings.ts'

/** PEM texts. */
export interface TlsTexts {
  readonly cert: string
  readonly key: string
}

export interface ListenOptions {
  readonly listen: ListenAddress
  readonly tls?: TlsTexts
  /** Called for each request that wants to become a WebSocket; it owns the socket then. Absent = answered like other requests. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** @default 2000 */
  readonly graceMs?: number
}

export interface HttpServer extends AsyncDisposable {
  /** How to reach it from this machine. */
  readonly url: string
  readonly port: number
}

/** A request that has not sent its headers, or its body, by then is cut off. */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000

/** What answers requests: a hono app is one. */
export interface Fetch {
  readonly fetch: (request: Request) => Response | Promise<Response>
}

/** Rejects when the port cannot be had. */
export async function listen(app: Fetch, options: ListenOptions): Promise<HttpServer> {
  const { tls, upgrade, graceMs = 2_000 } = options
  const timeouts = { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs }
  const server = createAdaptorServer({
    fetch: (request) => app.fetch(request),
    ...(tls === undefined ? { serverOptions: timeouts } : { createServer, serverOptions: { ...tls, ...timeouts } }),
  })
  if (!('closeIdleConnections' in server)) throw new TypeError('expected an HTTP/1 server')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  if (upgrade !== undefined) server.on('upgrade', upgrade)
  const port = await bind(server, options.listen)
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${reachable(options.listen.host)}:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      using _cut = after(graceMs, () => {
        for (const socket of sockets) socket.destroy()
      })
      await new Promise<void>((resolve) => server.close(() => resolve())) // closes idle connections too
    },
  }
}

function bind(server: Server, { host, port }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) => {
      const why = whyNot[cause.code ?? ''] ?? cause.message
      reject(new Error(`cannot listen on ${host ?? ''}:${port}: ${why}`, { cause }))
    }
    server.once('error', onError)
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', onError)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

const whyNot: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; stop it or choose another port',
  EACCES: 'this user may not; choose a port above 1023',
  EADDRNOTAVAIL: 'the machine has no such address',
  ENOTFOUND: 'no such host name',
}

const reachable = (host: string | undefined): string =>
  host === undefined || host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
