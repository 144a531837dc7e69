/** The admin token: who knows it may do everything below `/api`. Only its hash is kept, and compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { RequestProblem } from './problem.ts'

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

export function requireBearer(token: string): MiddlewareHandler {
  if (token === '') throw new TypeError('expected an admin token, got an empty text')
  const expected = sha256(token)
  return async (c, next) => {
    const [, sent] = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '') ?? []
    if (sent === undefined || !timingSafeEqual(sha256(sent), expected)) {
      c.header('WWW-Authenticate', 'Bearer')
      throw new RequestProblem(
        401,
        'unauthorized',
        sent === undefined
          ? 'expected "Authorization: Bearer <admin token>"; the token is in the file admin-token of the data folder'
          : 'expected the admin token of this hub, got another',
      )
    }
    await next()
  }
}
