/**
 * OAuth2 client credentials (RFC 6749 section 4.4): one token from one token endpoint. Sole user of oauth4webapi.
 *
 * How the request gets there, guarded as deliveries are, is `AskToken`'s business; how long a token is kept is `tokens.ts`'. What is said here
 * holds no secret: errors of the library are told by their message alone, since their causes hold what was answered.
 */
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  clientCredentialsGrantRequest,
  customFetch,
  processClientCredentialsResponse,
  ResponseBodyError,
} from 'oauth4webapi'
import { oneLine } from './foreign-text.ts'
import { type Mask, masking } from './mask.ts'
import { DeliveryFailure, type Outcome } from './send.ts'

export interface ClientCredentials {
  readonly tokenUrl: URL
  readonly clientId: string
  readonly clientSecret: string
  readonly scopes: readonly string[]
}

/** A POST to the token endpoint. */
export interface TokenRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface TokenAnswer {
  readonly kind: 'answered'
  readonly status: number
  /** How long it asked to be left alone. */
  readonly afterMs?: number
  /** Of a long one the beginning. */
  readonly body: string
}

/** Why there is no token. */
export type Setback = Extract<Outcome, { readonly kind: 'try-later' | 'not-charged' | 'blocked' }>

/** Never follows a redirect. Throws nothing but the signal's reason. */
export type AskToken = (request: TokenRequest, signal: AbortSignal) => Promise<TokenAnswer | Setback>

export interface Token {
  readonly kind: 'token'
  readonly value: string
  readonly lifetimeMs: number
}

export interface TokenClient {
  /** Throws nothing but the signal's reason. */
  token(signal: AbortSignal): Promise<Token | Setback>
  failure(what: string, options?: ErrorOptions & { readonly afterMs?: number | undefined }): Setback
  /** Hides the credentials. */
  readonly mask: Mask
}

const unsaidLifetimeMs = 60 * 60_000
const longestLifetimeMs = 24 * 60 * 60_000

export function createTokenClient(credentials: ClientCredentials, ask: AskToken): TokenClient {
  const { tokenUrl, clientId, clientSecret } = credentials
  const place = `${tokenUrl.origin}${tokenUrl.pathname}`
  let mask = masking([clientId, clientSecret])
  /** The header spells the credentials in its own way. */
  const asking: AskToken = (request, signal) => {
    const [, encoded = ''] = request.headers.authorization?.split(' ') ?? []
    const spelled = Buffer.from(encoded, 'base64').toString('utf8').split(':')
    mask = masking([clientId, clientSecret, encoded, ...spelled])
    return ask(request, signal)
  }
  /** The first is what every server has to understand, the second what some insist on. The one that worked stays. */
  let [way, other] = [ClientSecretBasic(clientSecret), ClientSecretPost(clientSecret)]

  const failure: TokenClient['failure'] = (what, { afterMs, ...options } = {}) => {
    const why = new DeliveryFailure('token_error', `token_error: ${place}: ${what}`, options)
    return afterMs === undefined ? { kind: 'try-later', why } : { kind: 'try-later', why, afterMs }
  }
  const judge = (exchange: Exchange): Token | Setback => {
    if (exchange.kind === 'token' || exchange.kind === 'blocked' || exchange.kind === 'not-charged') return exchange
    const { kind, ...rest } = exchange
    if (kind === 'try-later') return failure(exchange.why.message, { ...rest, cause: exchange.why })
    return failure(oneLine(mask(exchange.what)), rest)
  }
  return {
    mask: (text) => mask(text),
    failure,
    async token(signal) {
      const first = await exchange(credentials, { way, ask: asking, signal })
      if (first.kind !== 'no token' || first.error !== 'invalid_client') return judge(first)
      const second = await exchange(credentials, { way: other, ask: asking, signal })
      if (second.kind === 'token') [way, other] = [other, way]
      return judge(second.kind === 'token' ? second : first)
    },
  }
}

interface NoToken {
  readonly kind: 'no token'
  /** As it came: neither masked nor cut. */
  readonly what: string
  readonly afterMs?: number | undefined
  /** What RFC 6749 section 5.2 calls it. */
  readonly error?: string
}

type Exchange = Token | Setback | NoToken

interface ExchangeDeps {
  readonly way: ClientAuth
  readonly ask: AskToken
  readonly signal: AbortSignal
}

async function exchange({ tokenUrl, clientId, scopes }: ClientCredentials, deps: ExchangeDeps): Promise<Exchange> {
  const { way, ask, signal } = deps
  const server = { issuer: tokenUrl.origin, token_endpoint: tokenUrl.href }
  const client = { client_id: clientId }
  const parameters = new URLSearchParams(scopes.length === 0 ? {} : { scope: scopes.join(' ') })
  let came: TokenAnswer | Setback | undefined
  const fetch = async (url: string, { headers, body }: { headers: Record<string, string>; body: URLSearchParams }) => {
    signal.throwIfAborted()
    came = await ask({ url: new URL(url), headers, body: body.toString() }, signal)
    return responseOf(came)
  }
  try {
    // whether plain http may be is decided with the target
    const options = { [customFetch]: fetch, [allowInsecureRequests]: true }
    const response = await clientCredentialsGrantRequest(server, client, way, parameters, options)
    const token = await processClientCredentialsResponse(server, client, response)
    return usable(token.access_token, token.token_type, token.expires_in)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (came === undefined) throw error // a bug: nothing was asked
    return came.kind === 'answered' ? noToken(came, error) : came
  }
}

function usable(value: string, type: string, expiresIn: number | undefined): Token | NoToken {
  if (type !== 'bearer') return { kind: 'no token', what: 'expected a token of type bearer, got another' }
  if (!/^[\x21-\x7e]+$/.test(value)) return { kind: 'no token', what: 'expected a token that a header can carry, got another' }
  const lifetimeMs = expiresIn === undefined ? unsaidLifetimeMs : expiresIn * 1_000
  return { kind: 'token', value, lifetimeMs: Math.min(lifetimeMs, longestLifetimeMs) }
}

/** What a 2xx holds may be a token, so it is not shown. */
function noToken({ status, body, afterMs }: TokenAnswer, error: unknown): NoToken {
  if (error instanceof ResponseBodyError) {
    const { error: name, error_description: words } = error
    const what = `answered ${status}: ${name}${words === undefined ? '' : `: ${words}`}`
    return { kind: 'no token', what, afterMs, error: name }
  }
  if (status >= 200 && status < 300)
    return { kind: 'no token', what: `answered ${status} with something that is no token response` }
  const redirect = status >= 300 && status < 400 ? ', a redirect, which is never followed' : ''
  return { kind: 'no token', what: `answered ${status}${redirect}${body === '' ? '' : `: ${body}`}`, afterMs }
}

/** A setback is an answer without meaning to the library; `exchange` looks at the setback itself. The type is what every answer has to be. */
function responseOf(came: TokenAnswer | Setback): Response {
  const { status, body } = came.kind === 'answered' ? came : { status: 599, body: '' }
  const empty = status === 204 || status === 205 || status === 304
  return new Response(empty ? null : body, { status, headers: { 'content-type': 'application/json' } })
}
