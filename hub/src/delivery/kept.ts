/**
 * Kept lines: one event as text that can be told again without the log and without any context, the same bytes each time. Scans, parked
 * events and dead letters are kept like this.
 *
 *   <JSON of row without body, member, context, scan>\t<body>
 *
 * Events are kept whole, never as patches. A batch keeps one line for each member: neither part of a line holds raw newlines, and the first no
 * raw tab, since it was written as JSON here.
 */
import {
  array,
  type Decoder,
  decodeJson,
  integer,
  json,
  literal,
  object,
  optional,
  record,
  string,
} from '@watch-hub/shared/protocol/decode'
import { type Context, type Member, type ObjectRef, reasons } from '../store/store.ts'
import { contextText } from './contexts.ts'
import type { Item } from './formats/format.ts'

const objectRef: Decoder<ObjectRef> = object({
  group: string,
  version: string,
  kind: string,
  resource: string,
  namespace: string,
  name: string,
  uid: string,
  resourceVersion: string,
})
const keptRow = object({
  sequence: integer,
  cluster: string,
  stream: string,
  object: objectRef,
  observedAt: integer,
  appendedAt: integer,
  cause: literal('live', 'list', 'audit'),
  change: literal('added', 'modified', 'gone'),
  traceparent: optional(string),
  changedAt: optional(integer),
  sentAt: optional(integer),
  receivedAt: optional(integer),
})
const member: Decoder<Member> = object({
  sequence: integer,
  type: literal('created', 'updated', 'deleted'),
  reason: optional(literal(...reasons)),
  watches: array(string),
})
const context: Decoder<Context> = object({
  cluster: object({ name: string, uid: string, labels: record(string), metadata: record(json) }),
  watches: record(record(json)),
  commit: optional(string),
})
const line = object({ row: keptRow, member, context, scan: optional(string) })

export function keep({ row, member: { base: _, ...told }, context, scan }: Item): string {
  const { sequence, cluster, stream, object, observedAt, appendedAt, cause, change, body } = row
  const { traceparent, changedAt, sentAt, receivedAt } = row
  const kept = JSON.stringify({
    row: {
      ...{ sequence, cluster, stream, object, observedAt, appendedAt, cause, change },
      ...{ traceparent, changedAt, sentAt, receivedAt },
    },
    member: told,
    scan,
  })
  return `${kept.slice(0, -1)},"context":${context.kept(told.watches)}}\t${body}`
}

export function unkeep(text: string): Item {
  const tab = text.indexOf('\t')
  if (tab < 0) throw new Error('expected a kept line: JSON, a tab and a body, got no tab')
  const { row, context, ...item } = decodeJson(line, text.slice(0, tab))
  const body = text.slice(tab + 1)
  return { ...item, row: { ...row, context: '', matches: [], routes: [], body }, context: contextText(context) }
}

/** `FrozenBatch.payload` */
export const keepAll = (items: readonly Item[]): string => items.map(keep).join('\n')
export const linesOf = (payload: string): readonly string[] => (payload === '' ? [] : payload.split('\n'))
