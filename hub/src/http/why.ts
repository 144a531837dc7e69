/** `/api/v1/why`: whether an endpoint is told of one object, and why. */
import type { Context } from 'hono'
import type { WhyAnswer, WhyQuestion } from '../why/model.ts'
import { badRequest, RequestProblem } from './problem.ts'
import { type Query, refuseOthers, texts } from './query.ts'
import type { HubView } from './view.ts'

const required = ['cluster', 'resource', 'name'] as const
const optional = ['namespace', 'endpoint'] as const
/** Names of Kubernetes are shorter. */
const maxLength = 320

export async function answerWhy(c: Context, view: Pick<HubView, 'why'>): Promise<Response> {
  const answer = await view.why(questionOf(c.req.query()))
  if (answer.kind === 'explained') return c.json(answer.why)
  throw problemOf(answer)
}

function questionOf(query: Query): WhyQuestion {
  refuseOthers(query, [...required, ...optional])
  for (const [name, value] of Object.entries(query))
    if (value === '' || value.length > maxLength)
      throw badRequest(`${name}: expected 1–${maxLength} characters, got ${value.length}`)
  const { cluster, resource, name } = texts(query, required)
  if (cluster === undefined || resource === undefined || name === undefined)
    throw badRequest(`expected the parameters ${required.join(', ')}, got ${Object.keys(query).join(', ') || 'none'}`)
  return { cluster, resource, name, ...texts(query, optional) }
}

const expected: Readonly<Record<string, string>> = {
  cluster: 'the name of a declared Cluster',
  endpoint: 'the name of a declared Endpoint',
  kind: 'a kind that a watch names, or one that most clusters have',
}

function problemOf(answer: Exclude<WhyAnswer, { readonly kind: 'explained' }>): RequestProblem {
  if (answer.kind === 'ambiguous')
    return new RequestProblem(
      409,
      'ambiguous',
      `expected the name of one kind, got "${answer.typed}", which can be ${answer.candidates.join(' or ')}`,
    )
  const { what, name, hint } = answer
  return new RequestProblem(404, 'unknown', `expected ${expected[what] ?? what}, got "${name}"${hint}`)
}
