/** Dials the hub. Sole importer of `ws` in the agent. */
import { linkPath } from '@watch-hub/shared/protocol/join'
import { messageBytes, pingEveryMs } from '@watch-hub/shared/protocol/limits'
import { release } from '@watch-hub/shared/protocol/version'
import { type Channel, openChannel } from '@watch-hub/shared/runtime/channel'
import { WebSocket } from 'ws'
import { below, type HubAddress } from './join.ts'

const dialTimeoutMs = 10_000

/** Resolves with an open channel; rejects with what stood in the way. */
export function dial(hub: HubAddress, signal: AbortSignal): Promise<Channel> {
  const url = below(hub.url, linkPath)
  url.protocol = hub.url.protocol === 'https:' ? 'wss:' : 'ws:'
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: messageBytes,
      handshakeTimeout: dialTimeoutMs,
      headers: { 'user-agent': `watch-hub-agent/${release}` },
      ...(hub.ca === undefined ? {} : { ca: hub.ca }),
    })
    const onAbort = () => socket.terminate()
    const settle = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('open', () => {
      settle()
      resolve(channel)
    })
    socket.once('unexpected-response', (_request, response) => {
      settle()
      reject(new Error(`expected the hub's link at ${url.href}, got HTTP ${response.statusCode}`))
      socket.terminate()
    })
    socket.once('error', (cause) => {
      settle()
      reject(signal.aborted ? signal.reason : new Error(`cannot reach the hub at ${url.origin}`, { cause }))
    })
    // Opened before the socket is: the hub speaks first, and its first message must find a listener.
    const channel = openChannel(socket, { pingEveryMs })
  })
}
