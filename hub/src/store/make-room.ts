/**
 * Making room in the store, in the order of law 5: rows that nobody needs go first, whatever their age; then what waits for endpoints is
 * compacted. Each stage goes on only while something is lacking, in steps that appends get between.
 */
import type { Input } from './calls.ts'
import type { Link } from './link/link.ts'
import type { Sequence } from './store.ts'

/** True while more room is needed. */
export type Lacks = () => Promise<boolean>

export interface RoomMaker {
  /** Up to here a sweep would go now. */
  readonly floor: Sequence
  /** Drops rows that all have passed, as far as they are the oldest. */
  dropPassed(lacks: Lacks): Promise<void>
  /** Drops what all have passed between rows that somebody needs; then compacts: first for `worst`, if given, then for all. */
  sweep(lacks: Lacks, worst?: string): Promise<void>
}

export interface RoomMakerDeps {
  readonly link: Pick<Link, 'call'>
  /** Rows behind it are in memory: they have to stay as they are. */
  readonly floor: () => Sequence
  readonly retentionMs: number
}

export function roomMaker({ link, floor, retentionMs }: RoomMakerDeps): RoomMaker {
  const sweepOnce = async (lacks: Lacks, merging: Pick<Input<'compact'>, 'merging'>): Promise<void> => {
    const upTo = floor()
    for (let from: Sequence | undefined = 0; from !== undefined && (await lacks()); ) {
      const step: { readonly next?: Sequence } = await link.call('compact', { from, upTo, ...merging })
      from = step.next
    }
  }
  return {
    get floor() {
      return floor()
    },
    dropPassed: async (lacks) => {
      while ((await lacks()) && (await link.call('prune', { retentionMs, whateverAge: true })));
    },
    sweep: async (lacks, worst) => {
      await sweepOnce(lacks, {})
      if (worst !== undefined) await sweepOnce(lacks, { merging: { endpoint: worst } })
      await sweepOnce(lacks, { merging: {} })
    },
  }
}
