/** What the stories of breaks share: how a receiver's story is told, and whether it holds what the cluster holds. */
import assert from 'node:assert/strict'
import type { Simulator } from './api-server-simulator/simulator.ts'
import type { Receiver } from './receiver.ts'

/** `updated recovered web`; the reason of what was seen as it happened is `live`. */
export const told = ({ items }: Pick<Receiver, 'items'>): readonly string[] =>
  items.map(({ type, reason = 'live', name }) => `${type} ${reason} ${name}`)

interface Held {
  readonly name: string
  readonly uid: unknown
  readonly spec: unknown
}

const byName = (a: Held, b: Held) => (a.name < b.name ? -1 : 1)
const keyed = (key: string) => key.slice(key.indexOf('/') + 1)

/** The receiver's table is the cluster's picture, no more and no less, and nothing that it was sent was older than what it had. */
export function assertPicture(
  receiver: Receiver,
  cluster: Simulator,
  { resource = 'services', in: scope = () => true }: Picture = {},
) {
  const wanted = cluster
    .list(resource)
    .map(({ metadata, spec }) => ({ name: metadata.name, uid: metadata.uid, spec }))
    .filter(({ name }) => scope(name))
  const held = [...receiver.table.values()]
    .filter((item) => item.resource === resource)
    .map(({ name, key, object }) => ({ name, uid: keyed(key), spec: object?.spec }))
  assert.deepEqual(held.sort(byName), wanted.sort(byName))
  assert.deepEqual(receiver.ignored, [])
}

export interface Picture {
  readonly resource?: string
  /** Names of the objects that the receiver is to hold. @default all */
  readonly in?: (name: string) => boolean
}

/** A small object: `value` is what its content differs by. */
export const thing = (name: string, value = 'first', labels: Readonly<Record<string, string>> = {}) => ({
  metadata: { name, labels },
  spec: { value },
})
/** Gives an object another content. */
export const change = (value: string) => (object: Readonly<Record<string, unknown>>) => ({ ...object, spec: { value } })
