/** The HTTP side of every answer: reading bodies and parameters, writing bodies, failures and Status objects. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Failure } from './faults.ts'
import type { RecordedRequest } from './requests.ts'
import { ApiError, badRequest, failure as injected, statusOf } from './status.ts'

export interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly recorded: RecordedRequest
}

/** An empty body is an empty object. */
export async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const body = await text(request)
  try {
    return body === '' ? {} : JSON.parse(body)
  } catch (cause) {
    throw new ApiError(400, 'BadRequest', `the body is no JSON: ${String(cause)}`)
  }
}

/** undefined: not given. */
export function numberOf(value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined
  if (!/^[0-9]+$/.test(value))
    throw badRequest(`Invalid value: "${value}": strconv.ParseUint: parsing "${value}": invalid syntax`)
  return Number(value)
}

export function sendFailure(response: ServerResponse, failure: Failure, { query }: RecordedRequest): void {
  const { status, errorEvent, empty, bookmark, reset, silent, retryAfter } = failure
  if (reset) response.destroy()
  else if (silent === 'before-head') return
  else if (silent === 'after-head') response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
  else if (empty) sendText(response, 200, '', 'application/json')
  else if (bookmark) sendLine(response, { type: 'BOOKMARK', object: { metadata: { resourceVersion: query.resourceVersion } } })
  else if (errorEvent !== undefined) sendErrorEvent(response, injected(errorEvent, retryAfter))
  else sendError(response, injected(status ?? 500, retryAfter))
}

export const sendErrorEvent = (response: ServerResponse, error: ApiError): void =>
  sendLine(response, { type: 'ERROR', object: statusOf(error) })

const sendLine = (response: ServerResponse, event: unknown): void =>
  sendText(response, 200, `${JSON.stringify(event)}\n`, 'application/json')

export function sendError(response: ServerResponse, error: unknown): void {
  if (!(error instanceof ApiError)) console.error('the simulator failed:', error)
  const known = error instanceof ApiError ? error : new ApiError(500, 'InternalError', String(error))
  const { retryAfterSeconds } = known.details
  if (response.headersSent) response.destroy()
  else {
    if (typeof retryAfterSeconds === 'number') response.setHeader('retry-after', String(retryAfterSeconds))
    sendJson(response, known.code, statusOf(known))
  }
}

export const sendJson = (response: ServerResponse, code: number, body: unknown): void =>
  sendText(response, code, JSON.stringify(body), 'application/json')

export function sendText(response: ServerResponse, code: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': type })
  response.end(body)
}
