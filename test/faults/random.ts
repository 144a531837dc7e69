/** Random numbers that a seed repeats (mulberry32). Not for secrets. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  below(below: number): number
  chance(probability: number): boolean
  pick<T>(of: readonly T[]): T
  /** By weight. */
  weighted<T>(of: readonly (readonly [weight: number, value: T])[]): T
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  const pick = <T>(of: readonly T[]): T => {
    const picked = of[below(of.length)]
    if (picked === undefined) throw new Error('expected something to pick from, got nothing')
    return picked
  }
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick,
    weighted: (of) => {
      let at = next() * of.reduce((sum, [weight]) => sum + weight, 0)
      for (const [weight, value] of of) {
        at -= weight
        if (at < 0) return value
      }
      return pick(of)[1]
    },
  }
}
