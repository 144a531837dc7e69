/** Content hashes: sha256, base64url, the first 22 characters (132 bits). Equal content, equal hash; nothing secret depends on them. */
import { hash } from 'node:crypto'

const length = 22

/** Over the text as it is. */
export const bodyHash = (text: string): string => hash('sha256', text, 'base64url').slice(0, length)

/** Over the JSON of `value` with sorted keys. As in JSON, fields that are undefined do not exist. */
export const contentHash = (value: unknown): string => bodyHash(canonicalJson(value))

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (isPlainObject(each) ? sorted(each) : each)) ?? 'undefined'
}

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Without a prototype: a key `__proto__` is a key like any other. Keys that look like numbers come first, in any engine. */
function sorted(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null)
  for (const key of Object.keys(value).sort()) out[key] = value[key]
  return out
}
