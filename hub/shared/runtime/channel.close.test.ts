import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { openChannel } from './channel.ts'

test('a close that the peer does not answer ends the channel soon', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  server.on('connection', (socket) => socket.pause()) // half-open: it takes nothing
  const socket = new WebSocket(`ws://127.0.0.1:${address.port}`)
  const channel = openChannel(socket, { pingEveryMs: 15_000 })
  await once(socket, 'open')
  const began = performance.now()
  channel.close(4008, 'handshake given up')
  await channel.closed
  const took = performance.now() - began
  for (const client of server.clients) client.terminate()
  server.close()
  assert.ok(took < 3_000, `took ${Math.round(took)} ms`)
})
