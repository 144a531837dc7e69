/**
 * What the fields of an Endpoint may not say together. A contradiction is told where it was written: at the field, else at the one that
 * does not go with it; what the repo's defaults contradict by themselves is told there and not again at each endpoint.
 */
import { checkBody } from '@watch-hub/shared/pipeline/cel-body'
import { endpointDefaults as builtIn } from '../defaults.ts'
import type { Format } from '../model.ts'
import type { Manifest } from '../parse.ts'
import { type FieldPath, shown } from '../place.ts'
import type { Problems } from '../problems.ts'
import type { EndpointFields } from '../schema.ts'

export interface Written {
  readonly manifest: Manifest
  /** Where the fields stand in it. */
  readonly at: FieldPath
  readonly problems: Problems
}

/** Formats that have one event per request. */
export const isSingle = (format: Format): boolean => format === 'cloudevents' || format === 'cloudevents-binary'

/** `under`: what holds where the fields say nothing. */
export function checkTogether(own: EndpointFields, written: Written, under: EndpointFields = {}): void {
  for (const { field, says, refusal } of formatRules) {
    const format = own.format ?? under.format ?? builtIn.format
    const message = refusal({ ...under, ...own, batch: { ...under.batch, ...own.batch } }, format)
    if (message === undefined) continue
    if (says(own)) written.problems.add(written.manifest, [...written.at, ...field], message)
    else if (own.format !== undefined) written.problems.add(written.manifest, [...written.at, 'format'], message)
  }
}

function bodyProblem(body: string, format: Format): string | undefined {
  if (format !== 'watch-hub' && format !== 'watch-proxy')
    return `expected no body ("") with format: ${format} (it makes other JSON of a payload, and a CloudEvent is one already), got one`
  const problem = checkBody(body, format)
  return (
    problem && `expected a CEL expression over the payload of format: ${format} that yields JSON, got ${shown(body)}: ${problem}`
  )
}

interface FormatRule {
  readonly field: FieldPath
  readonly says: (own: EndpointFields) => boolean
  /** What is wrong with the field under a format, if anything. */
  readonly refusal: (all: EndpointFields, format: Format) => string | undefined
}

const formatRules: readonly FormatRule[] = [
  {
    field: ['delta'],
    says: ({ delta }) => delta !== undefined,
    refusal: ({ delta = false }, format) =>
      delta && format !== 'watch-hub'
        ? `expected delta: false with format: ${format}, whose payload has no place for a patch, got delta: true`
        : undefined,
  },
  {
    field: ['markers'],
    says: ({ markers }) => markers !== undefined,
    refusal: ({ markers = false }, format) =>
      markers && format === 'watch-proxy'
        ? 'expected markers: false with format: watch-proxy, which has no item for the end of a scan, got markers: true'
        : undefined,
  },
  {
    field: ['body'],
    says: ({ body }) => body !== undefined,
    refusal: ({ body = '' }, format) => (body === '' ? undefined : bodyProblem(body, format)),
  },
  {
    field: ['batch', 'maxObjects'],
    says: ({ batch }) => batch?.maxObjects !== undefined,
    refusal: ({ batch: { maxObjects = 1 } = {} }, format) =>
      maxObjects > 1 && isSingle(format)
        ? `expected maxObjects: 1 with format: ${format}, which has one event per request, got ${maxObjects}`
        : undefined,
  },
]
