/**
 * `/api/v1/dead-letters`: events that were given up. They are looked at page by page. What changes them wants to be told which are meant: a
 * filter, ids, or `all`; an empty order is refused, so that a slip does not cost everything.
 */
import { array, boolean, type Decoded, integer, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { Hono } from 'hono'
import { order } from './order.ts'
import { badRequest, unknown } from './problem.ts'
import { type Query, refuseOthers, texts, whole } from './query.ts'
import type { HubView, LetterFilter } from './view.ts'

const defaultLimit = 100
const maxLimit = 1_000
/** Ids that one order may name. */
const maxIds = 500

const names = ['endpoint', 'cluster', 'resource', 'namespace', 'name', 'cause'] as const

const letterOrder = object({
  ids: optional(array(string)),
  endpoint: optional(string),
  cluster: optional(string),
  resource: optional(string),
  namespace: optional(string),
  name: optional(string),
  cause: optional(string),
  olderThanMs: optional(integer),
  /** true = all there are, where nothing else says which. */
  all: optional(boolean),
  /** Goes on after the last page of `replay`. */
  after: optional(string),
})

export function deadLetterRoutes(view: HubView): Hono {
  const api = new Hono()
  api.get('/', async (c) => {
    const query = c.req.query()
    refuseOthers(query, [...names, 'olderThanMs', 'limit', 'after'])
    const limit = query.limit === undefined ? defaultLimit : whole('limit', query.limit, { min: 1, max: maxLimit })
    return c.json(await view.deadLetters({ ...filterOf(query), limit, ...texts(query, ['after']) }))
  })
  api.get('/:id', async (c) => {
    const letter = await view.deadLetter(c.req.param('id'))
    if (letter === undefined) throw unknown('dead letter', c.req.param('id'))
    return c.json(letter)
  })
  api.post('/replay', async (c) => {
    const { after, ...which } = await order(c, letterOrder)
    return c.json(await view.replay(chosen(which), after))
  })
  api.post('/drop', async (c) => {
    const { after: _, ...which } = await order(c, letterOrder)
    return c.json({ dropped: await view.dropDeadLetters(chosen(which)) })
  })
  return api
}

const filterOf = (query: Query): LetterFilter => ({
  ...texts(query, names),
  ...(query.olderThanMs !== undefined && {
    olderThanMs: whole('olderThanMs', query.olderThanMs, { max: Number.MAX_SAFE_INTEGER }),
  }),
})

function chosen({ all = false, ...filter }: Omit<Decoded<typeof letterOrder>, 'after'>): LetterFilter {
  const { ids, olderThanMs } = filter
  if (ids !== undefined && (ids.length === 0 || ids.length > maxIds))
    throw badRequest(`ids: expected 1–${maxIds} ids, got ${ids.length}`)
  if (olderThanMs !== undefined && olderThanMs < 0) throw badRequest(`olderThanMs: expected 0 or more, got ${olderThanMs}`)
  const given = Object.values(filter).some((part) => part !== undefined)
  if (all === given)
    throw badRequest(
      given
        ? 'expected either parts of a filter or all: true, got both'
        : 'expected to be told which dead letters are meant: ids, parts of a filter, or all: true',
    )
  return filter
}
