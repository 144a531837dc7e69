/** A real HTTP server on loopback that records what it is sent and answers as told. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'

export interface Received {
  readonly id: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A status, or a function that ends the response itself. */
export type Answer = number | ((response: ServerResponse, request: IncomingMessage) => unknown)

export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly received: readonly Received[]
  /** Answers for the next requests, in order; then `otherwise`. */
  answer(...answers: readonly Answer[]): void
  otherwise(answer: Answer): void
  /** Resolves once that many requests have come in all. */
  requests(count: number): Promise<void>
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = []
  const next: Answer[] = []
  let fallback: Answer = 200
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { headers, url: path = '' } = request
    received.push({ id: String(headers['webhook-id']), path, headers, body: Buffer.concat(chunks).toString('utf8') })
    const answer = next.shift() ?? fallback
    if (typeof answer === 'number') response.writeHead(answer).end()
    else answer(response, request)
    for (const each of waiting)
      if (received.length >= each.count) {
        waiting.delete(each)
        each.resolve()
      }
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error(`expected a port, got ${address}`)
  const bound = address.port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    received,
    answer: (...answers) => void next.push(...answers),
    otherwise: (answer) => {
      fallback = answer
    },
    requests: (count) =>
      received.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.add({ count, resolve })),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
