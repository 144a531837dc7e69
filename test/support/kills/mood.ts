/**
 * A receiver that has wrong with it whatever a receiver can have wrong. One of a few requests fails by chance: 5xx, 429, 413, a reset, no answer at all.
 * Some objects are cursed, by their names: a request with one of them is refused, or breaks the receiver; or the answer names them. Most curses
 * come and go, one stays, so that some parked objects are accepted in the end and others given up.
 */
import type { Answer, Item, ReceivedRequest } from '../receiver.ts'
import type { Random } from './random.ts'

export interface Mood {
  answer(request: Pick<ReceivedRequest, 'items'>): Answer
  /** While false, everything is accepted. */
  ill(ill: boolean): void
}

type Curse = 'refused' | 'named' | 'given up' | 'breaks'

/** By the number in an object's name. Few break it: where most requests fail, nothing shows whose fault that is. */
const curses: ReadonlyMap<number, Curse> = new Map([
  ...[3, 13, 23].map((number) => [number, 'refused'] as const),
  ...[5, 15, 25].map((number) => [number, 'named'] as const),
  ...[7, 17, 27].map((number) => [number, 'given up'] as const),
  [9, 'breaks'],
])
/** Curses are in force this long, and then as long not. */
const spellMs = 4_000
const lasting = 13

export function createMood(random: Random): Mood {
  let isIll = true
  const curseOf = ({ name }: Item): Curse | undefined => {
    const number = Number(/-(\d+)$/.exec(name)?.[1])
    const inForce = number === lasting || Math.floor(Date.now() / spellMs) % 2 === 0
    return inForce && !name.startsWith('ballast') ? curses.get(number) : undefined
  }
  return {
    answer: ({ items }) => {
      if (!isIll) return {}
      const chance = byChance(random, items.length)
      if (chance !== undefined) return chance
      const cursed = new Map(items.flatMap((item) => [[item.id, curseOf(item)] as const]))
      const has = (curse: Curse) => [...cursed.values()].includes(curse)
      if (has('refused')) return { status: 400, body: { error: 'one of these is not for me' } }
      if (has('breaks')) return { status: 500, body: 'TypeError: undefined is not an object' }
      const failures = [...cursed].flatMap(([id, curse]) =>
        curse === undefined ? [] : [{ id, message: 'not this one', retry: curse === 'named' }],
      )
      return failures.length === 0 ? {} : { status: 200, body: { failures } }
    },
    ill: (ill) => {
      isIll = ill
    },
  }
}

/** One of seven. */
function byChance(random: Random, items: number): Answer | undefined {
  switch (random.whole(49)) {
    case 0:
      return { status: 503 }
    case 1:
      return { status: 500 }
    case 2:
      return { status: 429, headers: { 'retry-after': '1' } }
    case 3:
      return { reset: true }
    case 4:
      return { hang: true }
    case 5:
      return items > 1 ? { status: 413 } : { status: 502 }
    case 6:
      return items > 1 ? { status: 400 } : { status: 504 }
    default:
      return undefined
  }
}
