/**
 * Posting: one HTTP request for one batch, and what came of it. Sole user of undici.
 *
 * Redirects are never followed: a 3xx is a failure. `timeoutMs` covers everything, from the name lookup to the last byte of the answer that is
 * read; of an answer at most 16 KiB are. Errors have names from a short list and hold no secret. Whether to try again is for others.
 */
import { isIP } from 'node:net'
import { describeError } from '@watch-hub/shared/runtime/log'
import { deadline, TimeoutError } from '@watch-hub/shared/runtime/sleep'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import { type Egress, EgressError } from './egress.ts'
import { retryAfterMs } from './retry.ts'
import { DeliveryFailure, type FailureKind, type Outcome, type Send } from './send.ts'
import type { Target } from './target.ts'

/** A sender with its own connections. Disposing closes them; requests under way are ended. */
export interface Post extends AsyncDisposable {
  readonly send: Send
}

export interface PostSettings {
  readonly timeoutMs: number
  readonly egress: Egress
  readonly now: () => number
}

const answerBytes = 16 * 1024
const shownAnswer = 300
const connectTimeoutMs = 10_000

export function openPost(target: Target, settings: PostSettings): Post {
  const { timeoutMs, now } = settings
  const agent = new Agent({
    connect: guardedConnect(settings),
    allowH2: false,
    headersTimeout: 0, // the deadline below covers both
    bodyTimeout: 0,
    maxHeaderSize: 16 * 1024,
  })
  const path = `${target.url.pathname}${target.url.search}`
  const send: Send = async function post(batch, signal) {
    using limit = deadline(timeoutMs, { parent: signal, what: `the request to ${target.url.host}` })
    try {
      const response = await agent.request({
        origin: target.url.origin,
        path,
        method: 'POST',
        headers: { ...target.headers, 'webhook-id': batch.id },
        body: batch.body,
        signal: limit.signal,
      })
      return classify(response, await readAnswer(response.body), { target, now: now() })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      return failed(error, target)
    }
  }
  return { send, [Symbol.asyncDispose]: () => agent.destroy() }
}

/** Refuses addresses written as such here, since they are never looked up; names are judged by the lookup. */
function guardedConnect({ egress, timeoutMs }: PostSettings): buildConnector.connector {
  const options = { lookup: egress.lookup, timeout: Math.min(timeoutMs, connectTimeoutMs), allowH2: false }
  const connect = buildConnector(options)
  return (to, callback) => {
    const refusal = isIP(to.hostname) === 0 ? undefined : egress.refusal(to.hostname)
    if (refusal === undefined) connect(to, callback)
    else callback(new EgressError(`${to.hostname} may not be reached: ${refusal}`), null)
  }
}

/** The first bytes of an answer. A longer one is cut off, and its connection is given up. */
async function readAnswer(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk)
    chunks.push(bytes)
    size += bytes.length
    if (size >= answerBytes) break
  }
  return Buffer.concat(chunks).subarray(0, answerBytes).toString('utf8')
}

function classify(
  { statusCode, headers }: Dispatcher.ResponseData,
  answer: string,
  { target, now }: { readonly target: Target; readonly now: number },
): Outcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'accepted', status: statusCode }
  const kind = statusCode < 400 ? 'redirect' : statusCode < 500 ? 'http_4xx' : 'http_5xx'
  const said = kind === 'redirect' ? redirected(first(headers.location), target) : colon(oneLine(target.mask(answer)))
  const why = new DeliveryFailure(kind, `answered ${statusCode}${said}`, { status: statusCode })
  const afterMs = retryAfterMs(first(headers['retry-after']), now)
  return afterMs === undefined ? { kind: 'try-later', why } : { kind: 'try-later', why, afterMs }
}

const first = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header)

function redirected(location: string | undefined, { url, mask }: Target): string {
  const to = location === undefined ? null : URL.parse(location, url.href)
  const where = to === null ? '' : ` to ${oneLine(mask(`${to.origin}${to.pathname}`))}`
  return `, a redirect${where}, which is never followed; expected the url of the endpoint to be the final one`
}

const colon = (text: string): string => (text === '' ? '' : `: ${text}`)

/** What people see of foreign text: its beginning, without control characters. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > shownAnswer ? `${line.slice(0, shownAnswer)}…` : line
}

function failed(error: unknown, target: Target): Outcome {
  const refused = causes(error).find((each) => each instanceof EgressError)
  if (refused !== undefined) return { kind: 'blocked', why: refused }
  const kind = failureKind(error)
  return { kind: 'try-later', why: new DeliveryFailure(kind, `${kind}: ${target.mask(describeError(error))}`, { cause: error }) }
}

function failureKind(error: unknown): FailureKind {
  const all = causes(error)
  if (all.some((each) => each instanceof TimeoutError)) return 'timeout'
  const codes = all.flatMap((each) => ('code' in each && typeof each.code === 'string' ? [each.code] : []))
  for (const code of codes) {
    const kind = kinds.get(code) ?? (tlsCode.test(code) ? 'tls_error' : undefined)
    if (kind !== undefined) return kind
  }
  return 'network_error'
}

const kinds: ReadonlyMap<string, FailureKind> = new Map<string, FailureKind>([
  ['ENOTFOUND', 'dns_error'],
  ['EAI_AGAIN', 'dns_error'],
  ['EAI_FAIL', 'dns_error'],
  ['EAI_NODATA', 'dns_error'],
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_reset'],
  ['ECONNABORTED', 'connection_reset'],
  ['EPIPE', 'connection_reset'],
  ['UND_ERR_SOCKET', 'connection_reset'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['EPROTO', 'tls_error'],
])

/** Codes of OpenSSL and of Node's own checks of certificates. */
const tlsCode = /^ERR_(TLS|SSL)_|CERT|SELF_SIGNED|UNABLE_TO_|CRL_/

/** The error, its causes and what it gathers, outermost first. */
function causes(error: unknown): readonly Error[] {
  if (!(error instanceof Error)) return []
  const gathered = error instanceof AggregateError ? error.errors.flatMap(causes) : []
  return [error, ...gathered, ...causes(error.cause)]
}
