/** The socket side of the simulator: a port that stays the same while it refuses connections and takes them again. */
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Certificate } from '../certificate.ts'

export interface Listener extends AsyncDisposable {
  readonly url: string
  /** Cuts every connection and refuses new ones. */
  refuse(): Promise<void>
  /** Takes connections again, on the same port. */
  restore(): Promise<void>
}

export async function listen(handler: RequestListener, certificate: Certificate | undefined): Promise<Listener> {
  const server = certificate === undefined ? createHttpServer(handler) : createHttpsServer({ ...certificate }, handler)
  const open = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  await open(0)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)
  const { port } = address
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    refuse: close,
    restore: () => (server.listening ? Promise.resolve() : open(port)),
    [Symbol.asyncDispose]: close,
  }
}
