/** The agents' side of a port: joining by POST. The link itself is an upgrade, which bypasses the routes. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { DecodeError, decodeJson } from '@watch-hub/shared/protocol/decode'
import { type JoinAnswer, type JoinRequest, joinPath, joinRequest, type Problem } from '@watch-hub/shared/protocol/join'
import { Hono } from 'hono'
import { badRequest } from './problem.ts'

export type JoinReply =
  | { readonly status: 200; readonly answer: JoinAnswer }
  | { readonly status: 400 | 401 | 403 | 409; readonly problem: Problem }

export interface AgentSide {
  join(request: JoinRequest): Promise<JoinReply>
  /** Owns the socket from then on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export function agentRoutes({ join }: Pick<AgentSide, 'join'>): Hono {
  const app = new Hono()
  app.post(joinPath, async (c) => {
    const reply = await join(decodeRequest(await c.req.text()))
    return reply.status === 200 ? c.json(reply.answer) : c.json(reply.problem, reply.status)
  })
  return app
}

function decodeRequest(text: string): JoinRequest {
  try {
    return decodeJson(joinRequest, text)
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message)
    throw error
  }
}
