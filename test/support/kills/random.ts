/** Chance that can be had again: the same seed gives the same numbers (mulberry32). */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number from 0 up to, and without, `below`. */
  whole(below: number): number
  chance(share: number): boolean
  /** Throws when there is nothing to pick. */
  pick<T>(from: readonly T[]): T
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (below: number) => Math.floor(next() * below)
  return {
    next,
    whole,
    chance: (share) => next() < share,
    pick: (from) => {
      const picked = from[whole(from.length)]
      if (picked === undefined) throw new Error('expected something to pick from, got nothing')
      return picked
    },
  }
}
