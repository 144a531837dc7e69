/** A change of what is frozen: batches that come, that take the place of others, and that go. It is written down whole, or not at all. */
import type { WaitingBatch } from './frozen.ts'

export interface Change {
  /** At the end, in order; parked ones among them. */
  readonly batches?: readonly WaitingBatch[]
  /** By id. None = it goes, as if it was settled. */
  readonly replaced?: readonly { readonly id: string; readonly by: readonly WaitingBatch[] }[]
  /** Ids of those that go without having been accepted. */
  readonly given?: readonly string[]
}

/** What several changes come to that have no batch in common. */
export const together = (...changes: readonly Change[]): Change => ({
  batches: changes.flatMap(({ batches = [] }) => batches),
  replaced: changes.flatMap(({ replaced = [] }) => replaced),
  given: changes.flatMap(({ given = [] }) => given),
})
