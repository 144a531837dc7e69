/**
 * A TCP proxy that breaks: it stands before a server on loopback, passes bytes both ways without looking at them (TLS is untouched: clients keep the
 * server's certificate, which has to name 127.0.0.1), and does what networks do. Its address stays the same through everything.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface TcpProxy extends AsyncDisposable {
  /** That of the server, with the proxy's port. */
  readonly url: string
  /** Connections taken so far. */
  readonly taken: number
  /** Resets every connection. New ones are taken. */
  cut(): void
  /** Lets this many more bytes of the server through, then resets the connection that carried them. Once. */
  cutAfter(bytes: number): void
  /** Resets every connection, and refuses new ones until `restore`. */
  refuse(): Promise<void>
  /** Nothing is carried any more, in either direction, and nothing is closed; new connections are taken and carry nothing. Until `restore`. */
  stall(): void
  /** The server's ends are closed, and clients are told nothing: their connections stay open and silent for good. New ones are carried. */
  orphan(): void
  /** Ends `refuse` and `stall`: what was held is carried on. */
  restore(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** Its far end is gone, and its near end is not told. */
  orphaned: boolean
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port: targetPort, protocol } = new URL(target)
  const pairs = new Set<Pair>()
  let taken = 0
  let stalled = false
  /** Bytes of the server until the cut. */
  let left: number | undefined

  /** A socket that is about to end must not be reset: Node then leaves it open (seen with 24.21), and the process does not end. */
  const drop = (socket: Socket) => (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy())
  const reset = ({ near, far }: Pair) => {
    drop(near)
    drop(far)
  }
  const cut = () => {
    for (const pair of pairs) reset(pair)
  }

  const pass = (from: Socket, to: Socket, bytes: Buffer, then?: () => void) => {
    if (!to.write(bytes, then)) from.pause()
  }
  const passDown = (pair: Pair, bytes: Buffer) => {
    if (left === undefined) return pass(pair.far, pair.near, bytes)
    const through = bytes.subarray(0, left)
    left -= through.length
    if (left > 0) return pass(pair.far, pair.near, through)
    left = undefined
    pass(pair.far, pair.near, through, () => reset(pair))
  }

  const take = (near: Socket) => {
    taken++
    const far = connect({ host: hostname, port: Number(targetPort), allowHalfOpen: true })
    const pair: Pair = { near, far, orphaned: false }
    pairs.add(pair)
    near.on('data', (bytes) => {
      if (!pair.orphaned) pass(near, far, bytes)
    })
    far.on('data', (bytes) => passDown(pair, bytes))
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => {}) // 'close' tells it
      to.on('drain', () => {
        if (!stalled) from.resume()
      })
      from.once('end', () => to.end())
      from.once('close', () => {
        if (from === near) pairs.delete(pair)
        if (!pair.orphaned) to.destroy()
      })
      if (stalled) from.pause()
    }
  }

  const server: Server = createServer({ allowHalfOpen: true }, take)
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)
  const { port } = address

  const refuse = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    cut()
    await closed
  }
  const each = (act: (socket: Socket) => void) => {
    for (const { near, far } of pairs) for (const socket of [near, far]) act(socket)
  }
  return {
    url: `${protocol}//127.0.0.1:${port}`,
    get taken() {
      return taken
    },
    cut,
    cutAfter: (bytes) => {
      left = bytes
    },
    refuse,
    stall: () => {
      stalled = true
      each((socket) => socket.pause())
    },
    orphan: () => {
      for (const pair of pairs) {
        pair.orphaned = true
        pair.far.destroy()
      }
    },
    restore: async () => {
      stalled = false
      each((socket) => socket.resume())
      if (!server.listening) await listen(port)
    },
    [Symbol.asyncDispose]: refuse,
  }
}
