/** Fields that the manifests have and this version cannot do yet. They are refused: what is accepted has its effect. */
import { endpointDefaults } from '../defaults.ts'
import type { Manifest } from '../parse.ts'
import { type FieldPath, shown, valueAt } from '../place.ts'
import type { Problems } from '../problems.ts'
import type { EndpointFields } from '../schema.ts'

interface Gap<T> {
  readonly path: FieldPath
  readonly expected: string
  /** Whether the spec asks for what cannot be done. */
  readonly asks: (spec: T) => boolean
}

const other = <T>(value: T | undefined, fine: T): boolean => value !== undefined && value !== fine

const endpointGaps: readonly Gap<EndpointFields>[] = [
  { path: ['format'], expected: 'watch-hub | watch-proxy', asks: ({ format }) => format?.startsWith('cloudevents') ?? false },
  { path: ['auth', 'oauth2'], expected: 'basic or bearer', asks: ({ auth }) => auth?.oauth2 !== undefined },
  { path: ['tls'], expected: 'no tls', asks: ({ tls }) => tls !== undefined },
  { path: ['signing'], expected: 'no signing', asks: ({ signing }) => signing !== undefined },
  { path: ['rateLimit'], expected: 'no rateLimit', asks: ({ rateLimit }) => rateLimit !== undefined },
  { path: ['retry', 'maxAge'], expected: '72h', asks: ({ retry }) => other(retry?.maxAge, endpointDefaults.retry.maxAge) },
  { path: ['concurrency'], expected: '1', asks: ({ concurrency }) => other(concurrency, endpointDefaults.concurrency) },
  { path: ['unwatched'], expected: 'keep', asks: ({ unwatched }) => other(unwatched, 'keep') },
  { path: ['guard'], expected: 'no guard', asks: ({ guard }) => guard !== undefined },
  { path: ['body'], expected: 'no body', asks: ({ body }) => other(body, '') },
]

/** `at`: where the spec stands in the manifest. */
const refuse =
  <T>(gaps: readonly Gap<T>[]) =>
  (spec: T, manifest: Manifest, at: FieldPath, problems: Problems): void => {
    for (const { path, expected, asks } of gaps) {
      const full = [...at, ...path]
      if (!asks(spec)) continue
      problems.add(
        manifest,
        full,
        `expected ${expected}, got ${shown(valueAt(manifest.value, full))}, which is not supported yet`,
      )
    }
  }

export const refuseEndpointGaps = refuse(endpointGaps)
