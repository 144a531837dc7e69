/** What spans and metrics of OTLP have in common, https://github.com/open-telemetry/opentelemetry-proto: common.proto, resource.proto. */
import { bitsOf, bytesOf, doubleOf, type Fields, messageOf, messagesOf, textOf } from './protobuf.ts'

/** Whole numbers are numbers where they are exact, bytes are hex. */
export type Attribute = string | number | bigint | boolean | readonly Attribute[] | Attributes | undefined
export interface Attributes {
  readonly [key: string]: Attribute
}

/** Where a span or a metric comes from. */
export interface Origin {
  readonly resource: Attributes
  readonly scope: { readonly name: string; readonly version: string }
}

export const attributesOf = (fields: Fields, number: number): Attributes =>
  Object.fromEntries(messagesOf(fields, number).map((pair) => [textOf(pair, 1), attributeOf(messageOf(pair, 2))]))

function attributeOf(value: Fields): Attribute {
  const [kind] = value.keys()
  if (kind === 1) return textOf(value, 1)
  if (kind === 2) return bitsOf(value, 2) !== 0n
  if (kind === 3) return numberOf(BigInt.asIntN(64, bitsOf(value, 3)))
  if (kind === 4) return doubleOf(bitsOf(value, 4))
  if (kind === 5) return messagesOf(messageOf(value, 5), 1).map(attributeOf)
  if (kind === 6) return attributesOf(messageOf(value, 6), 1)
  if (kind === 7) return Buffer.from(bytesOf(value, 7)).toString('hex')
  return undefined
}

export const numberOf = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

/** Both requests are `resources → scopes → things`; `of` makes something of each thing. */
export const thingsOf = <T>(request: Fields, of: (thing: Fields, origin: Origin) => readonly T[]): readonly T[] =>
  messagesOf(request, 1).flatMap((perResource) => {
    const resource = attributesOf(messageOf(perResource, 1), 1)
    return messagesOf(perResource, 2).flatMap((perScope) => {
      const scope = messageOf(perScope, 1)
      const origin = { resource, scope: { name: textOf(scope, 1), version: textOf(scope, 2) } }
      return messagesOf(perScope, 2).flatMap((thing) => of(thing, origin))
    })
  })
