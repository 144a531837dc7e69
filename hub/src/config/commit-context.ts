/** The trace of a commit: its ids follow from the commit, so that whoever knows the commit finds the trace. */
import { createHash } from 'node:crypto'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Of the root of a commit's trace. What is no commit id (a plain folder's is not) has a trace id made of its hash. */
export function commitContext(commit: string): { readonly traceId: string; readonly spanId: string } {
  const isId = /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit) && !commit.startsWith('0'.repeat(32))
  return { traceId: (isId ? commit : sha256(commit)).slice(0, 32), spanId: sha256(`commit ${commit}`).slice(0, 16) }
}
