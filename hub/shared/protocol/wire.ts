/** Binary messages of the link: one kind byte, then zstd. Text messages are JSON. */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { DecodeError } from './decode.ts'
import { inflatedBytes } from './limits.ts'

export type BinaryKind = 'frame' | 'index'

const codes: Readonly<Record<BinaryKind, number>> = { frame: 1, index: 2 }
const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Level 1: on Kubernetes objects higher levels cost more time than they save bytes. */
const compressOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export async function pack(kind: BinaryKind, text: string): Promise<Uint8Array> {
  const body = await compress(Buffer.from(text, 'utf8'), compressOptions)
  return Buffer.concat([Buffer.from([codes[kind]]), body])
}

/** Throws DecodeError for a wrong kind, for bytes that are not zstd and for more than `inflatedBytes`. */
export async function unpack(kind: BinaryKind, bytes: Uint8Array): Promise<string> {
  if (bytes[0] !== codes[kind]) throw new DecodeError(`binary message: expected kind ${codes[kind]} (${kind}), got ${bytes[0]}`)
  try {
    return (await decompress(bytes.subarray(1), { maxOutputLength: inflatedBytes })).toString('utf8')
  } catch (cause) {
    throw new DecodeError(`binary message: expected zstd of at most ${inflatedBytes} bytes`, { cause })
  }
}
