/**
 * The words that schemas are written in, over zod. Objects are strict; optional fields are absent or there, never undefined; every
 * check that is more than a type says what it expects. One schema gives three things: the check, the type of its outcome, and JSON Schema.
 *
 * `expected` texts complete the sentence "expected …, got …"; checks that see deeper throw their own sentence by `Refused`.
 */
import { z } from 'zod'

export type Schema<T = unknown> = z.ZodType<T>
export type Output<S extends Schema> = z.output<S>

/** What JSON Schemas say besides the type. */
export interface About {
  readonly description: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
}

const about = <S extends z.ZodType>(schema: S, { description, default: value, examples }: About): S =>
  schema.meta({
    description,
    ...(value === undefined ? {} : { default: value }),
    ...(examples === undefined ? {} : { examples: [...examples] }),
  })

/** A map with exactly these fields. */
export function fields<const F extends Readonly<Record<string, z.ZodType>>>(shape: F, of: About) {
  const known = Object.keys(shape).join(' ')
  return about(z.strictObject(shape, { error: ({ code }) => (code === 'unrecognized_keys' ? known : undefined) }), of)
}

export const optional = <S extends z.ZodType>(schema: S) => z.exactOptional(schema)

export const flag = (of: About) => about(z.boolean(), of)
export const oneOf = <const V extends readonly string[]>(values: V, of: About) => about(z.enum(values), of)
export const exactly = <const V extends string>(value: V, of: About) => about(z.literal(value), of)
export const whole = (min: number, max: number, of: About) => {
  const error = `a whole number from ${min} to ${max}`
  return about(z.int({ error }).min(min, { error }).max(max, { error }), of)
}
export const anything = (of: About) => about(z.unknown(), of)
/** `keys`: what their names have to be; any text unless it is said. */
export const mapOf = <S extends z.ZodType>(item: S, of: About & { readonly keys?: Schema<string> & z.core.$ZodRecordKey }) =>
  about(z.record(of.keys ?? z.string(), item), of)
export const listOf = <S extends z.ZodType>(item: S, of: About & { readonly nonEmpty?: boolean }) =>
  about(of.nonEmpty ? z.array(item).min(1, { error: 'at least one item' }) : z.array(item), of)
export const either = <A extends z.ZodType, B extends z.ZodType>(a: A, b: B, expected: string, of: About) =>
  about(z.union([a, b], { error: expected }), of)
/** Maps that differ in the literal value of their field `by`. */
export const anyOf = <const M extends readonly [z.ZodObject, ...z.ZodObject[]]>(by: string, maps: M, of: About) =>
  about(z.discriminatedUnion(by, [...maps]), of)

export const plainText = (of: About) => about(z.string(), of)
/** A text that matches a pattern. */
export const text = (expected: string, pattern: RegExp, of: About) =>
  about(z.string({ error: expected }).regex(pattern, { error: expected }), of)

/** Why a text or value cannot be read: a whole sentence, `expected …, got …`. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** Reads the value further; `read` throws `Refused` for what it cannot follow. */
export const reading = <S extends z.ZodType, T>(schema: S, read: (value: z.output<S>) => T) =>
  schema.transform((value, context): T => {
    try {
      return read(value)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  })

export type Issue = z.core.$ZodIssue
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly Issue[] }

export function check<S extends z.ZodType>(schema: S, value: unknown): Checked<z.output<S>> {
  const result = schema.safeParse(value)
  return result.success ? { ok: true, value: result.data } : { ok: false, issues: result.error.issues }
}

/** JSON Schema, draft 7: what editors understand best. */
export const jsonSchemaOf = (schema: z.ZodType): Readonly<Record<string, unknown>> =>
  z.toJSONSchema(schema, { io: 'input', target: 'draft-7', reused: 'inline' })
