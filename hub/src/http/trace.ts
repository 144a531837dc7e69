/** `/api/v1/trace`: what became of one event, one request, or the newest events of an object. */
import { type Context, Hono } from 'hono'
import type { Asked } from '../store/story.ts'
import type { ObjectQuestion, TraceAnswer } from '../trace/model.ts'
import { ambiguous, checkLengths, objectOf } from './object-query.ts'
import { RequestProblem } from './problem.ts'
import { type Query, refuseOthers, whole } from './query.ts'
import type { HubView } from './view.ts'

const defaultLimit = 1
const maxLimit = 50

export function traceRoutes(view: Pick<HubView, 'trace' | 'traceObject'>): Hono {
  const api = new Hono()
  api.get('/', async (c) => answer(c, await view.traceObject(questionOf(c.req.query()), asked(c))))
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

function questionOf(query: Query): ObjectQuestion {
  const object = objectOf(query, ['endpoint', 'limit'])
  return { ...object, limit: query.limit === undefined ? defaultLimit : whole('limit', query.limit, { min: 1, max: maxLimit }) }
}

function answer(c: Context, found: TraceAnswer): Response {
  if (found.kind === 'found') return c.json(found.trace)
  if (found.kind === 'unknown') throw new RequestProblem(404, 'unknown', found.message)
  throw ambiguous(found)
}
