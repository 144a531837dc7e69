/** A TCP proxy that counts what passes, both ways: what two programs say to each other, as the network carries it. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface CountingProxy extends AsyncDisposable {
  readonly url: string
  /** Bytes since it was last asked. `up`: from those who connect. */
  take(): { readonly up: number; readonly down: number }
}

/** `target`: `http://127.0.0.1:PORT` */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let up = 0
  let down = 0
  const keep = (socket: Socket, other: Socket) => {
    sockets.add(socket)
    socket.on('error', () => other.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
  }
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    keep(near, far)
    keep(far, near)
    near.on('data', (bytes) => {
      up += bytes.length
    })
    far.on('data', (bytes) => {
      down += bytes.length
    })
    near.pipe(far)
    far.pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)
  return {
    url: `http://127.0.0.1:${address.port}`,
    take: () => {
      const taken = { up, down }
      up = 0
      down = 0
      return taken
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
