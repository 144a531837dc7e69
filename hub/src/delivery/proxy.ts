/**
 * The egress proxy: through which proxy deliveries leave, and which receivers are reached without it. Operators set it for the whole hub, never
 * Git. How a connection is made through it is the connections' business.
 */
import { BlockList, isIP } from 'node:net'

export interface ProxySettings {
  /** `http://proxy.example:3128`, with `user:password@` where it asks for them; https is spoken to the proxy itself where the url says so. */
  readonly url: string
  /**
   * Receivers that are reached without it: `*`, `example.com` (and whatever is below), `.example.com` (only below), `example.com:8443`, an
   * address, a range of addresses. Ranges are compared with addresses in URLs only: names are not looked up for it.
   */
  readonly noProxy: readonly string[]
}

export interface EgressProxy {
  /** Without credentials: may be shown. */
  readonly url: URL
  /** `proxy-authorization`. */
  readonly authorization?: string
  /** This receiver is reached through it. */
  serves(receiver: URL): boolean
}

/** The failure of a proxy is the hub's own trouble: nothing is charged to the endpoint. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
}

/** Throws when a setting says something that cannot be followed, without telling the credentials. */
export function createProxy({ url: text, noProxy }: ProxySettings): EgressProxy {
  const given = URL.parse(text)
  if (given === null || !/^https?:$/.test(given.protocol) || given.pathname !== '/' || given.search !== '')
    throw new Error('expected the egress proxy as an http or https url like http://proxy.example:3128')
  const { username, password } = given
  const url = new URL(given.origin)
  const exceptions = noProxy.map((each) => each.trim()).flatMap((each) => (each === '' ? [] : exception(each)))
  const serves = (receiver: URL) => !exceptions.some((applies) => applies(receiver))
  if (username === '' && password === '') return { url, serves }
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { url, serves, authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

type Exception = (receiver: URL) => boolean

function exception(text: string): Exception {
  if (text === '*') return () => true
  const range = /^(?<address>[\da-f.:]+)\/(?<bits>\d{1,3})$/i.exec(text)?.groups
  if (range !== undefined) return inRange(text, range.address ?? '', Number(range.bits))
  const host = isIP(text) === 6 ? `[${text}]` : text.replace(/^\*(?=\.)/, '')
  const url = URL.parse(`http://${host.replace(/^\./, '')}`)
  if (url === null || url.hostname === '' || /[/@?#]/.test(host))
    throw new Error(`expected a host, host:port, address or range to reach without the proxy, got ${JSON.stringify(text)}`)
  const port = /:(?<port>\d+)$/.exec(host.replace(/^\[.*\]/, ''))?.groups?.port
  const name = bare(url)
  const below = isIP(name) === 0 ? `.${name}` : undefined
  return (receiver) => {
    if (port !== undefined && portOf(receiver) !== port) return false
    const wanted = bare(receiver)
    return (wanted === name && !host.startsWith('.')) || (below !== undefined && wanted.endsWith(below))
  }
}

function inRange(text: string, address: string, bits: number): Exception {
  const family = isIP(address)
  if (family === 0 || bits > (family === 4 ? 32 : 128))
    throw new Error(`expected a range like 10.0.0.0/8 to reach without the proxy, got ${JSON.stringify(text)}`)
  const list = new BlockList()
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  return (receiver) => {
    const host = bare(receiver)
    return isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')
  }
}

/** The host of a URL without brackets and without the dot that ends a full name. */
export const bare = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')

/** Also where the URL leaves it to the protocol. */
export const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80')
