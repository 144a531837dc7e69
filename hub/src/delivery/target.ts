/**
 * A target: where an endpoint's requests go and what they carry, with every secret filled in. It is made anew when the endpoint's settings or
 * the secrets change. Whatever is missing or not allowed blocks this endpoint alone and is said in words that hold no secret.
 */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import type { AuthConfig, EndpointConfig, SecretRef } from '../config/model.ts'
import { type Mask, masking } from './mask.ts'
import type { ClientCredentials, Setback } from './oauth.ts'
import type { Secrets } from './secrets.ts'
import { type SigningKey, signing, signingKey } from './signature.ts'
import { type TlsMaterial, tlsProblem } from './tls.ts'

export interface Target {
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Hides every secret of this target. */
  readonly mask: Mask
  /** PEM. `ca`: trusted besides the usual ones; `cert` and `key` come together. */
  readonly tls?: TlsMaterial
  /** The value of `webhook-signature` for one attempt. `timestampSeconds`: since 1970. */
  sign?(id: string, timestampSeconds: number, body: Uint8Array): string
  /** What a token is asked for with. `withTokens` makes of it the two below; a sender that cannot has to refuse such a target. */
  readonly oauth2?: ClientCredentials
  /**
   * Headers that are good for a while only: a token. Asked for before every attempt. A signal that aborts with `TimeoutError` makes an
   * outcome; any other reason is thrown.
   */
  authorize?(signal: AbortSignal): Promise<Authorized>
  /** These headers were answered with 401: the next `authorize` must not give them again. */
  refresh?(rejected: Readonly<Record<string, string>>): void
}

/** What `authorize` came to. Without headers nothing is sent, and `outcome` is what the attempt came to. */
export type Authorized =
  | { readonly kind: 'ready'; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'failed'; readonly outcome: Setback }

export type Resolved =
  /** `identity` is equal where all that a target carries is equal. It comes from secrets: not for showing. */
  | { readonly kind: 'ready'; readonly target: Target; readonly identity: string }
  | { readonly kind: 'blocked'; readonly reason: string }

export interface TargetSettings {
  /** `watch-hub/<release>` is said to receivers. */
  readonly release: string
  /** Lets credentials go over plain http. */
  readonly allowInsecureCredentials: boolean
}

/** What of an endpoint makes its target. */
export type TargetConfig = Pick<EndpointConfig, 'url' | 'auth' | 'headers' | 'tls' | 'signing'>

export async function resolveTarget(
  endpoint: TargetConfig,
  secrets: Pick<Secrets, 'read'>,
  settings: TargetSettings,
): Promise<Resolved> {
  const url = new URL(endpoint.url)
  const insecure = settings.allowInsecureCredentials ? undefined : insecurity(endpoint, url)
  if (insecure !== undefined) return blocked(insecure)

  const reader = reading(secrets, url)
  const { authorization, oauth2 } = await readAuth(endpoint.auth, reader)
  const headers = { ...(await plainHeaders(endpoint.headers, reader)), ...authorization }
  const tls = await readTls(endpoint.tls, reader)
  const signingSecrets = await inOrder(endpoint.signing, (ref) => reader.read(ref))
  if (reader.problem !== undefined) return blocked(reader.problem)

  const keys = signingSecrets.map(signingKey)
  const problem = headerProblem(headers) ?? keys.find((key) => typeof key === 'string') ?? tlsProblem(tls)
  if (typeof problem === 'string') return blocked(problem)
  const fixed = { 'content-type': 'application/json', 'user-agent': `watch-hub/${settings.release}` }
  const target: Target = {
    url,
    headers: { ...headers, ...fixed },
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(keys.length > 0 && { sign: signing(keys.filter(isKey)) }),
    ...(oauth2 !== undefined && { oauth2 }),
    mask: masking(reader.values),
  }
  return { kind: 'ready', target, identity: contentHash([url, target.headers, tls, signingSecrets, oauth2]) }
}

