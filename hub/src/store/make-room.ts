/**
 * Making room in the store, in the order of law 5: rows that nobody needs go first, whatever their age; then what waits for endpoints is
 * compacted. Each stage goes on only while something is lacking, in steps that appends get between.
 */
import type { Ages, Input } from './calls.ts'
import type { Link } from './link/link.ts'
import type { Sequence } from './store.ts'

/** True while more room is needed. */
export type Lacks = () => Promise<boolean>

export interface RoomMaker {
  /** Up to here a sweep would go now. */
  readonly floor: Sequence
  /** Drops rows that all have passed, as far as they are the oldest. */
  dropPassed(lacks: Lacks): Promise<void>
  /**
   * Drops what all have passed between rows that somebody needs; then compacts: for the endpoints that need most, one after the other, so that
   * the others lose no versions for their sake; and then for all.
   */
  sweep(lacks: Lacks): Promise<void>
}

export interface RoomMakerDeps {
  readonly link: Pick<Link, 'call'>
  /** Rows behind it are in memory: they have to stay as they are. */
  readonly floor: () => Sequence
  readonly ages: Ages
}

/** Endpoints that are compacted one by one: each sweep goes over the whole log. */
const oneByOne = 4

export function roomMaker({ link, floor, ages }: RoomMakerDeps): RoomMaker {
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
      while ((await lacks()) && (await link.call('prune', { ...ages, whateverAge: true })));
    },
    sweep: async (lacks) => {
      await sweepOnce(lacks, {})
      if (!(await lacks())) return
      const needy = await link.call('needy', undefined)
      for (const endpoint of needy.slice(0, oneByOne)) await sweepOnce(lacks, { merging: { endpoint } })
      if (needy.length <= oneByOne) return
      await sweepOnce(lacks, { merging: {} })
    },
  }
}
