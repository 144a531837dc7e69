/**
 * A target: where an endpoint's requests go and what they carry, with every secret filled in. It is made anew when the endpoint's settings or
 * the secrets change. Whatever is missing or not allowed blocks this endpoint alone and is said in words that hold no secret.
 */
import type { EndpointConfig, SecretRef } from '../config/model.ts'
import type { Secrets, SecretValue } from './secrets.ts'
import type { Outcome } from './send.ts'

export interface Target {
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** `text` with every secret of this target replaced by `***`. */
  mask(text: string): string
  /** PEM. `ca`: trusted besides the usual ones; `cert` and `key` come together. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** The value of `webhook-signature` for one attempt. `timestampSeconds`: since 1970. */
  sign?(id: string, timestampSeconds: number, body: Uint8Array): string
  /** Headers that are good for a while only: a token. Asked for before every attempt. */
  authorize?(signal: AbortSignal): Promise<Authorized>
  /** These headers were answered with 401: the next `authorize` must not give them again. */
  refresh?(rejected: Readonly<Record<string, string>>): void
}

/** What `authorize` came to. Without headers nothing is sent, and `outcome` is what the attempt came to. */
export type Authorized =
  | { readonly kind: 'ready'; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'failed'; readonly outcome: Outcome }

export type Resolved = { readonly kind: 'ready'; readonly target: Target } | { readonly kind: 'blocked'; readonly reason: string }

export interface TargetSettings {
  /** `watch-hub/<release>` is said to receivers. */
  readonly release: string
  /** Lets credentials go over plain http. */
  readonly allowInsecureCredentials: boolean
}

export async function resolveTarget(
  endpoint: Pick<EndpointConfig, 'url' | 'auth' | 'headers'>,
  secrets: Pick<Secrets, 'read'>,
  settings: TargetSettings,
): Promise<Resolved> {
  const url = new URL(endpoint.url)
  if (url.protocol === 'http:' && !settings.allowInsecureCredentials && hasCredentials(endpoint))
    return blocked('credentials never go over plain http: expected an https url (or an operator who allows it), got http')
  const reader = reading(secrets, url)
  const headers = { ...(await plainHeaders(endpoint.headers, reader)), ...(await authHeader(endpoint.auth, reader)) }
  if (reader.problem !== undefined) return blocked(reader.problem)
  const bad = Object.keys(headers).find((name) => !isHeaderValue(headers[name] ?? ''))
  if (bad !== undefined)
    return blocked(`the value of the header ${bad} holds characters that a header cannot carry; look at its secret`)
  const fixed = { 'content-type': 'application/json', 'user-agent': `watch-hub/${settings.release}` }
  return { kind: 'ready', target: { url, headers: { ...headers, ...fixed }, mask: masking(reader.values) } }
}

/** Without query and credentials: what may be shown. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

const blocked = (reason: string): Resolved => ({ kind: 'blocked', reason })

export const hasCredentials = ({ auth, headers }: Pick<EndpointConfig, 'auth' | 'headers'>): boolean =>
  auth.kind !== 'none' || Object.values(headers).some((value) => typeof value !== 'string')

interface Reading {
  readonly values: string[]
  /** The first one. */
  problem?: string
  read(ref: SecretRef): Promise<string>
}

function reading(secrets: Pick<Secrets, 'read'>, receiver: URL): Reading {
  const self: Reading = {
    values: [],
    async read(ref) {
      const found: SecretValue = await secrets.read(ref, receiver)
      if (found.kind === 'missing') {
        self.problem ??= found.reason
        return ''
      }
      self.values.push(found.value)
      return found.value
    },
  }
  return self
}

async function plainHeaders(headers: EndpointConfig['headers'], reader: Reading): Promise<Record<string, string>> {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers))
    out[name.toLowerCase()] = typeof value === 'string' ? value : await reader.read(value)
  return out
}

async function authHeader(auth: EndpointConfig['auth'], reader: Reading): Promise<Record<string, string>> {
  if (auth.kind === 'none') return {}
  if (auth.kind === 'bearer') return { authorization: `Bearer ${await reader.read(auth.token)}` }
  if (auth.kind === 'oauth2') return {}
  const username = await reader.read(auth.username)
  const password = await reader.read(auth.password)
  const encoded = Buffer.from(`${username}:${password}`).toString('base64')
  reader.values.push(encoded)
  return { authorization: `Basic ${encoded}` }
}

const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text)

/** Longest first, so that a secret within another does not leave the rest of it readable. */
function masking(values: readonly string[]): (text: string) => string {
  const shown = new Set(values.flatMap((value) => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]))
  const hidden = [...shown].filter((value) => value !== '').sort((a, b) => b.length - a.length)
  return (text) => hidden.reduce((masked, value) => masked.replaceAll(value, '***'), text)
}
