/** IPv6 addresses by which an IPv4 address is reached: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP. */
import { BlockList, isIP } from 'node:net'

interface Carrier {
  readonly list: BlockList
  /** The IPv4 addresses in it, given its 16 bytes. */
  readonly read: (bytes: Uint8Array) => readonly string[]
}

const at =
  (...places: readonly number[]) =>
  (bytes: Uint8Array) =>
    places.map((place) => bytes[place] ?? 0).join('.')
const last = at(12, 13, 14, 15)

const carriers: readonly Carrier[] = [
  { list: within('::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96'), read: (bytes) => [last(bytes)] },
  { list: within('64:ff9b:1::/48'), read: localNat64 },
  { list: within('2002::/16'), read: (bytes) => [at(2, 3, 4, 5)(bytes)] },
  // the server, and the client with its bits turned
  { list: within('2001::/32'), read: (bytes) => [at(4, 5, 6, 7)(bytes), last(bytes.map((byte) => byte ^ 0xff))] },
]

export function carriedIPv4(address: string): readonly string[] {
  if (isIP(address) !== 6) return []
  const bytes = bytesOf(address)
  if (bytes.subarray(0, 15).every((byte) => byte === 0) && (bytes[15] ?? 0) < 2) return [] // `::` and `::1` are what they are
  const found = carriers.filter(({ list }) => list.check(unscoped(address), 'ipv6')).flatMap(({ read }) => read(bytes))
  return isIsatap(bytes) ? [...found, last(bytes)] : found
}

/** RFC 8215 leaves to networks how long the prefix is, and RFC 6052 where the address is then: all that it may be counts. */
function localNat64(bytes: Uint8Array): readonly string[] {
  const zeros = bytes.subarray(13).every((byte) => byte === 0)
  return zeros ? [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12)].map((read) => read(bytes)) : [last(bytes)]
}

/** RFC 5214: any network, then `[02]00:5efe` and the address. */
const isIsatap = (bytes: Uint8Array): boolean =>
  ((bytes[8] ?? 0) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe

function within(...cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    list.addSubnet(address, Number(bits), 'ipv6')
  }
  return list
}

const unscoped = (address: string): string => address.replace(/%.*$/, '')

function bytesOf(address: string): Uint8Array {
  const canonical = new URL(`http://[${unscoped(address)}]`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0)
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]))
}

const groupsOf = (text: string): readonly number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
