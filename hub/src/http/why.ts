/** `/api/v1/why`: whether an endpoint is told of one object, and why. */
import type { Context } from 'hono'
import type { WhyAnswer } from '../why/model.ts'
import { ambiguous, objectOf } from './object-query.ts'
import { RequestProblem } from './problem.ts'
import { texts } from './query.ts'
import type { HubView } from './view.ts'

export async function answerWhy(c: Context, view: Pick<HubView, 'why'>): Promise<Response> {
  const query = c.req.query()
  const answer = await view.why({ ...objectOf(query, ['endpoint']), ...texts(query, ['endpoint']) })
  if (answer.kind === 'explained') return c.json(answer.why)
  throw problemOf(answer)
}

const expected: Readonly<Record<string, string>> = {
  cluster: 'the name of a declared Cluster',
  endpoint: 'the name of a declared Endpoint',
  kind: 'a kind that a watch names, or one that most clusters have',
}

function problemOf(answer: Exclude<WhyAnswer, { readonly kind: 'explained' }>): RequestProblem {
  if (answer.kind === 'ambiguous') return ambiguous(answer)
  const { what, name, hint } = answer
  return new RequestProblem(404, 'unknown', `expected ${expected[what] ?? what}, got "${name}"${hint}`)
}
