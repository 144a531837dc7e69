/**
 * Reads the wire form of Protocol Buffers, https://protobuf.dev/programming-guides/encoding/: a message becomes the values of each field
 * number, in order. What they mean is for whoever knows the schema. Throws on bytes that are no message.
 */

/** A varint or a fixed number, as bits; or the bytes of a text, a message, a packed list. */
type Value = bigint | Uint8Array
export type Fields = ReadonlyMap<number, readonly Value[]>

const varint = 0
const fixed64 = 1
const bytes = 2
const fixed32 = 5

export function readMessage(message: Uint8Array): Fields {
  const fields = new Map<number, Value[]>()
  const view = viewOf(message)
  let at = 0
  const readVarint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = view.getUint8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new Error(`expected a varint of at most 10 bytes before byte ${at}`)
  }
  const readBytes = (length: number): Uint8Array => {
    if (at + length > message.length) throw new Error(`expected ${length} bytes at ${at}, got ${message.length - at}`)
    at += length
    return message.subarray(at - length, at)
  }
  const readValue = (type: number): Value => {
    if (type === varint) return readVarint()
    if (type === bytes) return readBytes(Number(readVarint()))
    if (type === fixed64) return viewOf(readBytes(8)).getBigUint64(0, true)
    if (type === fixed32) return BigInt(viewOf(readBytes(4)).getUint32(0, true))
    throw new Error(`expected the wire type 0, 1, 2 or 5 before byte ${at}, got ${type}`)
  }
  while (at < message.length) {
    const tag = Number(readVarint())
    const number = tag >>> 3
    const values = fields.get(number) ?? []
    values.push(readValue(tag & 7))
    fields.set(number, values)
  }
  return fields
}

/** Packed or not: eight bytes each. */
export const fixed64sOf = (fields: Fields, number: number): readonly bigint[] =>
  (fields.get(number) ?? []).flatMap((value) => {
    if (typeof value === 'bigint') return [value]
    const view = viewOf(value)
    return Array.from({ length: value.length / 8 }, (_, i) => view.getBigUint64(i * 8, true))
  })

/** Of a number that is absent: 0, as the wire form wants it. */
export const bitsOf = (fields: Fields, number: number): bigint => {
  const value = fields.get(number)?.at(-1)
  return typeof value === 'bigint' ? value : 0n
}

export const doubleOf = (bits: bigint): number => {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

export const bytesOf = (fields: Fields, number: number): Uint8Array => {
  const value = fields.get(number)?.at(-1)
  return value instanceof Uint8Array ? value : new Uint8Array()
}

export const textOf = (fields: Fields, number: number): string => Buffer.from(bytesOf(fields, number)).toString('utf8')
export const hexOf = (fields: Fields, number: number): string => Buffer.from(bytesOf(fields, number)).toString('hex')

export const messagesOf = (fields: Fields, number: number): readonly Fields[] =>
  (fields.get(number) ?? []).flatMap((value) => (value instanceof Uint8Array ? [readMessage(value)] : []))

export const messageOf = (fields: Fields, number: number): Fields => messagesOf(fields, number).at(-1) ?? new Map()

const viewOf = (of: Uint8Array): DataView => new DataView(of.buffer, of.byteOffset, of.byteLength)
