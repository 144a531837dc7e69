/** Query parameters, checked: a name that nobody knows is refused, because a filter that is misspelt would mean "all". */
import { badRequest } from './problem.ts'

export type Query = Readonly<Record<string, string>>

export function refuseOthers(query: Query, known: readonly string[]): void {
  const strange = Object.keys(query).find((key) => !known.includes(key))
  if (strange !== undefined) throw badRequest(`expected only the parameters ${known.join(', ')}, got "${strange}"`)
}

export function whole(name: string, text: string, { min = 0, max }: { readonly min?: number; readonly max: number }): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw badRequest(`${name}: expected a whole number, ${min}–${max}, got "${text}"`)
  return value
}

export function flag(name: string, text = 'false'): boolean {
  if (text !== 'true' && text !== 'false') throw badRequest(`${name}: expected true or false, got "${text}"`)
  return text === 'true'
}

/** Those of `names` that are given. */
export const texts = <const N extends string>(query: Query, names: readonly N[]): { readonly [K in N]?: string } => {
  const out: { [K in N]?: string } = {}
  for (const name of names) if (query[name] !== undefined) out[name] = query[name]
  return out
}
