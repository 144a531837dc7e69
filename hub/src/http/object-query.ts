/** How an object is asked for by its name, as `why` and `trace` do it: the parameters that say so, and what is refused. */
import { badRequest, RequestProblem } from './problem.ts'
import { type Query, refuseOthers, texts } from './query.ts'

const required = ['cluster', 'resource', 'name'] as const
/** Names of Kubernetes are shorter. */
const maxLength = 320

interface NamedObject {
  readonly cluster: string
  /** As it was typed. */
  readonly resource: string
  readonly namespace?: string
  readonly name: string
}

/** `others`: what may be asked besides. */
export function objectOf(query: Query, others: readonly string[]): NamedObject {
  refuseOthers(query, [...required, 'namespace', ...others])
  checkLengths(query)
  const { cluster, resource, name } = texts(query, required)
  if (cluster === undefined || resource === undefined || name === undefined)
    throw badRequest(`expected the parameters ${required.join(', ')}, got ${Object.keys(query).join(', ') || 'none'}`)
  return { cluster, resource, name, ...texts(query, ['namespace']) }
}

export function checkLengths(query: Query): void {
  for (const [name, value] of Object.entries(query))
    if (value === '' || value.length > maxLength)
      throw badRequest(`${name}: expected 1–${maxLength} characters, got ${value.length}`)
}

export const ambiguous = ({ typed, candidates }: { readonly typed: string; readonly candidates: readonly string[] }) =>
  new RequestProblem(409, 'ambiguous', `expected the name of one kind, got "${typed}", which can be ${candidates.join(' or ')}`)
