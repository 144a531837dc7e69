/** A plain client for the simulator's own tests: one request, or one watch whose events are collected. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { changes } from '../changes.ts'
import type { Simulator } from './simulator.ts'

export interface Question {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Parsed JSON; undefined when it is none. */
  readonly body: unknown
}

type Server = Pick<Simulator, 'url' | 'ca' | 'token'>

export async function ask(server: Server, path: string, question: Question = {}): Promise<Answer> {
  const response = await send(server, path, question)
  const body = await text(response)
  const isJson = response.headers['content-type']?.startsWith('application/json') && body !== ''
  return { status: response.statusCode ?? 0, headers: response.headers, text: body, body: isJson ? parse(body) : undefined }
}

async function send(server: Server, path: string, { method = 'GET', body, headers = {} }: Question): Promise<IncomingMessage> {
  const options = {
    method,
    agent: false,
    ...(server.ca === undefined ? {} : { ca: server.ca }),
    headers: {
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      ...(server.token === undefined ? {} : { authorization: `Bearer ${server.token}` }),
      ...headers,
    },
  }
  const url = new URL(path, server.url)
  const sent = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options)
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  return new Promise((resolve, reject) => {
    sent.once('response', resolve)
    sent.on('error', reject)
  })
}

/** Follows a path of keys and list positions into parsed JSON; undefined where it leads nowhere. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce((from: unknown, key) => {
    if (Array.isArray(from)) return from[Number(key)]
    return isRecord(from) ? from[key] : undefined
  }, value)
}

interface WatchEvent {
  readonly type: unknown
  readonly object: unknown
}

export interface OpenWatch extends AsyncDisposable {
  readonly events: readonly WatchEvent[]
  /** Sizes of the pieces in which the bytes came. */
  readonly pieces: readonly number[]
  /** `ADDED a`, `MODIFIED a`, `BOOKMARK 1005`, `ERROR 410`: what a test compares. */
  readonly story: readonly string[]
  /** What came after the last newline. */
  readonly rest: () => string
  until(count: number): Promise<void>
  /** 'end': the server closed cleanly. 'cut': it did not. */
  readonly ended: Promise<'end' | 'cut'>
}

export async function watch(server: Server, path: string): Promise<OpenWatch> {
  const response = await send(server, path, {})
  const events: WatchEvent[] = []
  const pieces: number[] = []
  const news = changes()
  let rest = Buffer.alloc(0)
  response.on('data', (piece: Buffer) => {
    pieces.push(piece.length)
    rest = Buffer.concat([rest, piece])
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const event = parse(rest.subarray(0, end).toString())
      events.push({ type: at(event, 'type'), object: at(event, 'object') })
      rest = rest.subarray(end + 1)
    }
    news.notify()
  })
  response.on('error', () => {}) // 'close' tells it
  const ended = new Promise<'end' | 'cut'>((resolve) => {
    response.on('close', () => resolve(response.complete ? 'end' : 'cut'))
  })
  return {
    events,
    pieces,
    get story() {
      return events.map(tell)
    },
    rest: () => rest.toString(),
    until: (count) =>
      news.until(
        () => events.length >= count,
        () => `${count} events, got ${events.map(tell).join(', ')}`,
      ),
    ended,
    [Symbol.asyncDispose]: async () => {
      response.destroy()
      await ended
    },
  }
}

function tell({ type, object }: WatchEvent): string {
  const name = type === 'BOOKMARK' ? at(object, 'metadata', 'resourceVersion') : at(object, 'metadata', 'name')
  return `${String(type)} ${String(type === 'ERROR' ? at(object, 'code') : name)}`
}

const parse = (json: string): unknown => JSON.parse(json)
