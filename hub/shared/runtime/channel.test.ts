import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { type Channel, type Message, openChannel } from './channel.ts'

interface Pair extends AsyncDisposable {
  readonly here: Channel
  readonly there: Channel
}

function portOf(server: WebSocketServer): number {
  const address: AddressInfo | string | null = server.address()
  if (typeof address !== 'object' || address === null) throw new TypeError('expected a port')
  return address.port
}

async function connect(settings: { readonly pingEveryMs: number; readonly maxWaiting?: number }): Promise<Pair> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const accepted: Promise<WebSocket> = new Promise((resolve) => server.once('connection', resolve))
  const socket = new WebSocket(`ws://127.0.0.1:${portOf(server)}`)
  const theirSocket = await accepted
  const there = openChannel(theirSocket, settings)
  if (socket.readyState !== socket.OPEN) await once(socket, 'open')
  const here = openChannel(socket, settings)
  return {
    here,
    there,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([here[Symbol.asyncDispose](), there[Symbol.asyncDispose]()])
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const take = async (messages: AsyncIterable<Message>, count: number) => {
  const taken: Message[] = []
  const reader = messages[Symbol.asyncIterator]()
  while (taken.length < count) {
    const next = await reader.next()
    if (next.done) break
    taken.push(next.value)
  }
  return taken
}

test('messages arrive in order, text as text and bytes as bytes', async () => {
  await using pair = await connect({ pingEveryMs: 1_000 })
  await pair.here.send('one')
  await pair.here.send(new Uint8Array([1, 2]))
  const [text, bytes] = await take(pair.there.messages, 2)
  assert.equal(text, 'one')
  assert.deepEqual([...(bytes instanceof Uint8Array ? bytes : [])], [1, 2])
})

test('nothing is lost when the reader is slower than the sender', async () => {
  await using pair = await connect({ pingEveryMs: 1_000, maxWaiting: 4 })
  const sent = Array.from({ length: 500 }, (_, i) => `${i} ${'x'.repeat(2_000)}`)
  const sending = Promise.all(sent.map((message) => pair.here.send(message)))
  assert.deepEqual(await take(pair.there.messages, 500), sent)
  await sending
})

test('the reader sees the end when the other side closes, and sending fails from then on', async () => {
  await using pair = await connect({ pingEveryMs: 1_000 })
  pair.there.close(4000, 'enough')
  assert.deepEqual(await take(pair.here.messages, 1), [])
  await pair.here.closed
  await assert.rejects(pair.here.send('late'), { message: 'the connection is closed' })
})

test('a peer that gives no sign of life is cut', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false })
  await once(server, 'listening')
  await using channel = openChannel(new WebSocket(`ws://127.0.0.1:${portOf(server)}`), { pingEveryMs: 20 })
  await assert.rejects(take(channel.messages, 1), { message: 'no sign of life from the other side for 60 ms: connection cut' })
  await new Promise((resolve) => server.close(resolve))
})
