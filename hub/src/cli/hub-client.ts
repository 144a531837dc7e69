/** The admin API as commands use it. Every failure says which hub, what it answered and what to do. */
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { type Decoder, decodeJson } from '@watch-hub/shared/protocol/decode'
import { problem } from '@watch-hub/shared/protocol/join'
import { deadline, TimeoutError } from '@watch-hub/shared/runtime/sleep'
import { findHub, type HubAddress, type hubFlags } from './find-hub.ts'
import type { FlagValues } from './flags.ts'
import type { CliIo } from './io.ts'

export interface Download {
  /** As the hub told it before the first one. */
  readonly bytes: number | undefined
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface HubClient {
  readonly url: string
  /** PEM of the CA that it is trusted by, where one was given. */
  readonly ca?: string
  get<T>(path: string, decoder: Decoder<T>): Promise<T>
  post<T>(path: string, body: unknown, decoder: Decoder<T>): Promise<T>
  /** Posts; resolves when the answer begins. It is read at the caller's pace. */
  download(path: string): Promise<Download>
  /** Lines as they come, until the hub or the command's signal ends it. */
  lines(path: string): AsyncIterable<string>
}

/** Time for one answer. Looking at Git on demand takes the longest. */
const answerMs = 60_000
/** Time until a download begins: the hub makes it first. And for each piece of it. */
const preparedMs = 30 * 60_000
const pieceMs = 120_000

export async function connectHub(io: CliIo, flags: FlagValues<typeof hubFlags>): Promise<HubClient> {
  const address = await findHub(io, flags)
  return hubClient(address, io.signal)
}

export function hubClient(address: HubAddress, stop: AbortSignal): HubClient {
  const exchange = async <T>(order: Order, decoder: Decoder<T>): Promise<T> => {
    using limit = deadline(answerMs, { parent: stop, what: 'the answer' })
    try {
      const response = await send(address, order, limit.signal)
      return decodeJson(decoder, await checked(address, response))
    } catch (error) {
      throw explain(address, error, limit.signal)
    }
  }
  return {
    url: address.url,
    ...(address.ca === undefined ? {} : { ca: address.ca }),
    get: (path, decoder) => exchange({ method: 'GET', path }, decoder),
    post: (path, body, decoder) => exchange({ method: 'POST', path, body: JSON.stringify(body) }, decoder),
    download: async (path) => {
      using limit = deadline(preparedMs, { parent: stop, what: 'the answer' })
      try {
        const response = await send(address, { method: 'POST', path, body: '{}' }, limit.signal)
        if (response.statusCode !== 200) await checked(address, response)
        const length = Number(response.headers['content-length'] ?? Number.NaN)
        return { bytes: Number.isSafeInteger(length) ? length : undefined, chunks: pieces(address, response, stop) }
      } catch (error) {
        throw explain(address, error, limit.signal)
      }
    },
    lines: async function* (path) {
      try {
        const response = await send(address, { method: 'GET', path }, stop)
        if (response.statusCode !== 200) await checked(address, response)
        yield* splitLines(response)
      } catch (error) {
        throw explain(address, error, stop)
      }
    },
  }
}

interface Order {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

function send(address: HubAddress, { method, path, body }: Order, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(path.replace(/^\//, ''), address.url.endsWith('/') ? address.url : `${address.url}/`)
  const headers = {
    authorization: `Bearer ${address.token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
  const options = { method, headers, signal, agent: false, ...(address.ca === undefined ? {} : { ca: address.ca }) }
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps(url, options, resolve) : requestHttp(url, options, resolve)
    request.on('error', reject).end(body)
  })
}

/** The hub said no. */
class Refusal extends Error {}

async function checked(address: HubAddress, response: IncomingMessage): Promise<string> {
  const text = await readAll(response)
  const status = response.statusCode ?? 0
  if (status === 200) return text
  const said = tryProblem(text)
  if (status === 401) throw new Refusal(`the hub at ${address.url} does not know the admin token from ${address.tokenFrom}`)
  if (said === undefined) throw new Refusal(`${address.url} answered ${status} and gave no reason: is a Watch Hub there?`)
  throw new Refusal(said)
}

function tryProblem(text: string): string | undefined {
  try {
    return decodeJson(problem, text).message
  } catch {
    return undefined // not the hub's own words
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

/** Throws when the answer ends before its told length, too. */
async function* pieces(address: HubAddress, response: IncomingMessage, stop: AbortSignal): AsyncGenerator<Uint8Array> {
  using limit = deadline(pieceMs, { parent: stop, what: 'the next piece of the answer' })
  limit.signal.addEventListener('abort', () => response.destroy(new Error('stopped', { cause: limit.signal.reason })), {
    once: true,
  })
  try {
    limit.signal.throwIfAborted()
    for await (const piece of response) {
      const bytes: Uint8Array = piece
      yield bytes
      limit.reset()
    }
  } catch (error) {
    throw explain(address, error, limit.signal)
  }
}

/** At line feeds only: JSON text may hold other line ends as they are. */
async function* splitLines(response: IncomingMessage): AsyncIterable<string> {
  response.setEncoding('utf8')
  let rest = ''
  for await (const chunk of response) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
  if (rest !== '') yield rest
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there. Start a hub with 'npm start' (the demo) or 'watch-hub serve', or name another with --hub",
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'its host name cannot be resolved now',
  ECONNRESET: 'it closed the connection',
  EPROTO: 'it speaks no TLS: try http://',
  HPE_INVALID_CONSTANT: 'it speaks no plain HTTP: try https://',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed: give it with --ca FILE',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an unknown CA: give the CA with --ca FILE',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an unknown CA: give the CA with --ca FILE',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an unknown CA: give the CA with --ca FILE',
}

/** An abort by the user stays what it is. */
function explain(address: HubAddress, error: unknown, signal: AbortSignal): unknown {
  if (error instanceof Refusal) return error
  if (signal.aborted && !(signal.reason instanceof TimeoutError)) return signal.reason
  const why = signal.aborted ? signal.reason : error
  const code = why instanceof Error && 'code' in why ? String(why.code) : ''
  const hint = hints[code] === undefined ? '' : `: ${hints[code]}`
  return new Error(`the hub at ${address.url} does not answer${hint}`, { cause: why })
}
