/**
 * Failure lists: `{"failures":[{"id":"<event id>","message":"…","retry":true}]}` in a 2xx accepts all events but the named ones.
 *
 * One that cannot be read accepts nothing: which events were taken is not known, and to send one twice is better than to lose it.
 */
import { isRecord } from '@watch-hub/shared/protocol/decode'
import type { Answer } from './connections.ts'
import { keptAnswerBytes, oneLine } from './foreign-text.ts'
import type { Mask } from './mask.ts'
import type { NamedFailure } from './send.ts'

export interface Unreadable {
  readonly problem: string
}

export const isUnreadable = (failures: readonly NamedFailure[] | Unreadable): failures is Unreadable => 'problem' in failures

/** Of an answer that may be such a list; of others no more is read than is kept. */
const longestList = 1024 * 1024

/** `Exchange.readUpTo` */
export const answerBytes = (status: number, beginning: Buffer): number =>
  status >= 200 && status < 300 && opensObject(beginning) ? longestList : keptAnswerBytes

function opensObject(bytes: Buffer): boolean {
  let at = 0
  while (at < bytes.length && isSpace(bytes[at])) at++
  return bytes[at] === 0x7b
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Other JSON, and what is none, names nothing. */
export function namedFailures({ body, cut }: Pick<Answer, 'body' | 'cut'>, mask: Mask): readonly NamedFailure[] | Unreadable {
  if (!opensObject(body)) return []
  const text = body.toString('utf8')
  if (!text.includes('"failures"')) return []
  if (cut) return { problem: `expected at most ${longestList} bytes, got more` }
  const answer = parsed(text)
  if (answer === undefined) return { problem: 'expected JSON, got something else' }
  if (!Array.isArray(answer.failures)) return []
  const failures: NamedFailure[] = []
  for (const each of answer.failures) {
    const failure = named(each, mask)
    if (failure === undefined)
      return { problem: `expected {"id":"<event id>","message":"…","retry":true}, got ${oneLine(mask(JSON.stringify(each)))}` }
    failures.push(failure)
  }
  return failures
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined // said by the caller
  }
}

function named(failure: unknown, mask: Mask): NamedFailure | undefined {
  if (!isRecord(failure) || typeof failure.id !== 'string') return undefined
  const { id, message = '', retry = true } = failure
  return { id, message: oneLine(mask(typeof message === 'string' ? message : JSON.stringify(message))), retry: retry !== false }
}
