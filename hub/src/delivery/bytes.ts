/**
 * Text to bytes: the pieces of a request become one piece of memory, without becoming one text first. A request is a few hundred pieces that
 * were never flat, and flattening them costs several times what encoding them does; with many endpoints that is most of what rendering costs.
 */

/** Written over by each call, and never seen by anyone else. */
const scratch = Buffer.allocUnsafeSlow(4 * 1024 * 1024)
/** What a UTF-16 unit needs at most in UTF-8. */
const mostPerUnit = 3

/** UTF-8 of the pieces, one behind the other. A half of a surrogate pair at an end of a piece is not mended by the next one. */
export function utf8(pieces: readonly string[]): Buffer {
  let at = 0
  for (const piece of pieces) {
    if (at + piece.length * mostPerUnit > scratch.length) return Buffer.from(pieces.join(''))
    at += scratch.write(piece, at)
  }
  return Buffer.from(scratch.subarray(0, at))
}
