/** Certificates for loopback, made on the spot: no key lies in the repository and no tool has to be installed. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

export interface Certificate {
  /** PEM */
  readonly cert: string
  /** PEM, PKCS #8. */
  readonly key: string
  readonly commonName: string
}

export interface CertificateOptions {
  /** @default localhost */
  readonly commonName?: string
  /** Names and IPv4 addresses that it is for. @default localhost, 127.0.0.1 */
  readonly hosts?: readonly string[]
  /** ms since 1970. @default from an hour ago, for a day */
  readonly valid?: { readonly from: number; readonly to: number }
  /** Who signs it. @default itself: it is its own authority */
  readonly issuer?: Certificate
}

export const selfSignedCertificate = (commonName = 'localhost'): Certificate => certificate({ commonName })

const hour = 3_600_000

/** X.509 v3, ECDSA on P-256. */
export function certificate(options: CertificateOptions = {}): Certificate {
  const now = Date.now()
  const { commonName = 'localhost', hosts = ['localhost', '127.0.0.1'], issuer } = options
  const { from, to } = options.valid ?? { from: now - hour, to: now + 24 * hour }
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    named(issuer?.commonName ?? commonName),
    sequence(time(from), time(to)),
    named(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...(issuer === undefined ? [authority] : []), subjectAltNames(hosts))),
  )
  const signature = sign('sha256', toBeSigned, issuer?.key ?? key)
  const der = sequence(toBeSigned, ecdsaWithSha256, tlv(0x03, Buffer.from([0]), signature))
  return { cert: pem(der), key, commonName }
}

const pem = (der: Buffer): string => {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** DER: tag, length, value. */
function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts)
  const size =
    value.length < 0x80
      ? [value.length]
      : value.length < 0x100
        ? [0x81, value.length]
        : [0x82, value.length >> 8, value.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), value])
}

const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, ...parts)
const set = (...parts: readonly Buffer[]): Buffer => tlv(0x31, ...parts)
const integer = (value: Buffer): Buffer => tlv(0x02, value)
const oid = (...bytes: readonly number[]): Buffer => tlv(0x06, Buffer.from(bytes))

/** UTCTime, `YYMMDDHHMMSSZ`. */
const time = (ms: number): Buffer =>
  tlv(0x17, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`))

const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
const yes = tlv(0x01, Buffer.from([0xff]))
const authority = sequence(oid(0x55, 0x1d, 0x13), yes, tlv(0x04, sequence(yes)))
const named = (commonName: string): Buffer => sequence(set(sequence(oid(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from(commonName)))))
const subjectAltNames = (hosts: readonly string[]): Buffer =>
  sequence(oid(0x55, 0x1d, 0x11), tlv(0x04, sequence(...hosts.map(subjectAltName))))
const subjectAltName = (host: string): Buffer =>
  isIPv4(host) ? tlv(0x87, Buffer.from(host.split('.').map(Number))) : tlv(0x82, Buffer.from(host))
