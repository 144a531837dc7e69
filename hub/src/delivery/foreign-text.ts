/** What receivers said: bounded, masked, and fit for people and terminals. */
import type { Answer } from './connections.ts'
import type { Mask } from './mask.ts'

/** How much of an answer is kept, in bytes. */
export const keptAnswerBytes = 16 * 1024
const shownText = 300

/** Its beginning; control characters are left in, for whoever shows it to deal with. */
export function keptAnswer({ body }: Pick<Answer, 'body'>, mask: Mask): string {
  const masked = mask(body.subarray(0, keptAnswerBytes).toString('utf8'))
  if (masked.length * 3 <= keptAnswerBytes) return masked
  const bytes = Buffer.from(masked, 'utf8')
  // a character that is cut through reads as U+FFFD
  return bytes.length <= keptAnswerBytes
    ? masked
    : bytes
        .subarray(0, keptAnswerBytes)
        .toString('utf8')
        .replace(/\ufffd$/, '')
}

/** The beginning of masked text, without control characters. */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > shownText ? `${line.slice(0, shownText)}…` : line
}
