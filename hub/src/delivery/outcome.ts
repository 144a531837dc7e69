/**
 * Outcomes: what an answer, or its absence, means (DESIGN law 6). An endpoint's `outcomes` come before the law: by status, then by class.
 *
 * Whatever a receiver says is foreign text: it is shown masked and on one line, and kept to 16 KiB. An answer that broke off counts by its
 * status; only acceptance needs all of it, since its end might name failures.
 */
import { describeError } from '@watch-hub/shared/runtime/log'
import { TimeoutError } from '@watch-hub/shared/runtime/sleep'
import type { AnswerClass, EndpointConfig } from '../config/model.ts'
import { type Answer, UnconnectedError } from './connections.ts'
import { EgressError } from './egress.ts'
import { isUnreadable, namedFailures } from './failure-list.ts'
import { keptAnswer, oneLine } from './foreign-text.ts'
import { ProxyError } from './proxy.ts'
import { retryAfterMs } from './retry.ts'
import { DeliveryFailure, type FailureKind, type Outcome } from './send.ts'
import type { Target } from './target.ts'

export interface Judging {
  readonly target: Pick<Target, 'url' | 'mask'>
  readonly outcomes: EndpointConfig['outcomes']
  readonly now: number
  /** Of accepted ones too; of failures they always are. */
  readonly keepAnswers: boolean
}

/** What the answer of the endpoint means for the batch. */
export function judge(answer: Answer, judging: Judging): Outcome {
  const { target, outcomes, now } = judging
  const { status, headers } = answer
  const kind = outcomes[status] ?? outcomes[`${Math.floor(status / 100)}xx`] ?? byLaw(status)
  if (kind === 'accepted') return accepted(answer, judging)
  const why = refusal(answer, target)
  const afterMs = kind === 'try-later' ? retryAfterMs(first(headers['retry-after']), now) : undefined
  return afterMs === undefined ? { kind, why } : { kind: 'try-later', why, afterMs }
}

function byLaw(status: number): AnswerClass {
  if (status >= 200 && status < 300) return 'accepted'
  if (status === 400 || status === 415 || status === 422) return 'refused'
  if (status === 413) return 'oversize'
  return status === 410 ? 'gone' : 'try-later'
}

function accepted(answer: Answer, { target, keepAnswers }: Judging): Outcome {
  const { status } = answer
  if (answer.broken !== undefined) return failed(answer.broken, target)
  const failures = namedFailures(answer, target.mask)
  if (isUnreadable(failures)) {
    const words = `answered ${status} with failures that cannot be read: ${failures.problem}`
    return { kind: 'try-later', why: new DeliveryFailure('http_2xx', words, { status, answer: keptAnswer(answer, target.mask) }) }
  }
  return {
    kind: 'accepted',
    status,
    ...(failures.length > 0 && { failures }),
    ...(keepAnswers && { answer: keptAnswer(answer, target.mask) }),
  }
}

function refusal(answer: Answer, target: Judging['target']): DeliveryFailure {
  const { status } = answer
  const text = keptAnswer(answer, target.mask)
  const kind = kindOf(status)
  const said = kind === 'redirect' ? redirected(first(answer.headers.location), target) : colon(oneLine(text))
  return new DeliveryFailure(kind, `answered ${status}${said}`, { status, answer: text })
}

const kindOf = (status: number): FailureKind =>
  status < 300 ? 'http_2xx' : status < 400 ? 'redirect' : status < 500 ? 'http_4xx' : 'http_5xx'

const first = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header)

function redirected(location: string | undefined, { url, mask }: Judging['target']): string {
  const to = location === undefined ? null : URL.parse(location, url.href)
  const where = to === null ? '' : ` to ${oneLine(mask(`${to.origin}${to.pathname}`))}`
  return `, a redirect${where}, which is never followed; expected the url of the endpoint to be the final one`
}

const colon = (text: string): string => (text === '' ? '' : `: ${text}`)

export type NoAnswer = Extract<Outcome, { readonly kind: 'try-later' | 'not-charged' | 'blocked' }>

/** No answer, or none of which enough came. */
export function failed(error: unknown, { mask }: Pick<Target, 'mask'>): NoAnswer {
  const all = causes(error)
  const refused = all.find((each) => each instanceof EgressError)
  if (refused !== undefined) return { kind: 'blocked', why: refused }
  const isProxys = all.some((each) => each instanceof ProxyError)
  const codes = all.flatMap((each) => ('code' in each && typeof each.code === 'string' ? [each.code] : []))
  const kind = isProxys ? 'proxy_error' : failureKind(all, codes)
  const isOurs = isProxys || kind === 'resolver_error' || codes.some((code) => ours.has(code))
  const why = new DeliveryFailure(kind, `${kind}: ${mask(words(error))}`, { cause: error })
  return { kind: isOurs ? 'not-charged' : 'try-later', why }
}

/** Of its TLS errors Node says how to start Node; people have a manifest. */
const words = (error: unknown): string =>
  describeError(error).replace(
    /; if the root CA is .*?--use-system-ca/,
    "; an authority of your own goes into the endpoint's tls.ca",
  )

function failureKind(all: readonly Error[], codes: readonly string[]): FailureKind {
  if (all.some((each) => each instanceof UnconnectedError)) return 'unreachable'
  if (all.some((each) => each instanceof TimeoutError)) return 'timeout'
  for (const code of codes) {
    const kind = kinds.get(code) ?? (tlsCode.test(code) ? 'tls_error' : undefined)
    if (kind !== undefined) return kind
  }
  return 'network_error'
}

const kinds: ReadonlyMap<string, FailureKind> = new Map<string, FailureKind>([
  ['ENOTFOUND', 'dns_error'],
  ['EAI_AGAIN', 'resolver_error'],
  ['EAI_FAIL', 'dns_error'],
  ['EAI_NODATA', 'dns_error'],
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_reset'],
  ['ECONNABORTED', 'connection_reset'],
  ['EPIPE', 'connection_reset'],
  ['UND_ERR_SOCKET', 'connection_reset'],
  ['ETIMEDOUT', 'unreachable'],
  ['UND_ERR_CONNECT_TIMEOUT', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['EPROTO', 'tls_error'],
])

/** What this machine had too little of, and what its own end brings. */
const ours: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
])

/** Codes of OpenSSL and of Node's own checks of certificates. */
const tlsCode = /^ERR_(TLS|SSL|OSSL)_|CERT|SELF_SIGNED|UNABLE_TO_|CRL_/

/** The error, its causes and what it gathers, outermost first. */
function causes(error: unknown): readonly Error[] {
  if (!(error instanceof Error)) return []
  const gathered = error instanceof AggregateError ? error.errors.flatMap(causes) : []
  return [error, ...gathered, ...causes(error.cause)]
}
