/** Texts of the command line, read: each gives the value or says what was expected. */
import { isIP } from 'node:net'
import { parseDuration, parseSize } from '../config/units.ts'
import type { ListenAddress } from '../settings.ts'
import { UsageError } from './flags.ts'

export const text = (value: string): string => value

/** Milliseconds. */
export function duration(value: string): number {
  const days = /^(\d{1,6})d$/.exec(value)?.[1]
  const ms = days === undefined ? parseDuration(value) : Number(days) * 86_400_000
  if (ms === undefined) throw new UsageError(`expected a duration such as 30s, 15m, 12h or 30d, got "${value}"`)
  return ms
}

/** Bytes. */
export function size(value: string): number {
  const bytes = parseSize(value)
  if (bytes === undefined) throw new UsageError(`expected a size such as 512Mi or 4Gi, got "${value}"`)
  return bytes
}

/** `10%` or `20Gi`. */
export function shareOrSize(value: string): { readonly share: number } | { readonly bytes: number } {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(value)?.[1]
  if (percent !== undefined && Number(percent) <= 100) return { share: Number(percent) / 100 }
  const bytes = parseSize(value)
  if (bytes === undefined) throw new UsageError(`expected a share such as 10% or a size such as 20Gi, got "${value}"`)
  return { bytes }
}

export const whole =
  (min: number, max: number) =>
  (value: string): number => {
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= min && number <= max)) throw new UsageError(`expected a whole number, ${min}–${max}, got "${value}"`)
    return number
  }

export const port = whole(0, 65_535)

/** 0 to 1. */
export function share(value: string): number {
  const number = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= 0 && number <= 1)) throw new UsageError(`expected a number between 0 and 1, got "${value}"`)
  return number
}

export const oneOf =
  <const T extends string>(...choices: readonly T[]) =>
  (value: string): T => {
    const found = choices.find((choice) => choice === value)
    if (found === undefined) throw new UsageError(`expected ${choices.join(', ')}, got "${value}"`)
    return found
  }

/** `:8080`, `127.0.0.1:8080`, `[::1]:8080`, `hub.local:8080` */
export function listenAddress(value: string): ListenAddress {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(value) ?? []
  const host = bracketed ?? plain
  const number = Number(digits)
  if (host === undefined || number > 65_535)
    throw new UsageError(`expected [HOST]:PORT such as :8080 or 127.0.0.1:8080, got "${value}"`)
  return host === '' ? { port: number } : { host, port: number }
}

/** http or https, without credentials. */
export function httpUrl(value: string): string {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError(`expected an http or https URL, got "${value}"`)
  if (url.username !== '' || url.password !== '') throw new UsageError('expected a URL without user and password')
  return value
}

/** http or https, maybe with user and password: never repeated in what is said about it. */
export function proxyUrl(value: string): string {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new UsageError('expected the http or https URL of a proxy, such as http://proxy.example:3128')
  return value
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. */
export function addressRange(value: string): string {
  const [address = '', bits, ...rest] = value.split('/')
  const family = isIP(address)
  const most = family === 4 ? 32 : 128
  const inRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
  if (family === 0 || !inRange || rest.length > 0)
    throw new UsageError(`expected a range of addresses such as 10.0.0.0/8 or fd00::/8, got "${value}"`)
  return value
}
