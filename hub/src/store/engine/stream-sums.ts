/**
 * Sums of streams that follow every change of the inventory: how many objects a stream holds, and its checksum. Collected over one call and
 * written once. Whoever changes rows in bulk and cannot say how calls `streams.dropChecksum` instead: it is counted again when it is needed.
 */
import { emptyChecksum, minus, objectSum, plus } from '@watch-hub/shared/protocol/checksum'
import { names, sharedJson } from './columns.ts'
import type { Streams } from './streams.ts'

/** What counts of a row. `matches` is JSON text, as the row has it. */
export interface SummedRow {
  readonly hash: string
  readonly matches: string
}

export interface StreamSums {
  /** A row of a stream became another one; undefined = there is none. */
  change(of: {
    readonly stream: number
    readonly uid: string
    readonly before: SummedRow | undefined
    readonly now: SummedRow | undefined
  }): void
  /** From here on `streams` says what was collected, too. */
  write(): void
}

const matchesText = sharedJson(names)

/** What one row adds to the checksum of its stream. */
export const rowSum = (uid: string, { hash, matches }: SummedRow): number =>
  objectSum({ uid, hash, matches: matchesText.decode(matches) })

export function createStreamSums(streams: Pick<Streams, 'change'>): StreamSums {
  const pending = new Map<number, { objects: number; checksum: number }>()
  return {
    change: ({ stream, uid, before, now }) => {
      const sums = pending.get(stream) ?? { objects: 0, checksum: emptyChecksum }
      pending.set(stream, sums)
      sums.objects += Number(now !== undefined) - Number(before !== undefined)
      if (before?.hash === now?.hash && before?.matches === now?.matches) return
      if (before !== undefined) sums.checksum = minus(sums.checksum, rowSum(uid, before))
      if (now !== undefined) sums.checksum = plus(sums.checksum, rowSum(uid, now))
    },
    write: () => {
      for (const [stream, by] of pending) streams.change(stream, by)
      pending.clear()
    },
  }
}
