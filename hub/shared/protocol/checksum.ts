/**
 * Checksum of a stream: one number over all that an index holds, the same on both sides exactly when agent and hub hold the same objects with
 * the same content and the same watches. It is a sum, so it follows every change by itself and does not depend on the order.
 *
 * Of each object: the first 6 bytes of sha256 over `[uid, hash, matches]`, added modulo 2^48. It finds accidents, not forgeries.
 */
import { hash } from 'node:crypto'

export interface Summed {
  readonly uid: string
  /** Hash of the projected body. */
  readonly hash: string
  /** Names of the watches that match, sorted. */
  readonly matches: readonly string[]
}

/** Of a stream that holds nothing. */
export const emptyChecksum = 0

const modulus = 2 ** 48

/** What one object adds. */
export const objectSum = ({ uid, hash: body, matches }: Summed): number =>
  hash('sha256', JSON.stringify([uid, body, matches]), 'buffer').readUIntBE(0, 6)

/** Both below 2^48: the result is exact. */
export const plus = (checksum: number, sum: number): number => (checksum + sum) % modulus
export const minus = (checksum: number, sum: number): number => (checksum - sum + modulus) % modulus

export const checksumOf = (objects: Iterable<Summed>): number => {
  let checksum = emptyChecksum
  for (const each of objects) checksum = plus(checksum, objectSum(each))
  return checksum
}
