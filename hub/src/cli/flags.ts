/**
 * Flags: how they are spelled, which environment variable stands in for each, and how their text becomes a value.
 * A flag wins over its variable, and that over the default. An empty variable counts as absent.
 */

/** The command was used wrongly; the message says which flag and what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the command line gave: a text, several, or true for a flag without value. */
export type Raw = string | readonly string[] | true

export interface Flag<T> {
  /** `-o, --output <format>`; `<x...>` takes several. */
  readonly spelled: string
  readonly about: string
  readonly env?: string
  /** As help shows it. */
  readonly fallback?: string
  /** Throws UsageError. */
  read(raw: Raw | undefined): T
}

export type Flags = Readonly<Record<string, Flag<unknown>>>
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never }

export interface ValueOptions<T> {
  readonly about: string
  readonly env?: string
  /** Throws UsageError. */
  readonly parse: (text: string) => T
}

const described = (spelled: string, { about, env }: { readonly about: string; readonly env?: string }) => ({
  spelled,
  about,
  ...(env === undefined ? {} : { env }),
})

const single = (raw: Raw): string => {
  if (typeof raw === 'string') return raw
  throw new UsageError('expected one value')
}

export const optional = <T>(spelled: string, options: ValueOptions<T>): Flag<T | undefined> => ({
  ...described(spelled, options),
  read: (raw) => (raw === undefined ? undefined : options.parse(single(raw))),
})

/** `fallback` is a text as people would give it. */
export const defaulted = <T>(spelled: string, options: ValueOptions<T> & { readonly fallback: string }): Flag<T> => ({
  ...described(spelled, options),
  fallback: options.fallback,
  read: (raw) => options.parse(raw === undefined ? options.fallback : single(raw)),
})

export const required = <T>(spelled: string, options: ValueOptions<T>): Flag<T> => ({
  ...described(spelled, options),
  read: (raw) => {
    if (raw === undefined) throw new UsageError('it is required')
    return options.parse(single(raw))
  },
})

/** Several values; in the variable they are separated by commas or spaces. */
export const several = <T>(spelled: string, options: ValueOptions<T>): Flag<readonly T[]> => ({
  ...described(spelled, options),
  read: (raw = []) => {
    const texts = typeof raw === 'string' ? raw.split(/[\s,]+/).filter((text) => text !== '') : raw === true ? [] : raw
    return texts.map(options.parse)
  },
})

/** false unless it is given; in the variable `true` or `1`, `false` or `0`. */
export const onOff = (spelled: string, options: { readonly about: string; readonly env?: string }): Flag<boolean> => ({
  ...described(spelled, options),
  read: (raw) => {
    if (raw === undefined || raw === 'false' || raw === '0') return false
    if (raw === true || raw === 'true' || raw === '1') return true
    throw new UsageError(`expected true or false, got "${String(raw)}"`)
  },
})

/** `-o, --output`: text for people unless one of `formats` is asked for. */
export const output = <const T extends string>(...formats: readonly T[]): Flag<T | 'text'> =>
  defaulted('-o, --output <format>', {
    about: `how to print: text, ${formats.join(', ')}`,
    fallback: 'text',
    parse: (value) => {
      const found = (['text', ...formats] as const).find((format) => format === value)
      if (found === undefined) throw new UsageError(`expected text or ${formats.join(' or ')}, got "${value}"`)
      return found
    },
  })
