/**
 * The body of a list, taken apart as it arrives: each element of the top-level `items` becomes a text of its own as soon as it is whole, and
 * what is around them is kept for the end. So a list needs the memory of its largest object, whatever the size of its pages.
 * Only brackets and quotes are looked at; whether a text is JSON is found out by whoever parses it.
 */
import { inflatedBytes } from '@watch-hub/shared/protocol/limits'

export interface ListBody {
  /** The elements that `chunk` completes. Throws when one of them, or the rest, is longer than it may be. */
  push(chunk: Buffer): readonly string[]
  /** The list without its elements, `"items":[]`. Throws when it is not whole. */
  end(): string
}

const [quote, backslash, open, close, openList, closeList, comma, space = 0] = Buffer.from('"\\{}[], ')
/** What may stand between two items, or begin one. */
const itemSyntax = [comma, open, closeList]
/** Of what is around the elements. */
const maxRestBytes = 1024 * 1024
/** Depth inside the list of items, and inside one of them. */
const betweenItems = 2
const inItem = 3

export function listBody(maxItemBytes: number = inflatedBytes): ListBody {
  const rest = bytesUpTo(maxRestBytes, 'around the items of a list')
  const item = bytesUpTo(maxItemBytes, 'in an item of a list')
  const strings = stringSkipper()
  let depth = 0
  let inItems = false
  /** The last string at depth 1: the name of what a bracket opens there. */
  let name = ''

  /** A string that begins at `at`, or goes on there; the position after it. */
  const passString = (chunk: Buffer, at: number): number => {
    const end = strings.skip(chunk, at)
    if (depth === 1) name += chunk.toString('latin1', at, strings.inside ? end : end - 1)
    return end
  }

  return {
    push: (chunk) => {
      const items: string[] = []
      /** Everything before it was handed on. */
      let from = 0
      let at = strings.inside ? passString(chunk, 0) : 0
      while (at < chunk.length) {
        const byte = chunk[at++] ?? 0
        if (inItems && depth === betweenItems && byte > space && !itemSyntax.includes(byte))
          throw new Error('expected objects as the items of a list, got something else')
        if (byte === quote) {
          if (depth === 1) name = ''
          at = passString(chunk, at)
        } else if (byte === open || byte === openList) {
          depth++
          if (inItems && depth === inItem) from = at - 1
          if (depth === betweenItems && byte === openList && name === 'items') {
            inItems = true
            rest.add(chunk.subarray(from, at))
          }
        } else if (byte === close || byte === closeList) {
          depth--
          if (inItems && depth === betweenItems) {
            item.add(chunk.subarray(from, at))
            items.push(item.take())
          }
          if (inItems && depth < betweenItems) {
            inItems = false
            from = at - 1
          }
        }
      }
      if (!inItems) rest.add(chunk.subarray(from))
      else if (depth >= inItem) item.add(chunk.subarray(from))
      return items
    },
    end: () => {
      if (depth !== 0 || name === '') throw new Error('expected a whole list, got the beginning of one')
      return rest.take()
    },
  }
}

/** Skips strings, which may be cut anywhere, after a backslash too. */
function stringSkipper() {
  let escaped = false
  return {
    /** The last string is not yet closed. */
    inside: false,
    /** From after the opening quote, or from the beginning of the next chunk; the position after the closing quote, or the chunk's end. */
    skip(chunk: Buffer, begin: number): number {
      this.inside = true
      for (let at = begin; at < chunk.length; at++) {
        const byte = chunk[at]
        if (escaped) escaped = false
        else if (byte === backslash) escaped = true
        else if (byte === quote) {
          this.inside = false
          return at + 1
        }
      }
      return chunk.length
    },
  }
}

function bytesUpTo(max: number, where: string) {
  let parts: Buffer[] = []
  let bytes = 0
  return {
    add: (part: Buffer) => {
      bytes += part.length
      if (bytes > max) throw new Error(`expected at most ${max} bytes ${where}, got more`)
      parts.push(part)
    },
    take: (): string => {
      const [first = Buffer.alloc(0)] = parts
      const text = (parts.length > 1 ? Buffer.concat(parts, bytes) : first).toString()
      parts = []
      bytes = 0
      return text
    },
  }
}
