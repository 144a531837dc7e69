/** `/api/v1/trace`: what became of one event, one request, or the newest events of an object. */
import { type Context, Hono } from 'hono'
import type { Asked } from '../store/story.ts'
import type { ObjectQuestion, TraceAnswer } from '../trace/model.ts'
import { badRequest, RequestProblem } from './problem.ts'
import { type Query, refuseOthers, texts, whole } from './query.ts'
import type { HubView } from './view.ts'

const required = ['cluster', 'resource', 'name'] as const
/** Names of Kubernetes are shorter. */
const maxLength = 320
const defaultLimit = 1
const maxLimit = 50

export function traceRoutes(view: Pick<HubView, 'trace' | 'traceObject'>): Hono {
  const api = new Hono()
  api.get('/', async (c) => {
    const query = c.req.query()
    refuseOthers(query, [...required, 'namespace', 'endpoint', 'limit'])
    checkLengths(query)
    return answer(c, await view.traceObject(questionOf(query), asked(c)))
  })
  api.get('/:id', async (c) => {
    const query = c.req.query()
    refuseOthers(query, ['endpoint'])
    checkLengths({ ...query, id: c.req.param('id') })
    return answer(c, await view.trace(c.req.param('id'), asked(c)))
  })
  return api
}

/** A client that goes away ends what it asked for. */
const asked = (c: Context): Asked => ({ endpoint: c.req.query('endpoint'), signal: c.req.raw.signal })

function checkLengths(query: Query): void {
  for (const [name, value] of Object.entries(query))
    if (value === '' || value.length > maxLength)
      throw badRequest(`${name}: expected 1–${maxLength} characters, got ${value.length}`)
}

function questionOf(query: Query): ObjectQuestion {
  const { cluster, resource, name } = texts(query, required)
  if (cluster === undefined || resource === undefined || name === undefined)
    throw badRequest(`expected the parameters ${required.join(', ')}, got ${Object.keys(query).join(', ') || 'none'}`)
  const limit = query.limit === undefined ? defaultLimit : whole('limit', query.limit, { min: 1, max: maxLimit })
  return { cluster, resource, name, ...texts(query, ['namespace']), limit }
}

function answer(c: Context, found: TraceAnswer): Response {
  if (found.kind === 'found') return c.json(found.trace)
  if (found.kind === 'unknown') throw new RequestProblem(404, 'unknown', found.message)
  const { typed, candidates } = found
  throw new RequestProblem(
    409,
    'ambiguous',
    `expected the name of one kind, got "${typed}", which can be ${candidates.join(' or ')}`,
  )
}
