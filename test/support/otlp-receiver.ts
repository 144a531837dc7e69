/**
 * A collector for tests: a real HTTP server that takes OTLP as protobuf, gzip or not, at `/v1/traces` and `/v1/metrics`, and keeps it as plain
 * objects. It decodes with a reader of its own (./otlp), so that what it says does not depend on the library that sent it.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { changes } from './changes.ts'
import { metricsOf, type OtlpMetric } from './otlp/metrics.ts'
import { type OtlpSpan, spansOf } from './otlp/spans.ts'

interface OtlpRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly spans: readonly OtlpSpan[]
  readonly metrics: readonly OtlpMetric[]
}

/** What it answers: a status, or nothing at all while the connection stays open. @default 200 */
type Answer = number | 'hang'

export interface OtlpReceiver extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, for OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string
  /** Everything that came whole, whatever was answered. */
  readonly requests: readonly OtlpRequest[]
  /** Of the requests that were answered 200, in the order of arrival. */
  readonly spans: readonly OtlpSpan[]
  readonly metrics: readonly OtlpMetric[]
  answerWith(answer: Answer): void
  /** Resolves when `predicate` holds; it is looked at after each request. Rejects after `ms` (default 10 s). */
  waitFor(predicate: (receiver: OtlpReceiver) => boolean, what: string, ms?: number): Promise<void>
  /** Forgets what came. */
  clear(): void
}

export interface OtlpReceiverOptions {
  /** @default 0 = any free one */
  readonly port?: number
}

export async function startOtlpReceiver({ port = 0 }: OtlpReceiverOptions = {}): Promise<OtlpReceiver> {
  const requests: OtlpRequest[] = []
  const spans: OtlpSpan[] = []
  const metrics: OtlpMetric[] = []
  const news = changes()
  let answer: Answer = 200

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const one = decode(request, await buffer(request))
    if (one === undefined) {
      response.writeHead(404).end()
      return
    }
    requests.push(one)
    if (answer === 200) {
      spans.push(...one.spans)
      metrics.push(...one.metrics)
    }
    if (answer !== 'hang') response.writeHead(answer, { 'content-type': 'application/x-protobuf' }).end()
    news.notify()
  }
  const server = createServer((request, response) => {
    take(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`expected a TCP port, got ${String(address)}`)

  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    spans,
    metrics,
    answerWith: (next) => {
      answer = next
    },
    waitFor: (predicate, what, ms) =>
      news.until(
        () => predicate(receiver),
        () => `${what}; got ${requests.length} requests with ${spans.length} accepted spans and ${metrics.length} metrics`,
        ms,
      ),
    clear: () => {
      for (const kept of [requests, spans, metrics]) kept.length = 0
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return receiver
}

function decode({ method, url: path = '', headers }: IncomingMessage, raw: Buffer): OtlpRequest | undefined {
  const body = headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
  if (method !== 'POST') return undefined
  if (path === '/v1/traces') return { path, headers, spans: spansOf(body), metrics: [] }
  if (path === '/v1/metrics') return { path, headers, spans: [], metrics: metricsOf(body) }
  return undefined
}
