/**
 * The hub's web server: which routes a port has, and what every answer has in common.
 * A port has the operators' side (`admin`), the agents' side (`agents`), or both. Answers of each side: `admin.ts`, `agents.ts`.
 */

import type { Log } from '@watch-hub/shared/runtime/log'
import { isAbort } from '@watch-hub/shared/runtime/task'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { secureHeaders } from 'hono/secure-headers'
import { type AdminSide, adminRoutes } from './admin.ts'
import { type AgentSide, agentRoutes } from './agents.ts'
import type { Streams } from './events.ts'
import { type HttpServer, type ListenOptions, listen } from './listen.ts'
import { answerProblem, RequestProblem } from './problem.ts'

export interface ServerParts {
  readonly admin?: AdminSide
  readonly agents?: AgentSide
  readonly log: Log
}

/** All that any route takes: requests are small, only answers are long. */
const bodyBytes = 64 * 1024

/** The routes without a port. */
export function createApp({ admin, agents, log }: ServerParts, streams: Streams): Hono {
  const app = new Hono()
  app.use(secureHeaders({ strictTransportSecurity: false })) // whether the outside is https is for the proxy before us to say
  app.use(
    bodyLimit({
      maxSize: bodyBytes,
      onError: () => {
        throw new RequestProblem(413, 'too-large', `expected a body of at most ${bodyBytes} bytes, got more`)
      },
    }),
  )
  if (admin !== undefined) app.route('/', adminRoutes(admin, { log, streams }))
  if (agents !== undefined) app.route('/', agentRoutes(agents))
  app.notFound((c) =>
    answerProblem(c, new RequestProblem(404, 'not-found', `nothing answers ${c.req.method} ${c.req.path.slice(0, 200)}`)),
  )
  app.onError((error, c) => {
    if (error instanceof RequestProblem) return answerProblem(c, error)
    if (error instanceof HTTPException)
      return answerProblem(c, new RequestProblem(400, 'bad-request', 'expected a well-formed request'))
    if (!isAbort(error, c.req.raw.signal)) log.error('request failed', { method: c.req.method, path: c.req.path, error })
    return answerProblem(c, new RequestProblem(500, 'internal', 'the hub could not do this: its log says why'))
  })
  return app
}

/** Listens until it is disposed; streams that go on by themselves end first. */
export async function startServer(parts: ServerParts, options: Omit<ListenOptions, 'upgrade'>): Promise<HttpServer> {
  const { agents, log } = parts
  const stop = new AbortController()
  const running = new Set<Promise<void>>()
  const track = (run: Promise<void>) => {
    running.add(run)
    return run.finally(() => running.delete(run))
  }
  const app = createApp(parts, { stop: stop.signal, track })
  const server = await listen(app, agents === undefined ? options : { ...options, upgrade: guarded(agents.upgrade, log) })
  return {
    url: server.url,
    port: server.port,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await server[Symbol.asyncDispose]()
      await Promise.allSettled(running)
    },
  }
}

/** An upgrade runs outside of the routes: what it throws would end the process. */
const guarded =
  (upgrade: AgentSide['upgrade'], log: Log): AgentSide['upgrade'] =>
  (request, socket, head) => {
    try {
      upgrade(request, socket, head)
    } catch (error) {
      log.warn('upgrade failed', { error })
      socket.destroy()
    }
  }
