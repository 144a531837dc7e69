/** What arrived at one receiver, in the order of arrival, and what is wrong with it by itself. */
import type { ReceivedRequest, Receiver } from '../support/receiver.ts'

export type Item = ReceivedRequest['items'][number]

interface Delivery {
  readonly item: Item
  /** Number of the request that brought it first. */
  readonly request: number
}

export interface Ledger {
  /** By event id, in the order of arrival. */
  readonly first: ReadonlyMap<string, Delivery>
  readonly problems: readonly string[]
}

/** Up to which sequence the hub may tell anew what it told before, in other words: its database went back. 0 = nothing. */
export function ledgerOf(receiver: Pick<Receiver, 'requests'>, repeatable: number): Ledger {
  const first = new Map<string, Delivery>()
  const newest = new Map<string, Item>()
  const problems: string[] = []
  for (const { number, items } of receiver.requests)
    for (const item of items) {
      const known = first.get(item.id)?.item
      if (known !== undefined) {
        if (differs(known, item) && Number(item.sequence) > repeatable)
          problems.push(`${describe(item)} came again in request ${number} and differs from before: ${describe(known)}`)
        continue
      }
      first.set(item.id, { item, request: number })
      const before = newest.get(item.key)
      if (before !== undefined && before.sequence > item.sequence && Number(item.sequence) > repeatable)
        problems.push(`${describe(item)} came after ${describe(before)}: the sequence went back`)
      newest.set(item.key, item)
    }
  return { first, problems }
}

/** What was told as a patch and refused comes whole after that. */
const differs = (a: Item, b: Item): boolean =>
  'patch' in a.raw === 'patch' in b.raw && JSON.stringify(a.raw) !== JSON.stringify(b.raw)

export const describe = ({ type, reason = 'live', resource, namespace, name, sequence, key, cluster }: Item): string =>
  `${type} (${reason}) of ${cluster} ${resource} ${namespace}/${name} #${sequence} ${key.slice(-8)}`
