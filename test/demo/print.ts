/** What the demo says: one aligned line per delivered event, and a few words about the rest. */
import { styleText } from 'node:util'
import { printable } from '@watch-hub/hub/cli/output'
import type { Received, ReceivedItem } from '@watch-hub/hub/cli/receiver'
import { isRecord } from '@watch-hub/shared/protocol/decode'

export type Print = (line: string) => void

/** `20:11:03  ` and what follows. Names come from clusters and Git: nothing of them may steer the terminal. */
const timed = (text: string, at = new Date()): string =>
  `${at.toTimeString().slice(0, 8)}  ${printable(text).replaceAll('\n', ' ')}`

/** Something that is not a delivery. */
export const aside = (text: string): string => styleText('dim', timed(`·     ${text}`))
export const notice = (text: string): string => styleText('bold', timed(`*     ${text}`))

export function receivedLines(received: Received): readonly string[] {
  switch (received.kind) {
    case 'failed':
      return [notice(`${received.path} failed with ${received.status}`)]
    case 'not-understood':
      return [notice(`${received.path} was not understood: ${received.why}`)]
    case 'accepted':
      return received.items.map((item) => itemLine(received.endpoint.replace(/^\//, ''), item))
  }
}

/** `20:11:03  dns   created (initial)  prod-eu-1   Service web/front         203.0.113.10` */
function itemLine(endpoint: string, { type, reason, cluster, kind, name, item }: ReceivedItem): string {
  const what = reason === undefined ? type : `${type} (${reason})`
  const columns = [endpoint.padEnd(4), what.padEnd(18), cluster.padEnd(10), `${kind} ${name}`.padEnd(30), detail(kind, item)]
  return timed(columns.join('  ')).trimEnd()
}

/** What is interesting about an object of its kind. */
function detail(kind: string, item: unknown): string {
  const object = at(item, 'object') ?? at(item, 'data')
  switch (kind) {
    case 'Service':
      return text(at(object, 'status', 'loadBalancer', 'ingress', 0, 'ip'))
    case 'Deployment':
      return text(at(object, 'spec', 'replicas'), 'replicas: ')
    case 'Node':
      return text(at(object, 'metadata', 'labels', 'node.kubernetes.io/instance-type'))
    default:
      return ''
  }
}

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner) && typeof key === 'number') return inner[key]
    return isRecord(inner) ? inner[key] : undefined
  }, value)
}

const text = (value: unknown, before = ''): string =>
  typeof value === 'string' || typeof value === 'number' ? `${before}${value}` : ''
