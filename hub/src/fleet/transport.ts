/**
 * Transport: where agents knock. `joinPath` is a POST, `linkPath` a WebSocket. Sole importer of `ws` in the hub.
 * Sockets that have not proven who they are have `handshakeMs` and are capped in number: beyond the cap a new one is told to come back.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { linkPath } from '@watch-hub/shared/protocol/join'
import { messageBytes, pingEveryMs } from '@watch-hub/shared/protocol/limits'
import { type Channel, openChannel } from '@watch-hub/shared/runtime/channel'
import type { Log } from '@watch-hub/shared/runtime/log'
import { WebSocketServer } from 'ws'

/** Sockets that may be in their handshake at once. */
const maxStrangers = 256

export interface AgentDoor extends AsyncDisposable {
  /** To be called for every HTTP upgrade of the server; answers what is not for agents with 404. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** `serve` lives as long as the connection; it is told by `known` that the handshake is over. */
export type Serve = (channel: Channel, known: () => void) => Promise<void>

export function openDoor(serve: Serve, { log }: { readonly log: Log }): AgentDoor {
  const server = new WebSocketServer({ noServer: true, maxPayload: messageBytes, perMessageDeflate: false })
  const running = new Map<Channel, Promise<void>>()
  let strangers = 0
  let open = true

  const turnAway = (socket: Duplex, status: string) => {
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  const run = async (channel: Channel) => {
    let stranger = true
    const known = () => {
      if (stranger) strangers--
      stranger = false
    }
    try {
      await serve(channel, known)
    } catch (error) {
      log.info('connection ended before it was an agent', { error })
    } finally {
      known()
      await channel[Symbol.asyncDispose]()
    }
  }

  return {
    upgrade: (request, socket, head) => {
      socket.on('error', (error) => log.debug('socket failed before the handshake', { error }))
      if (request.url?.split('?')[0] !== linkPath) return turnAway(socket, '404 Not Found')
      if (!open || strangers >= maxStrangers) return turnAway(socket, '503 Service Unavailable\r\nRetry-After: 5')
      strangers++
      server.handleUpgrade(request, socket, head, (ws) => {
        const channel = openChannel(ws, { pingEveryMs })
        running.set(
          channel,
          run(channel).finally(() => running.delete(channel)),
        )
      })
    },
    [Symbol.asyncDispose]: async () => {
      open = false
      for (const channel of running.keys()) channel.close(1001, 'the hub stops')
      await Promise.all(running.values())
      server.close()
    },
  }
}
