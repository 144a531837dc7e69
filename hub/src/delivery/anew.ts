/** Frozen batches made anew, under another id, where they cannot be sent as they are: some of their events, or all of them without patches. */
import { randomUUID } from 'node:crypto'
import type { Member } from '../store/store.ts'
import { type Fence, placeOf } from './allow.ts'
import type { Item } from './formats/format.ts'
import type { WaitingBatch } from './frozen.ts'
import { linesOf } from './kept.ts'
import { type BatchFrame, encodeFrame } from './render.ts'

/**
 * The batch as the fence lets it pass: itself where all of its members do; else made anew, under another id, of those that do; nothing where
 * none does. Members whose row is gone cannot be told any more. What is made anew is told whole. Needs the events in memory.
 */
export function fenced(batch: WaitingBatch, inside: Fence, now: number): WaitingBatch | undefined {
  const items = batch.items ?? []
  const passes = (item: Item | undefined) => item !== undefined && inside(placeOf(item.row))
  if (items.every((item) => passes(item) && hasPatch(item))) return batch
  return anew(batch, { only: (i) => passes(items[i]), now, whole: true })
}

const hasPatch = (item: Item | undefined): boolean => item?.member.base === undefined || item.row.patch?.base === item.member.base

/** The batch without patches: itself where it has none; else made anew, under another id. */
export function whole(batch: WaitingBatch, now: number): WaitingBatch {
  if (batch.frozen.members.every(({ base }) => base === undefined)) return batch
  return anew(batch, { only: () => true, now, whole: true }) ?? batch
}

export interface Anew {
  /** By position. */
  readonly only: (member: number) => boolean
  /** @default the batch's own */
  readonly marker?: boolean
  /** No patches. */
  readonly whole?: boolean
  readonly now: number
}

/** Another batch, under an id of its own, of some of the events; nothing when it would say nothing. */
export function anew(batch: WaitingBatch, { only, marker = true, whole = false, now }: Anew): WaitingBatch | undefined {
  const { frozen, items, keys, scan, appendedAt, firstChargedAt } = batch
  const pick = <T>(all: readonly T[]) => all.filter((_, i) => only(i))
  const picked = pick(frozen.members)
  const members = whole ? picked.map(wholeMember) : picked
  const { marker: closing, ...bare } = batch.frame
  const frame: BatchFrame = marker && closing !== undefined ? { ...bare, marker: closing } : bare
  if (members.length === 0 && frame.marker === undefined) return undefined
  const { payload } = frozen
  return {
    frozen: {
      id: randomUUID(),
      createdAt: now,
      members,
      frame: encodeFrame(frame),
      ...(payload !== undefined && { payload: pick(linesOf(payload)).join('\n') }),
    },
    frame,
    keys: pick(keys),
    ...(scan !== undefined && { scan: frame.marker === undefined ? 'part' : 'closes' }),
    ...(items !== undefined && { items: pick(items).map((item, i) => withMember(item, members[i])) }),
    ...(appendedAt !== undefined && { appendedAt }),
    ...(firstChargedAt !== undefined && { firstChargedAt }),
  }
}

const wholeMember = ({ base: _, ...member }: Member): Member => member
const withMember = (item: Item | undefined, member: Member | undefined): Item | undefined =>
  item === undefined || member === undefined || item.member === member ? item : { ...item, member }
