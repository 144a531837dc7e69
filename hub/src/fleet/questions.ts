/**
 * Questions about objects that one connected agent was asked and has not answered yet: a few at a time, each with a deadline. The end of the
 * connection answers all of them. Nothing of it rejects: why there is no answer is an answer, in words for people.
 */
import type { Explanation, Question } from '@watch-hub/shared/protocol/explain'
import { questionsInFlight } from '@watch-hub/shared/protocol/limits'
import type { DownMessage, UpMessage } from '@watch-hub/shared/protocol/messages'
import { deadline } from '@watch-hub/shared/runtime/sleep'

export type AgentAnswer =
  | { readonly kind: 'answered'; readonly explanation: Explanation }
  /** The agent could not be asked, or did not say anything in time. */
  | { readonly kind: 'silent'; readonly why: string }

export interface Questions {
  ask(question: Question): Promise<AgentAnswer>
  /** An answer to a question that nobody waits for any more is nothing. */
  answered(answer: Extract<UpMessage, { readonly type: 'explanation' }>): void
  /** The agent went away; whoever asks from now on hears that at once. */
  close(): void
}

export interface QuestionSettings {
  /** @default 10 000 */
  readonly answerMs?: number
}

const gone: AgentAnswer = { kind: 'silent', why: 'the agent went away' }

/** `tell` may reject: then the connection is about to end. */
export function openQuestions(
  tell: (message: DownMessage) => Promise<void>,
  { answerMs = 10_000 }: QuestionSettings = {},
): Questions {
  const open = new Map<number, (answer: AgentAnswer) => void>()
  let last = 0
  let closed = false

  return {
    ask: async (question) => {
      if (closed) return gone
      if (open.size >= questionsInFlight)
        return { kind: 'silent', why: `the agent has ${open.size} questions to answer already: ask again in a moment` }
      const request = ++last
      const { promise, resolve } = Promise.withResolvers<AgentAnswer>()
      open.set(request, resolve)
      using limit = deadline(answerMs)
      const late = `the agent is connected and did not answer within ${answerMs / 1_000}s`
      limit.signal.addEventListener('abort', () => resolve({ kind: 'silent', why: late }), { once: true })
      tell({ type: 'explain', request, ...question }).catch(() => resolve(gone))
      try {
        return await promise
      } finally {
        open.delete(request)
      }
    },
    answered: ({ type: _type, request, ...explanation }) => open.get(request)?.({ kind: 'answered', explanation }),
    close: () => {
      closed = true
      for (const resolve of open.values()) resolve(gone)
    },
  }
}
