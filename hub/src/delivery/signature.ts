/**
 * Signatures by Standard Webhooks 1.0, scheme `v1`: HMAC-SHA256 over `id.timestamp.body`, the body being the very bytes that are sent. Several
 * keys give several signatures, so that a receiver can change its secret without losing a request.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** A secret's bytes. */
export type SigningKey = Uint8Array

/** `webhook-signature` of one attempt. `timestampSeconds`: since 1970, of this attempt. */
export type Sign = (id: string, timestampSeconds: number, body: Uint8Array) => string

const expected = `expected a signing secret, whsec_ and the base64 of 24 to 64 random bytes (as of: openssl rand -base64 32)`

/** The key, or in words without the secret what is wrong with it. As the reference libraries, lets `whsec_` be absent. */
export function signingKey(secret: string): SigningKey | string {
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret
  const key = Buffer.from(text, 'base64')
  if (key.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) return `${expected}, got something that is no base64`
  if (key.length < 24 || key.length > 64) return `${expected}, got ${key.length} bytes`
  return key
}

export const signing =
  (keys: readonly SigningKey[]): Sign =>
  (id, timestampSeconds, body) =>
    keys.map((key) => `v1,${digest(key, `${id}.${timestampSeconds}.`, body).toString('base64')}`).join(' ')

const digest = (key: SigningKey, head: string, body: Uint8Array): Buffer =>
  createHmac('sha256', key).update(head).update(body).digest()

export interface Signed {
  /** `webhook-id`, `webhook-timestamp` and `webhook-signature`, where they came. */
  readonly id: string | undefined
  readonly timestamp: string | undefined
  readonly signature: string | undefined
  readonly body: Uint8Array
}

/** How far the sender's clock may be from the receiver's. */
const toleranceSeconds = 300

/** Why a receiver that has `keys` must not believe the request; nothing when it may. */
export function distrust(
  { id, timestamp, signature, body }: Signed,
  keys: readonly SigningKey[],
  nowMs: number,
): string | undefined {
  if (id === undefined || timestamp === undefined || signature === undefined)
    return 'not signed: expected the headers webhook-id, webhook-timestamp and webhook-signature'
  if (!/^\d{1,12}$/.test(timestamp)) return `expected webhook-timestamp in seconds since 1970, got ${JSON.stringify(timestamp)}`
  const ahead = Number(timestamp) - Math.floor(nowMs / 1000)
  if (Math.abs(ahead) > toleranceSeconds)
    return `expected a webhook-timestamp within ${toleranceSeconds} s of this clock, got one ${Math.abs(ahead)} s ${ahead < 0 ? 'behind' : 'ahead'}`
  const given = signature.split(' ').flatMap((one) => (one.startsWith('v1,') ? Buffer.from(one.slice(3), 'base64') : []))
  if (given.length === 0) return 'expected a signature of scheme v1 in webhook-signature, got none'
  const wanted = keys.map((key) => digest(key, `${id}.${timestamp}.`, body))
  const match = wanted.some((want) => given.some((one) => one.length === want.length && timingSafeEqual(one, want)))
  return match ? undefined : 'no signature matches: another secret, or the body was changed on its way'
}
