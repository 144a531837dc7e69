/** The certificates of a target, looked at before anything is sent. What is wrong is said without a byte of the key. */
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** PEM. */
export interface TlsMaterial {
  /** Authorities that are trusted besides the system's. */
  readonly ca?: string
  /** Shown to receivers that ask for one; comes with its key. */
  readonly cert?: string
  readonly key?: string
}

export function tlsProblem({ ca, cert, key }: TlsMaterial): string | undefined {
  const unreadable =
    (ca !== undefined && !areCertificates(ca) && 'tls.ca') || (cert !== undefined && !areCertificates(cert) && 'tls.certificate')
  if (unreadable) return `expected certificates as PEM in the secret of ${unreadable}, got something else`
  if (cert === undefined || key === undefined) return undefined
  try {
    createSecureContext({ cert, key })
    return undefined
  } catch (error) {
    return `the secrets of tls.certificate and tls.key are no pair, or the key is no PEM without a passphrase (${codeOf(error)})`
  }
}

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function areCertificates(pem: string): boolean {
  const blocks = pem.match(block) ?? []
  try {
    for (const one of blocks) new X509Certificate(one)
    return blocks.length > 0
  } catch {
    return false
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unreadable')
