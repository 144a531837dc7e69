/**
 * Lines of a byte stream, ended by 0x0A and nothing else: a raw U+2028 is data, and no character is decoded before it is whole.
 * What follows the last newline was cut off and is dropped: whoever reads here resumes from before it.
 */
import { inflatedBytes } from '@watch-hub/shared/protocol/limits'

export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
  constructor(maxBytes: number) {
    super(`expected lines of at most ${maxBytes} bytes, got a longer one`)
  }
}

const newline = 0x0a

/** Throws `LineTooLong` above `maxBytes`. Each byte is copied at most once, however finely the stream is cut. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maxBytes: number = inflatedBytes): AsyncGenerator<string, void> {
  let held: Buffer[] = []
  let heldBytes = 0
  for await (const chunk of chunks) {
    let from = 0
    while (from < chunk.length) {
      const end = chunk.indexOf(newline, from)
      const part = chunk.subarray(from, end === -1 ? chunk.length : end)
      heldBytes += part.length
      if (heldBytes > maxBytes) throw new LineTooLong(maxBytes)
      held.push(part)
      if (end === -1) break
      yield (held.length === 1 ? part : Buffer.concat(held, heldBytes)).toString()
      held = []
      heldBytes = 0
      from = end + 1
    }
  }
}
