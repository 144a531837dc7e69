/** The admin API, `/api/v1`. What it takes is checked here; what it answers is the view's. */
import {
  boolean,
  DecodeError,
  type Decoder,
  decodeJson,
  integer,
  object,
  optional,
  string,
} from '@watch-hub/shared/protocol/decode'
import type { Log } from '@watch-hub/shared/runtime/log'
import { type Context, Hono } from 'hono'
import type { ResyncWhat } from '../delivery/dispatcher.ts'
import { answerBackup } from './backup.ts'
import { answerEvents, type Streams } from './events.ts'
import { badRequest, RequestProblem } from './problem.ts'
import type { HubView } from './view.ts'

const minTtlMs = 1_000
const maxTtlMs = 7 * 24 * 3_600_000
const defaultTtlMs = 30 * 60_000

const tokenOrder = object({ ttlMs: optional(integer), replace: optional(boolean) })
const pauseOrder = object({ by: optional(string) })
const resyncOrder = object({ watch: optional(string), cluster: optional(string), dropBacklog: optional(boolean) })

export function apiRoutes(view: HubView, deps: { readonly log: Log; readonly streams: Streams }): Hono {
  const api = new Hono()
  api.get('/status', async (c) => c.json(await view.status()))
  api.get('/clusters', async (c) => c.json(await view.clusters()))
  api.get('/endpoints', async (c) => c.json(await view.endpoints()))
  api.get('/endpoints/:name', async (c) => {
    const name = c.req.param('name')
    const found = (await view.endpoints()).find((endpoint) => endpoint.name === name)
    if (found === undefined) throw unknown('endpoint', name)
    return c.json(found)
  })
  api.get('/events', (c) => answerEvents(c, { ...deps, view }))
  api.post('/config/fetch', async (c) => c.json(await view.fetchNow()))
  api.post('/backup', (c) => answerBackup(c, { ...deps, view }))

  api.post('/clusters/:name/token', async (c) => {
    const { ttlMs = defaultTtlMs, replace = false } = await body(c, tokenOrder)
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
  api.post('/endpoints/:name/pause', async (c) => {
    const endpoint = c.req.param('name')
    const { by = 'the admin API' } = await body(c, pauseOrder)
    if (!(await view.pause(endpoint, by.slice(0, 100)))) throw unknown('endpoint', endpoint)
    return c.json({ endpoint, paused: true })
  })
  api.post('/endpoints/:name/resume', async (c) => {
    const endpoint = c.req.param('name')
    if (!(await view.resume(endpoint))) throw unknown('endpoint', endpoint)
    return c.json({ endpoint, paused: false })
  })
  api.post('/endpoints/:name/resync', async (c) => {
    const endpoint = c.req.param('name')
    const what = await body(c, resyncOrder)
    const { watch, cluster, dropBacklog = false } = what
    if (dropBacklog && (watch !== undefined || cluster !== undefined))
      throw badRequest(
        'dropBacklog: expected no watch and no cluster with it, because what waits is dropped for the whole endpoint',
      )
    const answer = await view.resync(endpoint, what)
    if (answer === undefined) throw unknown('endpoint', endpoint)
    if (!dropBacklog && answer.begun + answer.running === 0) throw nothingToResync(endpoint, what)
    return c.json({ endpoint, ...answer })
  })
  return api
}

const nothingToResync = (endpoint: string, { watch, cluster }: ResyncWhat): RequestProblem => {
  const asked = [...(watch === undefined ? [] : [`watch ${watch}`]), ...(cluster === undefined ? [] : [`cluster ${cluster}`])]
  const what = asked.length === 0 ? 'no watch names it' : `it hears nothing of ${asked.join(' in ')}`
  return new RequestProblem(409, 'nothing-to-resync', `expected a watch that ${endpoint} hears in a cluster, but ${what}`)
}

const unknown = (what: string, name: string): RequestProblem =>
  new RequestProblem(404, 'unknown', `expected the name of a known ${what}, got "${name}"`)

/** An empty body counts as `{}`. */
async function body<T>(c: Context, decoder: Decoder<T>): Promise<T> {
  try {
    return decodeJson(decoder, (await c.req.text()) || '{}')
  } catch (error) {
    throw error instanceof DecodeError ? badRequest(error.message) : error
  }
}
