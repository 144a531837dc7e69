/** `/api/v1/endpoints`: what the hub knows of each, and what operators may ask of one. */
import { boolean, integer, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { type Context, Hono } from 'hono'
import type { ResyncWhat } from '../delivery/dispatcher.ts'
import { order } from './order.ts'
import { badRequest, RequestProblem, unknown } from './problem.ts'
import { flag, refuseOthers, texts, whole } from './query.ts'
import type { HubView, PauseOrder } from './view.ts'

const minPauseMs = 1_000
const maxPauseMs = 365 * 24 * 3_600_000
const maxByLength = 100
const maxReasonLength = 500

const defaultAttempts = 50
const maxAttempts = 1_000

const pauseOrder = object({ by: optional(string), reason: optional(string), forMs: optional(integer) })
const resyncOrder = object({ watch: optional(string), cluster: optional(string), dropBacklog: optional(boolean) })

export function endpointRoutes(view: HubView): Hono {
  const api = new Hono()
  api.get('/', async (c) => c.json(await view.endpoints()))
  api.get('/:name', async (c) => c.json(found(c, await view.endpoint(nameOf(c)))))
  api.get('/:name/attempts', async (c) => {
    const query = c.req.query()
    refuseOthers(query, ['failed', 'batch', 'limit'])
    const limit = query.limit === undefined ? defaultAttempts : whole('limit', query.limit, { min: 1, max: maxAttempts })
    const which = { ...texts(query, ['batch']), failed: flag('failed', query.failed), limit }
    return c.json(found(c, await view.attempts(nameOf(c), which)))
  })
  api.post('/:name/pause', async (c) => {
    const pause = pauseOf(await order(c, pauseOrder))
    if (!(await view.pause(nameOf(c), pause))) throw unknown('endpoint', nameOf(c))
    return c.json({ endpoint: nameOf(c), paused: true })
  })
  api.post('/:name/resume', async (c) => {
    if (!(await view.resume(nameOf(c)))) throw unknown('endpoint', nameOf(c))
    return c.json({ endpoint: nameOf(c), paused: false })
  })
  api.post('/:name/resync', async (c) => {
    const what = await order(c, resyncOrder)
    const { watch, cluster, dropBacklog = false } = what
    if (dropBacklog && (watch !== undefined || cluster !== undefined))
      throw badRequest(
        'dropBacklog: expected no watch and no cluster with it, because what waits is dropped for the whole endpoint',
      )
    const answer = found(c, await view.resync(nameOf(c), what))
    if (!dropBacklog && answer.begun + answer.running === 0) throw nothingToResync(nameOf(c), what)
    return c.json({ endpoint: nameOf(c), ...answer })
  })
  api.post('/:name/test', async (c) => c.json(found(c, await view.test(nameOf(c), c.req.raw.signal))))
  return api
}

const nameOf = (c: Context): string => c.req.param('name') ?? ''

function found<T>(c: Context, value: T | undefined): T {
  if (value === undefined) throw unknown('endpoint', nameOf(c))
  return value
}

function pauseOf({ by = 'the admin API', reason, forMs }: Partial<PauseOrder>): PauseOrder {
  if (forMs !== undefined && (forMs < minPauseMs || forMs > maxPauseMs))
    throw badRequest(`forMs: expected ${minPauseMs}–${maxPauseMs}, got ${forMs}`)
  return {
    by: by.slice(0, maxByLength),
    ...(reason !== undefined && { reason: reason.slice(0, maxReasonLength) }),
    ...(forMs !== undefined && { forMs }),
  }
}

const nothingToResync = (endpoint: string, { watch, cluster }: ResyncWhat): RequestProblem => {
  const asked = [...(watch === undefined ? [] : [`watch ${watch}`]), ...(cluster === undefined ? [] : [`cluster ${cluster}`])]
  const what = asked.length === 0 ? 'no watch names it' : `it hears nothing of ${asked.join(' in ')}`
  return new RequestProblem(409, 'nothing-to-resync', `expected a watch that ${endpoint} hears in a cluster, but ${what}`)
}
