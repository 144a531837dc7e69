/** A TCP relay between an agent and the hub: its address stays, whoever listens behind it, and connections can be cut and held. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Relay extends AsyncDisposable {
  readonly url: URL
  /** Resets every connection. */
  cut(): void
  /** Open connections carry nothing until `resume`: half-open, as both sides see it. New ones are held as well. */
  hold(): void
  resume(): void
}

/** `target`: the port to pass on to; undefined = nobody listens. */
export async function startRelay(target: () => number | undefined): Promise<Relay> {
  const sockets = new Set<Socket>()
  let held = false
  const keep = (socket: Socket) => {
    sockets.add(socket)
    if (held) socket.pause()
    socket.once('close', () => sockets.delete(socket))
  }
  const join = (from: Socket, to: Socket) => {
    from.on('data', (bytes) => {
      if (!to.write(bytes)) from.pause()
    })
    to.on('drain', () => {
      if (!held) from.resume()
    })
    from.once('end', () => to.end())
    from.once('close', () => to.destroy())
    from.on('error', () => to.destroy())
  }
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const port = target()
    if (port === undefined) return void near.resetAndDestroy()
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    join(near, far)
    join(far, near)
    keep(near)
    keep(far)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    cut,
    hold: () => {
      held = true
      for (const socket of sockets) socket.pause()
    },
    resume: () => {
      held = false
      for (const socket of sockets) socket.resume()
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