/** Without query and credentials: what may be shown. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

const blocked = (reason: string): Resolved => ({ kind: 'blocked', reason })

/** Whether a change of secrets may change the target. */
export const usesSecrets = (endpoint: TargetConfig): boolean =>
  sendsCredentials(endpoint) || endpoint.signing.length > 0 || Object.keys(endpoint.tls).length > 0

/** Signing secrets and keys of certificates never travel. */
const sendsCredentials = ({ auth, headers }: TargetConfig): boolean =>
  auth.kind !== 'none' || Object.values(headers).some((value) => typeof value !== 'string')

function insecurity(endpoint: TargetConfig, url: URL): string | undefined {
  const { auth } = endpoint
  if (url.protocol === 'http:' && sendsCredentials(endpoint))
    return 'credentials never go over plain http: expected an https url (or an operator who allows it), got http'
  if (auth.kind === 'oauth2' && new URL(auth.tokenUrl).protocol === 'http:')
    return 'credentials never go over plain http: expected an https tokenUrl (or an operator who allows it), got http'
  return undefined
}

interface Reading {
  /** What has to be masked. */
  readonly values: string[]
  /** The first one. */
  problem?: string
  /** The value, if the endpoint's host may have it, and `also` where it is given. */
  read(ref: SecretRef, also?: URL): Promise<string>
  /** The same for what everybody may see. */
  readPublic(ref: SecretRef): Promise<string>
}

function reading(secrets: Pick<Secrets, 'read'>, receiver: URL): Reading {
  const readFor = async (ref: SecretRef, host: URL): Promise<string> => {
    const found = await secrets.read(ref, host)
    if (found.kind === 'found') return found.value
    self.problem ??= found.reason
    return ''
  }
  const self: Reading = {
    values: [],
    async read(ref, also) {
      const value = await readFor(ref, receiver)
      if (also !== undefined) await readFor(ref, also)
      self.values.push(value)
      return value
    },
    readPublic: (ref) => readFor(ref, receiver),
  }
  return self
}

async function inOrder<T, R>(all: readonly T[], each: (one: T) => Promise<R>): Promise<readonly R[]> {
  const out: R[] = []
  for (const one of all) out.push(await each(one))
  return out
}

async function plainHeaders(headers: EndpointConfig['headers'], reader: Reading): Promise<Record<string, string>> {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers))
    out[name.toLowerCase()] = typeof value === 'string' ? value : await reader.read(value)
  return out
}

interface Auth {
  readonly authorization: { readonly authorization?: string }
  readonly oauth2?: ClientCredentials
}

async function readAuth(auth: AuthConfig, reader: Reading): Promise<Auth> {
  switch (auth.kind) {
    case 'none':
      return { authorization: {} }
    case 'bearer':
      return { authorization: { authorization: `Bearer ${await reader.read(auth.token)}` } }
    case 'basic': {
      const encoded = Buffer.from(`${await reader.read(auth.username)}:${await reader.read(auth.password)}`).toString('base64')
      reader.values.push(encoded)
      return { authorization: { authorization: `Basic ${encoded}` } }
    }
    case 'oauth2': {
      const tokenUrl = new URL(auth.tokenUrl)
      // bound to both: who could point `url` elsewhere would be sent what the secret buys
      const clientId = await reader.read(auth.clientId, tokenUrl)
      const clientSecret = await reader.read(auth.clientSecret, tokenUrl)
      return { authorization: {}, oauth2: { tokenUrl, clientId, clientSecret, scopes: auth.scopes } }
    }
  }
}

async function readTls(tls: EndpointConfig['tls'], reader: Reading): Promise<TlsMaterial> {
  const { ca, certificate, key } = tls
  return {
    ...(ca !== undefined && { ca: await reader.readPublic(ca) }),
    ...(certificate !== undefined && { cert: await reader.readPublic(certificate) }),
    ...(key !== undefined && { key: await reader.read(key) }),
  }
}

const isKey = (key: SigningKey | string): key is SigningKey => typeof key !== 'string'

function headerProblem(headers: Readonly<Record<string, string>>): string | undefined {
  const bad = Object.keys(headers).find((name) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(headers[name] ?? ''))
  return bad && `the value of the header ${bad} holds characters that a header cannot carry; look at its secret`
}
