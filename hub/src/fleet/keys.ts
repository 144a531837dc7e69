/** Checks of what an agent proves: its Ed25519 signatures, and one-time tokens, which the hub keeps only as hashes. */
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'

/** Base64 SPKI of an Ed25519 public key, 44 bytes. Anything else proves nothing. */
export function verifySignature(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ed25519' && verify(null, bytes, key, Buffer.from(signature, 'base64'))
  } catch {
    return false // not a key, or not a signature: both are a "no" to the one who sent it
  }
}

/** 256 random bits; cannot be guessed, so its plain SHA-256 is safe to store. */
export const newToken = (): string => `whj_${randomBytes(32).toString('base64url')}`
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex')
export const newNonce = (): string => randomBytes(24).toString('base64url')
