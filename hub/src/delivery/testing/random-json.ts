/** Random JSON objects that change bit by bit, with what makes patches hard in them; and how they are read without losing a digit. */
import { isRecord } from '@watch-hub/shared/protocol/decode'

type Below = (below: number) => number

const keys = ['a', 'b', 'x', 'ü🌍', '__proto__', '0', 'constructor', 'nested', ' ']
/** Equal to JavaScript, different as JSON. */
const larges = ['12345678901234567890', '12345678901234567891']
const leaves = [null, 0, -1.5, 1e21, '', 'text', 'größer 大', '\u2028', true, [], {}, '@large0', '@large1']

const pick = <T>(all: readonly T[], next: Below): T | undefined => all[next(all.length)]

function randomValue(next: Below, depth: number): unknown {
  const chance = next(6)
  if (depth === 0 || chance > 1) return pick(leaves, next)
  const inner = Array.from({ length: next(4) }, () => randomValue(next, depth - 1))
  return chance === 0 ? inner : Object.fromEntries(inner.map((each) => [pick(keys, next), each]))
}

/** Another object, that differs in one place, or in nothing. */
export function changed(object: Readonly<Record<string, unknown>>, next: Below): Readonly<Record<string, unknown>> {
  const key = pick(keys, next) ?? ''
  const fields = new Map(Object.entries(object))
  const before = fields.get(key)
  if (next(4) === 0) fields.delete(key)
  else fields.set(key, isRecord(before) && next(2) === 0 ? changed(before, next) : randomValue(next, 3))
  return Object.fromEntries(fields)
}

/** Long enough that a change of it is worth a patch. */
export const firstObject = (uid: string) => ({ uid, kept: { list: Array.from({ length: 20 }, (_, i) => ({ i, none: null })) } })

export const textOf = (value: unknown): string =>
  larges.reduce((text, digits, i) => text.replaceAll(`"@large${i}"`, digits), JSON.stringify(value))

/** Large numbers come as texts, so that they differ where they do. */
export const readExactly = (text: string): unknown =>
  JSON.parse(larges.reduce((read, digits, i) => read.replaceAll(digits, `"@large${i}"`), text))
