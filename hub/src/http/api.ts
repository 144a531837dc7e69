/** The admin API, `/api/v1`. What it takes is checked here; what it answers is the view's. */
import { boolean, integer, object, optional } from '@watch-hub/shared/protocol/decode'
import type { Log } from '@watch-hub/shared/runtime/log'
import { Hono } from 'hono'
import { answerBackup } from './backup.ts'
import { deadLetterRoutes } from './dead-letters.ts'
import { endpointRoutes } from './endpoints.ts'
import { answerEvents, type Streams } from './events.ts'
import { order } from './order.ts'
import { badRequest, RequestProblem, unknown } from './problem.ts'
import { traceRoutes } from './trace.ts'
import type { HubView } from './view.ts'
import { answerWhy } from './why.ts'

const minTtlMs = 1_000
const maxTtlMs = 7 * 24 * 3_600_000
const defaultTtlMs = 30 * 60_000

const tokenOrder = object({ ttlMs: optional(integer), replace: optional(boolean) })

export function apiRoutes(view: HubView, deps: { readonly log: Log; readonly streams: Streams }): Hono {
  const api = new Hono()
  api.get('/status', async (c) => c.json(await view.status()))
  api.get('/clusters', async (c) => c.json(await view.clusters()))
  api.route('/endpoints', endpointRoutes(view))
  api.route('/dead-letters', deadLetterRoutes(view))
  api.route('/trace', traceRoutes(view))
  api.get('/why', (c) => answerWhy(c, view))
  api.get('/events', (c) => answerEvents(c, { ...deps, view }))
  api.post('/config/fetch', async (c) => c.json(await view.fetchNow()))
  api.post('/backup', (c) => answerBackup(c, { ...deps, view }))

  api.post('/clusters/:name/token', async (c) => {
    const { ttlMs = defaultTtlMs, replace = false } = await order(c, tokenOrder)
    if (ttlMs < minTtlMs || ttlMs > maxTtlMs) throw badRequest(`ttlMs: expected ${minTtlMs}–${maxTtlMs}, got ${ttlMs}`)
    const issued = await view.issueToken(c.req.param('name'), { ttlMs, replace })
    if (issued.kind === 'refused') throw new RequestProblem(409, issued.code, issued.message)
    const { cluster, token, expiresAt } = issued
    return c.json({ cluster, token, expiresAt, hub: view.about().agentUrl })
  })
  api.post('/clusters/:name/revoke', async (c) => {
    const cluster = c.req.param('name')
    if (!(await view.revoke(cluster))) throw unknown('cluster with a joined agent', cluster)
    return c.json({ cluster, revoked: true })
  })
  return api
}
