/** What the tests of the pipeline share: objects, and a generator of random JSON that gives the same values for the same seed. */
import { decodeKubeObject, type KubeObject } from './object.ts'

export const kubeObject = (name: string, fields: Readonly<Record<string, unknown>> = {}): KubeObject => {
  const { metadata, ...rest } = fields
  return decodeKubeObject({
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: {
      name,
      namespace: 'team-a',
      uid: `uid-${name}`,
      resourceVersion: '7',
      ...(typeof metadata === 'object' ? metadata : {}),
    },
    ...rest,
  })
}

/** Freezes it all the way down, so that a write to it throws. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const each of Object.values(Object.freeze(value))) frozen(each)
  return value
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const keys = ['a', 'b', 'c', 'a/b', '__proto__', 'constructor', '0']

export function randomJson(random: () => number, depth = 4): unknown {
  const pick = Math.floor(random() * (depth === 0 ? 4 : 7))
  const several = () => Array.from({ length: Math.floor(random() * 4) })
  if (pick === 0) return null
  if (pick === 1) return random() < 0.5
  if (pick === 2) return Math.floor(random() * 10)
  if (pick === 3) return 'text'
  if (pick === 4) return several().map(() => randomJson(random, depth - 1))
  return Object.fromEntries(several().map(() => [keys[Math.floor(random() * keys.length)] ?? 'a', randomJson(random, depth - 1)]))
}
