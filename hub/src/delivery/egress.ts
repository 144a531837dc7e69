/**
 * Egress: which addresses deliveries may reach. Loopback, link-local, cloud metadata, unspecified, multicast and reserved addresses are
 * refused unless the operator opened their range. What counts is the address that is connected to, asked at every connect, so that a name
 * which changes its address between two looks gains nothing; forms of IPv6 that carry an IPv4 address are judged by that one too.
 */
import dns from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

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

interface Range {
  readonly what: string
  readonly cidrs: readonly string[]
}

const closed: readonly Range[] = [
  {
    what: 'a cloud metadata address',
    cidrs: [
      '169.254.169.254/32',
      '169.254.170.2/32',
      '100.100.100.200/32',
      '168.63.129.16/32',
      '192.0.0.192/32',
      'fd00:ec2::254/128',
      'fd20:ce::254/128',
    ],
  },
  { what: 'a loopback address', cidrs: ['127.0.0.0/8', '::1/128'] },
  { what: 'a link-local address', cidrs: ['169.254.0.0/16', 'fe80::/10', 'fec0::/10'] },
  { what: 'an unspecified address', cidrs: ['0.0.0.0/8', '::/128'] },
  { what: 'a multicast address', cidrs: ['224.0.0.0/4', 'ff00::/8'] },
  { what: 'a reserved address', cidrs: ['240.0.0.0/4'] },
]

/** `allow`: ranges that the operator opened, `127.0.0.0/8`. Throws when one is no CIDR. */
export function createEgress(allow: readonly string[], resolve: Resolve = dns.lookup): Egress {
  const open = blockList(allow)
  const ranges = closed.map(({ what, cidrs }) => ({ what, list: blockList(cidrs) }))
  const refusal = (address: string): string | undefined => {
    const forms = [address, ...carriedIPv4(address)]
    if (forms.some((form) => contains(open, form))) return undefined
    const hit = ranges.find(({ list }) => forms.some((form) => contains(list, form)))
    return hit && `${address} is ${hit.what}; an operator opens it with --allow-egress`
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

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', prefix = '', ...more] = cidr.split('/')
    const family = isIP(address)
    const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (family === 0 || more.length > 0 || !(bits <= (family === 4 ? 32 : 128)))
      throw new Error(`expected a range like 10.0.0.0/8, got ${JSON.stringify(cidr)}`)
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

const contains = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

/** Prefixes whose addresses carry an IPv4 address, and at which of the eight groups it begins. */
const carriers: readonly { readonly list: BlockList; readonly at: number }[] = [
  { list: blockList(['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48']), at: 6 },
  { list: blockList(['2002::/16']), at: 1 },
]

/** The IPv4 addresses within an IPv6 address: mapped, compatible, translated, NAT64, 6to4. */
function carriedIPv4(address: string): readonly string[] {
  if (isIP(address) !== 6) return []
  const groups = groupsOf(address)
  return carriers.flatMap(({ list, at }) => {
    const [high = 0, low = 0] = groups.slice(at, at + 2)
    return list.check(address, 'ipv6') ? [`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`] : []
  })
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const canonical = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const before = numbersOf(head)
  if (tail === undefined) return before
  const after = numbersOf(tail)
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

const numbersOf = (text: string): readonly number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
