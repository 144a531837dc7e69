/** The hub's end of a link, played by the test: each connection waits until the test says something, and hears what the agent says. */
import { decodeJson } from '@watch-hub/shared/protocol/decode'
import { decodeFrame, type Frame } from '@watch-hub/shared/protocol/frames'
import { type DownMessage, type UpMessage, upMessage } from '@watch-hub/shared/protocol/messages'
import { protocolVersion } from '@watch-hub/shared/protocol/version'
import { unpack } from '@watch-hub/shared/protocol/wire'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Channel, Message } from '@watch-hub/shared/runtime/channel'

export type Said = UpMessage | (Frame & { readonly type: 'frame' })

export interface PlayedConnection {
  say(message: DownMessage): void
  sayBytes(bytes: Uint8Array): void
  /** The next thing of this kind that the agent says; others are passed over. */
  hear<T extends Said['type']>(type: T): Promise<Extract<Said, { readonly type: T }>>
  /** Challenge and hello; the welcome is the test's. */
  greet(): Promise<Extract<UpMessage, { readonly type: 'hello' }>>
  end(): void
}

export function playedHub(hub = 'hub-1') {
  const dialled: PlayedConnection[] = []
  const news = bell()
  return {
    dial: async (): Promise<Channel> => {
      const { channel, connection } = openConnection(hub)
      dialled.push(connection)
      news.ring()
      return channel
    },
    /** The next connection that the agent made. */
    next: async (): Promise<PlayedConnection> => {
      for (;;) {
        const connection = dialled.shift()
        if (connection !== undefined) return connection
        await news.wait()
      }
    },
  }
}

function openConnection(hub: string): { readonly channel: Channel; readonly connection: PlayedConnection } {
  const down = queue<Message>()
  const up = queue<Message>()
  const hear: PlayedConnection['hear'] = async (type) => {
    for (;;) {
      const message = await up.take()
      if (message === undefined) throw new Error(`expected the agent to say ${type}, but it left`)
      const said = await decoded(message)
      if (isOf(said, type)) return said
    }
  }
  const say = (message: DownMessage) => down.put(JSON.stringify(message))
  const closed = Promise.withResolvers<void>()
  const close = () => {
    down.end()
    up.end()
    closed.resolve()
  }
  return {
    channel: {
      send: async (message) => up.put(message),
      messages: {
        async *[Symbol.asyncIterator]() {
          for (let next = await down.take(); next !== undefined; next = await down.take()) yield next
        },
      },
      close,
      closed: closed.promise,
      [Symbol.asyncDispose]: async () => close(),
    },
    connection: {
      say,
      sayBytes: (bytes) => down.put(bytes),
      hear,
      greet: () => {
        say({ type: 'challenge', protocol: protocolVersion, oldest: protocolVersion, hub, nonce: 'n', version: 'test' })
        return hear('hello')
      },
      end: close,
    },
  }
}

const decoded = async (message: Message): Promise<Said> =>
  typeof message === 'string' ? decodeJson(upMessage, message) : { type: 'frame', ...decodeFrame(await unpack('frame', message)) }

const isOf = <T extends Said['type']>(said: Said, type: T): said is Extract<Said, { readonly type: T }> => said.type === type

function queue<T>() {
  const waiting: T[] = []
  const news = bell()
  let ended = false
  return {
    put: (item: T) => {
      waiting.push(item)
      news.ring()
    },
    end: () => {
      ended = true
      news.ring()
    },
    take: async (): Promise<T | undefined> => {
      for (;;) {
        const item = waiting.shift()
        if (item !== undefined || ended) return item
        await news.wait()
      }
    },
  }
}
