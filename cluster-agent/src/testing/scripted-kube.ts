/**
 * An API server without a socket, played by the test: each request waits until the test has looked at it and answered. Nothing happens by itself,
 * so nothing has to be waited for by time.
 */
import type { KubeRequest, KubeResponse } from '../watch/kube.ts'

export interface Exchange {
  /** Path and query as they were asked. */
  readonly path: string
  readonly query: URLSearchParams
  /** Aborted when the asker gave up. */
  readonly signal: AbortSignal
  /** A whole answer. */
  answer(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void
  /** 200, and a body that goes on until `end` or `cut`. */
  open(): OpenBody
  /** No answer. */
  fail(why: Error): void
}

export interface OpenBody {
  /** Watch events, one line each. */
  send(...events: readonly unknown[]): void
  write(bytes: string | Uint8Array): void
  end(): void
  /** The connection breaks. */
  cut(why?: Error): void
  /** Resolves when everything written so far was taken and more is asked for. */
  readonly drained: Promise<void>
  /** Resolves when the reader left, or its signal aborted. */
  readonly closed: Promise<void>
}

export interface ScriptedKube {
  request(path: string, request: KubeRequest): Promise<KubeResponse>
  /** The next request, in the order in which they were made; waits for it. */
  next(): Promise<Exchange>
  /** Requests that nobody has looked at. */
  readonly unseen: readonly string[]
}

export function scriptedKube(): ScriptedKube {
  const made: Exchange[] = []
  const looking: ((exchange: Exchange) => void)[] = []
  return {
    request: (path, { signal }) =>
      new Promise((resolve, reject) => {
        const onAbort = () => reject(signal.reason)
        if (signal.aborted) return onAbort()
        signal.addEventListener('abort', onAbort, { once: true })
        const respond = (status: number, body: AsyncIterable<Buffer>, headers: KubeResponse['headers'] = {}) => {
          signal.removeEventListener('abort', onAbort)
          resolve({ status, headers, body })
        }
        const exchange: Exchange = {
          path,
          query: new URL(path, 'http://api').searchParams,
          signal,
          answer: (status, body, headers) => {
            const whole = openBody(signal)
            whole.write(typeof body === 'string' ? body : JSON.stringify(body))
            whole.end()
            respond(status, whole.body, headers)
          },
          open: () => {
            const going = openBody(signal)
            respond(200, going.body)
            return going
          },
          fail: reject,
        }
        const looker = looking.shift()
        if (looker === undefined) made.push(exchange)
        else looker(exchange)
      }),
    next: () =>
      new Promise((resolve) => {
        const exchange = made.shift()
        if (exchange === undefined) looking.push(resolve)
        else resolve(exchange)
      }),
    get unseen() {
      return made.map(({ path }) => path)
    },
  }
}

type Part = { readonly bytes: Buffer } | { readonly end: true } | { readonly cut: Error }

function openBody(signal: AbortSignal): OpenBody & { readonly body: AsyncIterable<Buffer> } {
  const parts: Part[] = []
  let news = Promise.withResolvers<void>()
  let drained = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const put = (part: Part) => {
    parts.push(part)
    drained = Promise.withResolvers<void>()
    news.resolve()
  }
  signal.addEventListener('abort', () => {
    closed.resolve()
    news.resolve()
  })
  async function* read(): AsyncGenerator<Buffer, void> {
    try {
      for (;;) {
        signal.throwIfAborted()
        const part = parts.shift()
        if (part === undefined) {
          news = Promise.withResolvers<void>()
          drained.resolve()
          await news.promise
        } else if ('bytes' in part) yield part.bytes
        else if ('cut' in part) throw part.cut
        else return
      }
    } finally {
      closed.resolve()
    }
  }
  return {
    body: read(),
    send: (...events) => put({ bytes: Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('')) }),
    write: (bytes) => put({ bytes: Buffer.from(bytes) }),
    end: () => put({ end: true }),
    cut: (why = new Error('aborted')) => put({ cut: why }),
    get drained() {
      return drained.promise
    },
    closed: closed.promise,
  }
}
