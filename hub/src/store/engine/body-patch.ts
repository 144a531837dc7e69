/**
 * The merge patch between two bodies, where there is one that is worth it. Pure, and never an error: bodies are the agents' bytes, of which
 * only their being closed was checked.
 */
import { mergePatch } from '@watch-hub/shared/pipeline/merge-patch'

/** Characters of a body; a larger one is told whole, so that no append waits long for it. */
export const maxPatchedBody = 1024 * 1024

/**
 * Undefined where a merge patch cannot say it exactly, or is not smaller than `after`. Exactly means: for every reader. A body that JavaScript
 * would write otherwise (a number beyond its precision, a key that stands twice) can mean something else elsewhere, so it gets none.
 */
export function bodyPatch(before: string, after: string): string | undefined {
  if (Math.max(before.length, after.length) > maxPatchedBody) return undefined
  try {
    const patch = mergePatch(read(before), read(after))
    const text = patch === undefined ? undefined : JSON.stringify(patch)
    return text !== undefined && text.length < after.length ? text : undefined
  } catch (error) {
    // No JSON, or nested deeper than the stack: it is told whole.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

function read(body: string): unknown {
  const value: unknown = JSON.parse(body)
  if (JSON.stringify(value) !== body) throw new SyntaxError('expected a body as JavaScript writes it')
  return value
}
