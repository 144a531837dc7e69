/**
 * One WebSocket as both sides of the link use it: ordered messages in, awaited messages out, and an end that is noticed.
 * Reading is bounded: while `maxWaiting` messages wait to be read, the socket is paused, so that a slow reader slows the sender.
 * A peer that is silent (no message, no pong) for three ping intervals is cut. It knows nothing of what the messages mean.
 */
import type { RawData, WebSocket } from 'ws'
import { bell } from './bell.ts'
import { after, sleep } from './sleep.ts'
import { Task } from './task.ts'

export type Message = string | Uint8Array

export interface Channel extends AsyncDisposable {
  /** Resolves when the message was handed to the kernel; rejects once the channel is closed. */
  send(message: Message): Promise<void>
  /** Ends when the peer closed; throws the connection's failure. One reader. */
  readonly messages: AsyncIterable<Message>
  /** Says goodbye in the closing handshake, code 1000–4999, reason ≤ 123 bytes. A peer that does not answer is cut after a second. */
  close(code: number, reason: string): void
  /** Resolves once the socket is gone, however it went. */
  readonly closed: Promise<void>
}

export interface ChannelSettings {
  readonly pingEveryMs: number
  /** @default 16 */
  readonly maxWaiting?: number
}

/** Longest wait for the answer to a closing handshake. */
const answerMs = 1_000

export function openChannel(socket: WebSocket, { pingEveryMs, maxWaiting = 16 }: ChannelSettings): Channel {
  const waiting: Message[] = []
  const news = bell()
  let failure: Error | undefined
  let ended = false
  let heardAt = performance.now()

  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      ended = true
      news.ring()
      pinger[Symbol.asyncDispose]().then(resolve, resolve)
    })
  })
  socket.on('message', (data, isBinary) => {
    heardAt = performance.now()
    waiting.push(isBinary ? bytesOf(data) : bytesOf(data).toString('utf8'))
    if (waiting.length >= maxWaiting) socket.pause()
    news.ring()
  })
  socket.on('pong', () => {
    heardAt = performance.now()
  })
  socket.on('ping', () => {
    heardAt = performance.now()
  })
  socket.on('error', (error: Error) => {
    failure = error
  })

  const pinger = new Task(async (signal) => {
    while (!ended) {
      await sleep(pingEveryMs, signal)
      if (ended) return
      // A paused socket reads no pongs: then silence is ours, not the peer's.
      if (performance.now() - heardAt > 3 * pingEveryMs && !socket.isPaused) {
        failure = new Error(`no sign of life from the other side for ${3 * pingEveryMs} ms: connection cut`)
        socket.terminate()
        return
      }
      if (socket.readyState === socket.OPEN) socket.ping()
    }
  })

  async function* messages(): AsyncGenerator<Message> {
    for (;;) {
      const message = waiting.shift()
      if (message !== undefined) {
        if (socket.isPaused && waiting.length < maxWaiting / 2) {
          heardAt = performance.now()
          socket.resume()
        }
        yield message
      } else if (ended) {
        if (failure !== undefined) throw failure
        return
      } else await news.wait()
    }
  }

  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(new Error('the connection is closed', { cause: failure }))
        socket.send(message, (error) => (error ? reject(error) : resolve()))
      }),
    messages: messages(),
    close: (code, reason) => {
      socket.close(code, reason.slice(0, 120))
      const giveUp = after(answerMs, () => socket.terminate())
      void closed.then(() => giveUp[Symbol.dispose]())
    },
    closed,
    [Symbol.asyncDispose]: async () => {
      if (!ended) {
        // A pause would hold back the answer to the closing handshake.
        if (socket.isPaused) socket.resume()
        socket.close(1001, 'going away')
        await using _giveUp = new Task((signal) => sleep(answerMs, signal).then(() => socket.terminate()))
        await closed
      }
      await closed
    },
  }
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? data : Buffer.from(data)
}
