/** Taking a batch apart to find the event that an endpoint does not take: its halves stand in its place, under ids of their own. Pure. */
import { anew } from './anew.ts'
import { sizeOf, type WaitingBatch } from './frozen.ts'

/** In order. A marker stays behind everything; it counts like an event. Only of a batch that says more than one thing. */
export function halves(batch: WaitingBatch, now: number): readonly WaitingBatch[] {
  const middle = Math.ceil(sizeOf(batch) / 2)
  const first = anew(batch, { only: (i) => i < middle, marker: false, now })
  const second = anew(batch, { only: (i) => i >= middle, now })
  return [first, second].flatMap((half) => half ?? [])
}
