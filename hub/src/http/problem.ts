/** Refusals on HTTP: always the JSON of `Problem`, a code for programs and a sentence for people. Never a stack, never a cause. */
import type { Problem } from '@watch-hub/shared/protocol/join'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** Thrown by a handler that cannot go on because of what the client sent. */
export class RequestProblem extends Error {
  override readonly name = 'RequestProblem'
  readonly status: ContentfulStatusCode
  readonly problem: Problem

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(message)
    this.status = status
    this.problem = { code, message }
  }
}

export const badRequest = (message: string): RequestProblem => new RequestProblem(400, 'bad-request', message)

export const answerProblem = (c: Context, { status, problem }: Pick<RequestProblem, 'status' | 'problem'>): Response =>
  c.json(problem, status)

export const unknown = (what: string, name: string): RequestProblem =>
  new RequestProblem(404, 'unknown', `expected the name of a known ${what}, got "${name}"`)
