/** The small values of manifests: names, globs, durations, sizes, kinds, selectors, expressions, paths and references to secrets. */
import { checkWhen } from '@watch-hub/shared/pipeline/cel'
import { PathError, parsePath } from '@watch-hub/shared/pipeline/path'
import { checkLabelSelector, parseLabelSelector, SelectorError } from '@watch-hub/shared/pipeline/selector'
import type { LabelSelector } from '@watch-hub/shared/protocol/plan'
import type { ResourceRef } from '../model.ts'
import { shown } from '../place.ts'
import { parseResource } from '../resources.ts'
import { formatDuration, parseDuration, parseSize } from '../units.ts'
import { type About, anything, either, fields, listOf, mapOf, optional, plainText, Refused, reading, text, whole } from './zod.ts'

export const namePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

export const name = (of: About) =>
  text("a DNS label (up to 63 lowercase letters, digits and '-', not at its ends)", namePattern, of)

/** Over names of clusters and namespaces. */
export const glob = (of: About) => text("a name or glob (lowercase letters, digits, '-', '*', '?')", /^[-a-z0-9*?]{1,253}$/, of)

const durationPattern = /^\d+(ms|s|m|h)$/

/** → milliseconds. Bounds are in milliseconds too. */
export function duration(min: number, max: number, of: About) {
  const expected = `a duration from ${formatDuration(min)} to ${formatDuration(max)} like 500ms, 10s, 5m or 12h`
  return reading(text(expected, durationPattern, of), (value) => {
    const ms = parseDuration(value)
    if (ms === undefined || ms < min || ms > max) throw new Refused(`expected ${expected}, got ${shown(value)}`)
    return ms
  })
}

/** → bytes. */
export function size(min: number, max: number, of: About) {
  const expected = `a size from ${min} to ${max} bytes like 1000, 512Ki or 1Mi`
  return reading(either(text(expected, /^\d+(Ki|Mi|Gi)?$/, of), whole(min, max, of), expected, of), (value): number => {
    const bytes = parseSize(String(value))
    if (bytes === undefined || bytes < min || bytes > max) throw new Refused(`expected ${expected}, got ${shown(value)}`)
    return bytes
  })
}

/** → ResourceRef */
export const resource = (of: About) =>
  reading(plainText(of), (value): ResourceRef => {
    const parsed = parseResource(value)
    if (typeof parsed === 'string') throw new Refused(`expected ${parsed}, got ${shown(value)}`)
    return parsed
  })

const selectorText = 'Text form: app=shop,tier!=cache,env in (prod,stage),owner,!legacy.'

/** → LabelSelector, whichever way it is written. */
export const labelSelector = (of: About) =>
  reading(
    either(
      plainText({ description: selectorText }),
      fields(
        {
          matchLabels: optional(
            mapOf(plainText({ description: 'Value of the label.' }), {
              description: 'Labels that all have to be there, with these values.',
            }),
          ),
          matchExpressions: optional(
            listOf(
              fields(
                {
                  key: plainText({ description: 'Name of the label.' }),
                  operator: plainText({ description: 'In, NotIn, Exists or DoesNotExist.' }),
                  values: optional(
                    listOf(plainText({ description: 'A value of the label.' }), { description: 'For In and NotIn.' }),
                  ),
                },
                { description: 'One requirement.' },
              ),
              { description: 'Requirements that all have to hold.' },
            ),
          ),
        },
        { description: 'The structured form of Kubernetes.' },
      ),
      'a label selector (a text like app=shop or a map with matchLabels, matchExpressions)',
      of,
    ),
    (value): LabelSelector => (typeof value === 'string' ? selectorOfText(value) : checkedSelector(value)),
  )

function selectorOfText(value: string): LabelSelector {
  try {
    return parseLabelSelector(value)
  } catch (error) {
    if (error instanceof SelectorError) throw new Refused(`expected a label selector, got ${shown(value)}: ${error.message}`)
    throw error
  }
}

function checkedSelector(value: LabelSelector): LabelSelector {
  const problem = checkLabelSelector(value)
  if (problem !== undefined) throw new Refused(`expected a label selector, got one with a fault: ${problem}`)
  return value
}

export const when = (of: About) =>
  reading(plainText(of), (value) => {
    const problem = checkWhen(value)
    if (problem !== undefined)
      throw new Refused(
        `expected a CEL expression over object and cluster that is true or false, got ${shown(value)}: ${problem}`,
      )
    return value
  })

/** A CEL expression over `payload`. */
export const body = (of: About) => plainText(of)

/** Of an answer: `404`, or `4xx`. */
export const statusOrClass = text('an HTTP status like 404 or a class like 4xx, from 2 to 5', /^[2-5](\d\d|xx)$/, {
  description: 'A status, or a class of statuses.',
})

/** A path into an object, kept as it is written. */
export const objectPath = (of: About) =>
  reading(plainText(of), (value) => {
    try {
      parsePath(value)
      return value
    } catch (error) {
      if (error instanceof PathError) throw new Refused(error.message)
      throw error
    }
  })

/** Label key → value, as Kubernetes allows them. */
export const labelMap = (of: About) =>
  reading(mapOf(plainText({ description: 'Value of the label.' }), of), (labels) => {
    const problem = checkLabelSelector({ matchLabels: labels })
    if (problem !== undefined) throw new Refused(problem.replace(/^matchLabels\['[^']*'\]: /, ''))
    return labels
  })

const secretName = /^(?!\.\.)(?!\.$)[-._a-zA-Z0-9]+(\/(?!\.\.)(?!\.$)(?!allowed-hosts$)[-._a-zA-Z0-9]+)?$/
const reference = 'a reference, {secret: NAME/KEY} or {env: NAME} (secrets do not belong in Git)'

export const secretRef = (of: About) =>
  either(
    fields(
      {
        secret: text('the name of a secret file, NAME or NAME/KEY', secretName, {
          description: "NAME/KEY or NAME: a file below the hub's --secrets folder.",
          examples: ['dns/password'],
        }),
      },
      { description: "A file below the hub's --secrets folder." },
    ),
    fields(
      {
        env: text('a name of letters, digits and _', /^[A-Za-z_][A-Za-z0-9_]*$/, {
          description: 'NAME stands for the environment variable WATCH_HUB_SECRET_NAME of the hub.',
        }),
      },
      { description: 'An environment variable of the hub.' },
    ),
    reference,
    of,
  )

/** JSON of any shape under each name; attached to events. */
export const metadata = (of: About) => mapOf(anything({ description: 'Any value.' }), of)
