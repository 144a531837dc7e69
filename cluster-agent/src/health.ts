/** Probes: `/healthz` says that the process turns, `/readyz` that it is connected and knows its plan. Plain node:http, loopback or pod only. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Health extends AsyncDisposable {
  readonly port: number
}

export interface HealthSettings {
  readonly host: string
  readonly port: number
  /** Why the agent is not ready; empty = ready. */
  readonly reasons: () => readonly string[]
}

export async function startHealth({ host, port, reasons }: HealthSettings): Promise<Health> {
  const server: Server = createServer((request, response) => {
    const why = request.url === '/readyz' ? reasons() : []
    const known = request.url === '/readyz' || request.url === '/healthz'
    response.writeHead(known ? (why.length === 0 ? 200 : 503) : 404, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(known ? `${why.length === 0 ? 'ok' : why.join('\n')}\n` : 'not found\n')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(`cannot listen on ${host}:${port} (--listen)`, { cause })))
    server.listen(port, host, resolve)
  })
  const address: AddressInfo | string | null = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()))
        server.closeAllConnections()
      }),
  }
}
