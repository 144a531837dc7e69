/**
 * Plain requests to a test server over node:https, for arranging and asserting. Not for watches, and nothing is retried:
 * the answer is the answer, whatever its status.
 */
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

/** How to reach a server, and as whom. */
export interface Access {
  /** `https://127.0.0.1:PORT` */
  readonly url: string
  /** PEM */
  readonly ca: string
  /** Absent: anonymous. */
  readonly token?: string
}

export interface Call {
  /** @default 'GET' */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the first slash, with the query. */
  readonly path: string
  /** Sent as JSON; a PATCH is a merge patch. */
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  readonly body: string
}

export async function request(access: Access, call: Call): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const sent = httpsRequest(
    new URL(call.path, access.url),
    {
      method: call.method ?? 'GET',
      ca: access.ca,
      agent: false, // one connection each: a restarted server must not be met on a dead one
      headers: {
        ...(access.token === undefined ? {} : { authorization: `Bearer ${access.token}` }),
        'content-type': call.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    },
    (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    },
  )
  sent.on('error', reject)
  sent.end(call.body === undefined ? undefined : JSON.stringify(call.body))
  return promise
}
