/**
 * One line of `/api/v1/events`: a log row as JSON, its body as `object`. The last line is a `Problem` when the stream broke.
 * The body is the agent's text, spliced in as it came.
 */
import {
  array,
  type Decoded,
  type Decoder,
  decodeJson,
  integer,
  json,
  literal,
  object,
  optional,
  string,
} from '@watch-hub/shared/protocol/decode'
import { problem } from '@watch-hub/shared/protocol/join'
import { type LogRow, type Route, reasons } from '../store/store.ts'

const route: Decoder<Route> = object({
  endpoint: string,
  type: literal('created', 'updated', 'deleted'),
  reason: optional(literal(...reasons)),
  watches: array(string),
})

export const eventLine = object({
  sequence: integer,
  cluster: string,
  resource: object({
    group: string,
    version: string,
    kind: string,
    resource: string,
    namespace: string,
    name: string,
    uid: string,
    resourceVersion: string,
  }),
  /** ms, the agent's clock. */
  observedAt: integer,
  /** ms, the hub's clock. */
  appendedAt: integer,
  cause: literal('live', 'list', 'audit'),
  change: literal('added', 'modified', 'gone'),
  /** Watches that it matches now. */
  matches: array(string),
  /** Who is told what. */
  routes: array(route),
  object: json,
})
export type EventLine = Decoded<typeof eventLine>

/** With its newline. */
export function encodeEvent(row: LogRow): string {
  const { body, object: resource, routes, context: _context, stream: _stream, patch: _patch, ...rest } = row
  const head = JSON.stringify({ ...rest, routes: routes.map(({ delta: _, ...route }) => route), resource })
  return `${head.slice(0, -1)},"object":${body === '' ? 'null' : body}}\n`
}

/** Throws when the line is a problem, or nothing known. */
export function decodeEvent(text: string): EventLine {
  const value = decodeJson(json, text)
  if (typeof value === 'object' && value !== null && 'code' in value) throw new Error(problem.decode(value).message)
  return eventLine.decode(value)
}
