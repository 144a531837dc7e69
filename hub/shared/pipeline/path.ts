/**
 * Paths into an object, as people write them in `fields`: `spec.ports[*].nodePort`, `metadata.annotations['example.com/noise']`, `status["x"]`,
 * `spec.rules[0]`. `[*]` is every element of a list and every value of an object. A name with other characters than letters, digits, `_` and `-`
 * is quoted, so that a forgotten quote around `example.com/noise` is an error and no path that never matches.
 */
export type Segment =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'every' }
export type Path = readonly Segment[]

export class PathError extends Error {
  override readonly name = 'PathError'
  /** Position in the text, from 0. */
  readonly offset: number
  constructor(expected: string, text: string, offset: number) {
    const got = offset < text.length ? `'${text.slice(offset, offset + 20)}'` : 'the end'
    super(`expected ${expected} at offset ${offset} of '${text}', got ${got}`)
    this.offset = offset
  }
}

const plainName = /[A-Za-z0-9_$-]+/y
const digits = /[0-9]{1,9}(?=\])/y

/** Throws PathError. */
export function parsePath(text: string): Path {
  const segments: Segment[] = []
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  while (at < text.length || segments.length === 0) {
    if (text[at] === '[') segments.push(bracketed())
    else segments.push(named())
  }
  return segments

  function named(): Segment {
    if (segments.length > 0) {
      if (text[at] !== '.') throw new PathError("'.', '[' or the end (quote names with other characters: ['a/b'])", text, at)
      at++
    }
    const name = take(plainName)
    if (name === undefined) throw new PathError(segments.length === 0 ? "a field name or '['" : 'a field name', text, at)
    return { kind: 'field', name }
  }

  function bracketed(): Segment {
    at++
    const segment = inBrackets()
    if (text[at] !== ']') throw new PathError("']'", text, at)
    at++
    return segment
  }

  function inBrackets(): Segment {
    const quote = text[at]
    if (quote === '*') {
      at++
      return { kind: 'every' }
    }
    if (quote === "'" || quote === '"') return { kind: 'field', name: quoted(quote) }
    const index = take(digits)
    if (index === undefined) throw new PathError("a quoted name, a number or '*'", text, at)
    return { kind: 'index', index: Number(index) }
  }

  /** A backslash makes the next character plain. */
  function quoted(quote: string): string {
    let name = ''
    for (at++; at < text.length; at++) {
      if (text[at] === quote) {
        at++
        if (name === '') throw new PathError('a name between the quotes', text, at - 1)
        return name
      }
      if (text[at] === '\\') at++
      name += text[at] ?? ''
    }
    throw new PathError(`a closing ${quote}`, text, text.length)
  }
}
