/** Decoders of columns: what SQLite gives back is JSON text, null or a number where the code wants a value of a known shape. */
import {
  array,
  DecodeError,
  type Decoder,
  decodeJson,
  integer,
  json,
  literal,
  object,
  record,
  string,
} from '@watch-hub/shared/protocol/decode'
import type { ObjectRef } from '../store.ts'
import { reasons } from '../store.ts'

/** NULL is `undefined`. */
export const nullable = <T>(inner: Decoder<T>): Decoder<T | undefined> => ({
  shape: `${inner.shape}|null`,
  decode: (value, path) => (value === null ? undefined : inner.decode(value, path)),
})

export const jsonText = <T>(inner: Decoder<T>): Decoder<T> => ({
  shape: `json ${inner.shape}`,
  decode: (value, path) => decodeJson(inner, string.decode(value, path)),
})

/** JSON text of which few different ones exist: each is parsed once, and rows share the value. Holds at most 1 000. */
export function sharedJson<T>(inner: Decoder<T>): Decoder<T> {
  const parse = jsonText(inner)
  const known = new Map<string, T>()
  return {
    shape: parse.shape,
    decode: (value, path) => {
      const text = string.decode(value, path)
      const found = known.get(text)
      if (found !== undefined) return found
      const parsed = parse.decode(text, path)
      if (known.size >= 1_000) known.clear()
      known.set(text, parsed)
      return parsed
    },
  }
}

/** Without the fields that are absent. */
export function present<T extends Readonly<Record<string, unknown>>>(
  fields: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const found: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const name in fields) {
    const value = fields[name]
    if (isPresent(value)) found[name] = value
  }
  return found
}

const isPresent = <T>(value: T): value is Exclude<T, undefined> => value !== undefined

export const flag: Decoder<boolean> = { shape: '0|1', decode: (value, path) => integer.decode(value, path) !== 0 }

export const count = object({ n: integer })
export const checkpointed = object({ log: integer, checkpointed: integer })
export const names = array(string)
export const metadata = record(json)
export const eventType = literal('created', 'updated', 'deleted')
export const reason = literal(...reasons)
/** Of a JSON value. */
export const number: Decoder<number> = {
  shape: 'number',
  decode: (value, path) => {
    if (typeof value !== 'number') throw new DecodeError(`${path}: expected a number, got ${typeof value}`)
    return value
  },
}
export const objectRef: Decoder<ObjectRef> = object({
  group: string,
  version: string,
  kind: string,
  resource: string,
  namespace: string,
  name: string,
  uid: string,
  resourceVersion: string,
})
