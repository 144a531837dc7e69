/** Secrets that were written into Git where a reference belongs: texts that look like one, and headers that carry one. Never shows them. */
import type { Manifest } from '../parse.ts'
import { type FieldPath, secretShape } from '../place.ts'
import type { Problems } from '../problems.ts'
import type { EndpointFields } from '../schema.ts'

const advice = 'put it into a file of the secrets folder and refer to it'

/** Looks at every text of a manifest. */
export function refuseSecretTexts(manifest: Manifest, problems: Problems): void {
  for (const [path, text] of textsOf(manifest.value, [])) {
    const isUrl = path.join('.') === 'spec.url' || path.slice(-2).join('.') === 'oauth2.tokenUrl' // judged as one
    const shape = isUrl ? undefined : secretShape(text)
    if (shape !== undefined) problems.add(manifest, path, `expected no secret in Git, got what looks like ${shape}: ${advice}`)
  }
}

function* textsOf(value: unknown, path: FieldPath): Generator<readonly [FieldPath, string]> {
  if (typeof value === 'string') yield [path, value]
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* textsOf(item, [...path, i])
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) yield* textsOf(item, [...path, key])
}

const carriesCredential =
  /^(cookie|(proxy-)?authorization)$|token|secret|passw|credential|api[-_]?key|access[-_]?key|private[-_]?key|(^|[-_])auth($|[-_])/i

/** Set by the hub, or by HTTP itself. */
const reserved = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-connection',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'webhook-id',
  'webhook-signature',
  'webhook-test',
  'webhook-timestamp',
])

export function checkHeaders(spec: EndpointFields, manifest: Manifest, at: FieldPath, problems: Problems): void {
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(spec.headers ?? {})) {
    const refuse = (message: string, part?: 'key') => problems.add(manifest, [...at, 'headers', name], message, part)
    const lower = name.toLowerCase()
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) refuse(`expected the name of an HTTP header, got '${name}'`, 'key')
    else if (reserved.has(lower) || (spec.format === 'cloudevents-binary' && lower.startsWith('ce-')))
      refuse(`expected a header that the hub does not set itself, got '${name}'`, 'key')
    else if (seen.has(lower)) refuse(`expected each header once, got '${name}' again`, 'key')
    else if (lower === 'authorization' && spec.auth !== undefined)
      refuse('expected either auth or an Authorization header, got both', 'key')
    else if (typeof value === 'string') checkPlainValue(name, value, refuse)
    seen.add(lower)
  }
}

function checkPlainValue(name: string, value: string, refuse: (message: string) => void): void {
  if (carriesCredential.test(name))
    refuse(
      `expected a reference, {secret: NAME/KEY} or {env: NAME} (a header of this name carries a credential), got a text: ${advice}`,
    )
  else if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
    refuse('expected a value that a header can carry (one line, no control characters), got another')
}
