/**
 * Answers: questions of the hub about objects, one after the other, beside everything else that the link does. The hub has few of them on
 * their way at a time; more than that are not taken, and it hears nothing of those until its patience ends.
 */
import type { Explanation, Question } from '@watch-hub/shared/protocol/explain'
import { questionsInFlight } from '@watch-hub/shared/protocol/limits'
import type { UpMessage } from '@watch-hub/shared/protocol/messages'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Log } from '@watch-hub/shared/runtime/log'

interface Asked extends Question {
  readonly request: number
}

export interface Answers {
  ask(question: Asked): void
  /** Runs for as long as the connection does; rejects with the reason of `signal`, or with what `say` rejects. */
  run(signal: AbortSignal): Promise<never>
}

export interface AnswersDeps {
  readonly explain: (question: Question, signal: AbortSignal) => Promise<Explanation>
  readonly say: (message: UpMessage) => Promise<void>
  readonly log: Log
}

export function openAnswers({ explain, say, log }: AnswersDeps): Answers {
  const waiting: Asked[] = []
  const news = bell()
  return {
    ask: (question) => {
      if (waiting.length >= questionsInFlight) return
      waiting.push(question)
      news.ring()
    },
    run: async (signal) => {
      for (;;) {
        const next = waiting.shift()
        if (next === undefined) await news.wait(signal)
        else {
          const { request, ...question } = next
          const answer = await explain(question, signal).catch((error: unknown) => {
            signal.throwIfAborted()
            log.warn('a question of the hub cannot be answered', { resource: question.resource, error }) // no reason to leave the hub
          })
          if (answer !== undefined) await say({ type: 'explanation', request, ...answer })
        }
      }
    },
  }
}
