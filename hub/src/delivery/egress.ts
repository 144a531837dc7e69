/**
 * Egress: which addresses deliveries may reach. Loopback, link-local, cloud metadata, unspecified, multicast and reserved addresses are closed;
 * operators open and close ranges, Git does not. Of the operator's ranges that hold an address the narrowest counts, and it counts more than
 * what is closed by itself; but what opens a whole network opens no metadata address in it, those have to be named. What is judged is the address that is connected to, asked at every connect, so that a name
 * which changes its address between two looks gains nothing; of IPv6 addresses that carry an IPv4 address both have to be open.
 */
import dns from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { carriedIPv4 } from './carried-ipv4.ts'

/** Said by a connect that was refused here. */
export class EgressError extends Error {
  override readonly name = 'EgressError'
}

export interface Egress {
  /** Why this address may not be reached; nothing when it may. */
  refusal(address: string): string | undefined
  /** Like `dns.lookup`, without the addresses that may not be reached; fails with `EgressError` when none is left. */
  readonly lookup: LookupFunction
}

export type Resolve = (
  hostname: string,
  options: dns.LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void,
) => void

export interface EgressOptions {
  /** Ranges that the operator closed. To let deliveries reach nothing else than `allow`: `0.0.0.0/0` and `::/0`. @default none */
  readonly deny?: readonly string[]
  readonly resolve?: Resolve
}

interface Closed {
  readonly what: string
  /** Opened only by a range that is not wider. */
  readonly named?: true
  readonly cidrs: readonly string[]
}

const closed: readonly Closed[] = [
  {
    what: 'a cloud metadata address',
    named: true,
    cidrs: [
      '169.254.169.254/32',
      '169.254.170.2/32',
      '169.254.170.23/32',
      '100.100.100.200/32',
      '168.63.129.16/32',
      '192.0.0.192/32',
      'fd00:ec2::/32',
      'fd20:ce::254/128',
    ],
  },
  { what: 'a loopback address', cidrs: ['127.0.0.0/8', '::1/128'] },
  { what: 'a link-local address', cidrs: ['169.254.0.0/16', 'fe80::/10', 'fec0::/10'] },
  { what: 'an unspecified address', cidrs: ['0.0.0.0/8', '::/128'] },
  { what: 'a multicast address', cidrs: ['224.0.0.0/4', 'ff00::/8'] },
  { what: 'a reserved address', cidrs: ['240.0.0.0/4'] },
]

interface Range {
  readonly list: BlockList
  readonly family: 'ipv4' | 'ipv6'
  /** The higher one decides. */
  readonly rank: number
  /** Why an address in it may not be reached; absent = it may. */
  readonly closed?: string
}

/** `allow`: ranges that the operator opened, `127.0.0.0/8`. Throws when a range is none. */
export function createEgress(allow: readonly string[], { deny = [], resolve = dns.lookup }: EgressOptions = {}): Egress {
  // of two of one rank the first counts
  const ranges: readonly Range[] = [
    ...deny.map((cidr) => rangeOf(cidr, `is in ${cidr}, which the operator closed with --deny-egress`)),
    ...allow.map((cidr) => rangeOf(cidr)),
    ...closed.flatMap(({ what, named, cidrs }) =>
      cidrs.map((cidr) => {
        const range = rangeOf(cidr, `is ${what}; an operator opens it with --allow-egress ${cidr}`)
        return named ? range : { ...range, rank: -1 }
      }),
    ),
  ].sort((a, b) => b.rank - a.rank)
  const refusal = (address: string): string | undefined => {
    for (const form of [...carriedIPv4(address), address]) {
      const why = ranges.find((range) => holds(range, form))?.closed
      if (why !== undefined) return `${address} ${form === address ? '' : `carries ${form}, which `}${why}`
    }
    return undefined
  }
  return { refusal, lookup: guardedLookup(refusal, resolve) }
}

function guardedLookup(refusal: Egress['refusal'], resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0)
      const allowed = addresses.filter(({ address }) => refusal(address) === undefined)
      const [first] = allowed
      if (first === undefined) {
        const why = addresses.map(({ address }) => refusal(address)).join(', ') || 'it has no address'
        return callback(new EgressError(`${hostname} may not be reached: ${why}`), '', 0)
      }
      if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

/** An address alone is a range of one. */
function rangeOf(cidr: string, why?: string): Range {
  const [address = '', prefix, ...more] = cidr.split('/')
  const version = isIP(address)
  const most = version === 4 ? 32 : 128
  const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (version === 0 || more.length > 0 || !(bits <= most))
    throw new Error(`expected a range like 10.0.0.0/8, got ${JSON.stringify(cidr)}`)
  const list = new BlockList()
  const family = version === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(address, bits, family)
  return { list, family, rank: bits, ...(why !== undefined && { closed: why }) }
}

/** Only addresses of the range's own family: what an IPv6 address carries is judged by itself. */
const holds = ({ list, family }: Range, address: string): boolean =>
  (isIP(address) === 4) === (family === 'ipv4') && list.check(address, family)
