/**
 * `body`: a CEL expression over `payload`, the JSON that a request would carry; what it yields is sent instead, as JSON. `json(value)` makes
 * text of JSON, for receivers that want it within a string. Equal payloads give equal bytes.
 *
 * A missing key is an error, as any other: nothing half made is sent. What a value costs cannot be told before it runs, so whoever runs it
 * bounds time, memory and the size of the answer.
 */
import { CelError, type Expression, type Language, parseCel, reasonOf, runOn } from './cel-language.ts'

/** The payload's format: those that are one JSON object. */
export type BodyPayload = 'watch-hub' | 'watch-proxy'

/** Three loops reach the ports of the containers of each item. */
const bounds = { maxLength: 16_384, maxLoopDepth: 3, without: new Set<string>() }

/** What is wrong with the expression, and where in it; undefined when it can run. */
export function checkBody(source: string, payload: BodyPayload): string | undefined {
  try {
    const { valid, type = 'dyn', error } = parse(source, payload).check()
    if (!valid) return reasonOf(error)
    const [odd] = noJson.exec(type) ?? []
    return odd === undefined ? undefined : `it yields a value of type ${type}, which JSON does not have`
  } catch (error) {
    return reasonOf(error)
  }
}

const noJson = /\b(bytes|uint|type|optional|google\.protobuf\.\w+)\b/

/** Takes and gives JSON text. Throws CelError, with a reason for people, when it cannot be made. */
export type Body = (payload: string) => string

/** Throws CelError for an expression that `checkBody` refuses for any payload. */
export function compileBody(source: string): Body {
  const expression = explained(() => parse(source))
  return (text) => explained(() => jsonOf(runOn(expression, { payload: parseJson(text) })))
}

function explained<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof CelError ? error : new CelError(reasonOf(error), { cause: error })
  }
}

/** Without `payload` all its members are taken to be there: that costs no conversion at run time. */
const parse = (source: string, payload?: BodyPayload): Expression =>
  parseCel(source, bounds, (language) => declare(language.registerFunction('json(dyn): string', jsonOf), payload))

function declare(language: Language, payload: BodyPayload | undefined): Language {
  if (payload === undefined) return language.registerVariable('payload', 'dyn')
  for (const [name, schema] of Object.entries(types)) language.registerType({ name, schema })
  return language.registerVariable({ name: 'payload', schema: payloads[payload] })
}

const types = {
  Cluster: { name: 'string', uid: 'string', labels: 'map<string, string>', metadata: 'map<string, dyn>' },
  Resource: {
    group: 'string',
    version: 'string',
    kind: 'string',
    resource: 'string',
    namespace: 'string',
    name: 'string',
    uid: 'string',
    resourceVersion: 'string',
  },
  Item: {
    id: 'string',
    type: 'string',
    reason: 'string',
    sequence: 'string',
    time: 'string',
    cluster: 'Cluster',
    watches: 'list<string>',
    metadata: 'map<string, dyn>',
    resource: 'Resource',
    object: 'dyn',
    patch: 'dyn',
    base: 'string',
    scan: 'string',
    since: 'string',
    count: 'dyn',
    traceparent: 'string',
  },
  WatchProxyItem: { asset_type_id: 'dyn', data: 'dyn', uniqueId: 'string', event: 'string' },
}

const payloads = {
  'watch-hub': {
    version: 'string',
    id: 'string',
    endpoint: 'string',
    createdAt: 'string',
    metadata: 'map<string, dyn>',
    items: 'list<Item>',
  },
  'watch-proxy': { data: 'list<WatchProxyItem>', meta: 'map<string, dyn>' },
} as const satisfies Record<BodyPayload, Record<string, string>>

/** Whole numbers that a double cannot hold become ints, so that they leave as they came. */
const parseJson = (text: string): unknown => (longNumber.test(text) ? JSON.parse(text, exact) : JSON.parse(text))

const longNumber = /[[:,]\s*-?\d{16}/

const exact = (_key: string, value: unknown, { source = '' }: { readonly source?: string } = {}): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value

function jsonOf(value: unknown): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jsonOf).join()}]`
  if (value instanceof Map) return objectOf([...value])
  if (isPlain(value)) return objectOf(Object.entries(value))
  throw new CelError(`expected a value that JSON has, got ${kindOf(value)}`)
}

const objectOf = (entries: readonly (readonly [unknown, unknown])[]): string =>
  `{${entries.map(([key, each]) => `${JSON.stringify(String(key))}:${jsonOf(each)}`).join()}}`

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

const kindOf = (value: unknown): string =>
  typeof value === 'number'
    ? String(value)
    : `a value of type ${(typeof value === 'object' && value?.constructor.name) || typeof value}`
