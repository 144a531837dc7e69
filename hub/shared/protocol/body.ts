/**
 * Whether a raw body is closed in itself: one JSON object whose braces, brackets and strings end exactly at its end.
 * Bodies are spliced into payloads unparsed. Without this check an agent could send a body that ends its own item and begins another one,
 * in the name of another cluster. It is no proof of valid JSON: a body may break the payload it is in, it cannot leave its place in it.
 */
export function isClosedObject(text: string): boolean {
  if (text.charCodeAt(0) !== openBrace) return false
  const open: number[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      i = endOfString(text, i)
      if (i < 0) return false
    } else if (code === openBrace || code === openBracket) open.push(code + 2)
    else if (code === closeBrace || code === closeBracket) {
      if (open.pop() !== code) return false
      if (open.length === 0) return i === text.length - 1
    }
  }
  return false
}

const quote = 0x22
const backslash = 0x5c
/** Each closing sign is its opening one + 2. */
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** Position of the quote that ends the string which begins at `start`; -1 when none does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end
  }
  return -1
}
