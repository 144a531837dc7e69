/** An egress proxy as companies have them: CONNECT for https, whole URLs for http, over real sockets. It looks up names by its own table. */
import { once } from 'node:events'
import { createServer as createHttp, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Certificate } from './certificate.ts'

export interface EgressProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or https. */
  readonly url: string
  /** What it was asked for: `CONNECT host:port`, `POST http://…`. */
  readonly asked: readonly string[]
  /** Answers this status from now on, whatever it is asked for; 0 = hangs up, undefined = does its work. */
  fail(status: number | undefined): void
}

export interface EgressProxyOptions {
  /** `user:password`: others get 407. */
  readonly credentials?: string
  readonly tls?: Certificate
  /** Names that it knows, all on loopback; others are refused with 502. */
  readonly names?: readonly string[]
}

export async function startEgressProxy({ credentials, tls, names = [] }: EgressProxyOptions = {}): Promise<EgressProxy> {
  const asked: string[] = []
  let failure: number | undefined
  const sockets = new Set<Duplex>()

  const keep = <T extends Duplex>(socket: T): T => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const objection = (request: IncomingMessage, host: string): number | undefined => {
    const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`
    if (request.headers['proxy-authorization'] !== expected && expected !== undefined) return 407
    return failure ?? (names.includes(host) || host === '127.0.0.1' ? undefined : 502)
  }

  const forward = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`)
    const url = URL.parse(request.url ?? '')
    const status = url === null ? 400 : objection(request, url.hostname)
    if (status === 0) return request.socket.destroy()
    if (url === null || status !== undefined) return response.writeHead(status ?? 400).end('says the proxy')
    const { 'proxy-authorization': _, ...headers } = request.headers
    const onward = requestHttp({ host: '127.0.0.1', port: url.port, path: url.pathname + url.search, method: 'POST', headers })
    onward.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers)))
    onward.on('error', () => response.destroy())
    return request.pipe(onward)
  }
  const server = tls === undefined ? createHttp(forward) : createHttps({ cert: tls.cert, key: tls.key }, forward)
  server.on('connection', keep)
  server.on('tlsClientError', () => {})
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    asked.push(`CONNECT ${request.url}`)
    const [host = '', port = ''] = (request.url ?? '').split(':')
    const status = objection(request, host)
    keep(socket)
    if (status === 0) return socket.destroy()
    if (status !== undefined) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
    const onward = keep(connect(Number(port), '127.0.0.1', () => socket.write('HTTP/1.1 200 Connected\r\n\r\n')))
    return socket.pipe(onward).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`,
    asked,
    fail: (status) => {
      failure = status
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
