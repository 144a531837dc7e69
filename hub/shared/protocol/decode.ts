/**
 * Small decoders for what the other side of the link sends: a value of a known shape, or a `DecodeError` that says
 * where, what was expected and what came. Each decoder describes its own shape, so that a test can guard the wire format.
 * Unknown fields are ignored: that is what lets a newer side talk to an older one.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

export interface Decoder<T> {
  readonly shape: string
  decode(value: unknown, path?: string): T
}

export type Decoded<D> = D extends Decoder<infer T> ? T : never

const fail = (path: string, expected: string, value: unknown): never => {
  throw new DecodeError(`${path || 'message'}: expected ${expected}, got ${preview(value)}`)
}

function preview(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const primitive = <T>(shape: string, is: (value: unknown) => value is T): Decoder<T> => ({
  shape,
  decode: (value, path = '') => (is(value) ? value : fail(path, shape, value)),
})

export const string: Decoder<string> = primitive('string', (v) => typeof v === 'string')
export const boolean: Decoder<boolean> = primitive('boolean', (v) => typeof v === 'boolean')
/** A whole number that JSON carries exactly. */
export const integer: Decoder<number> = primitive('integer', (v): v is number => Number.isSafeInteger(v))

export const literal = <const T extends string>(...values: readonly T[]): Decoder<T> =>
  primitive(values.map((v) => JSON.stringify(v)).join('|'), (v): v is T => values.some((known) => known === v))

export const array = <T>(item: Decoder<T>): Decoder<readonly T[]> => ({
  shape: `[${item.shape}]`,
  decode: (value, path = '') => {
    if (!Array.isArray(value)) return fail(path, 'a list', value)
    return value.map((each: unknown, i) => item.decode(each, `${path}[${i}]`))
  },
})

export const record = <T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> => ({
  shape: `{*:${item.shape}}`,
  decode: (value, path = '') => {
    if (!isRecord(value)) return fail(path, 'an object', value)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, item.decode(each, `${path}.${key}`)]))
  },
})

/** JSON of any shape, kept as it is. */
export const json: Decoder<unknown> = { shape: 'json', decode: (value) => value }

/** Marks a field that may be absent; absent stays absent, never `undefined`. */
export const optional = <T>(inner: Decoder<T>): Decoder<T> & { readonly optional: true } => ({
  shape: `${inner.shape}?`,
  decode: inner.decode,
  optional: true,
})

type Fields = Readonly<Record<string, Decoder<unknown> & { readonly optional?: true }>>
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends { readonly optional: true } ? K : never }[keyof F]
export type ObjectOf<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Decoded<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: Decoded<F[K]>
}

export function object<F extends Fields>(fields: F): Decoder<ObjectOf<F>>
export function object(fields: Fields): Decoder<Readonly<Record<string, unknown>>> {
  const entries = Object.entries(fields)
  return {
    shape: `{${entries.map(([key, decoder]) => `${key}:${decoder.shape}`).join(',')}}`,
    decode: (value, path = '') => {
      if (!isRecord(value)) return fail(path, 'an object', value)
      const out: Record<string, unknown> = {}
      for (const [key, decoder] of entries) {
        const each = value[key]
        if (each === undefined && decoder.optional) continue
        out[key] = decoder.decode(each, path === '' ? key : `${path}.${key}`)
      }
      return out
    },
  }
}

type Variants = Readonly<Record<string, Decoder<unknown>>>
export type UnionOf<V extends Variants> = { [K in keyof V]: { readonly type: K } & Decoded<V[K]> }[keyof V]

/** A message told apart by its field `type`. */
export function union<V extends Variants>(variants: V): Decoder<UnionOf<V>>
export function union(variants: Variants): Decoder<unknown> {
  return {
    shape: Object.entries(variants)
      .map(([type, decoder]) => `${type}${decoder.shape}`)
      .join('|'),
    decode: (value, path = '') => {
      const type = isRecord(value) ? value.type : undefined
      const decoder = typeof type === 'string' && Object.hasOwn(variants, type) ? variants[type] : undefined
      if (decoder === undefined) return fail(path === '' ? 'type' : `${path}.type`, Object.keys(variants).join(' | '), type)
      const body = decoder.decode(value, path)
      return isRecord(body) ? { ...body, type } : fail(path, 'an object', value)
    },
  }
}

/** Decodes JSON text. */
export function decodeJson<T>(decoder: Decoder<T>, text: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DecodeError(`message: expected JSON, got ${preview(text)}`, { cause })
  }
  return decoder.decode(value)
}
