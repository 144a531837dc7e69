/**
 * Where the fields stand that a Snapshot was made from, for whoever explains it. A field that its manifest does not have stands in the defaults of
 * Settings when they have it, else at the manifest itself.
 */
import type { FieldPlaces, Places, SourceRef } from '../model.ts'
import type { Manifest } from '../parse.ts'
import { type FieldPath, valueAt } from '../place.ts'
import type { Declarations, Declared } from './declared.ts'

const watchFields = [
  ...['resources', 'clusters', 'namespaces.include', 'namespaces.exclude', 'namespaces.selector'],
  ...['labelSelector', 'when', 'events', 'initial', 'endpoints', 'paused'],
]
const endpointFields = ['allow.clusters', 'allow.namespaces', 'allow.resources', 'rateLimit', 'paused']

export function placesOf({ clusters, endpoints, watches, settings }: Declarations): Places {
  const repo = settings?.manifest
  return {
    clusters: byName(clusters, (manifest) => placesIn(manifest, ['paused'])),
    endpoints: byName(endpoints, (manifest) => placesIn(manifest, endpointFields, { repo, under: 'endpoint' })),
    watches: byName(watches, (manifest) => placesIn(manifest, watchFields, { repo, under: 'watch' })),
    settings: repo === undefined ? {} : placesIn(repo, ['ignoreNamespaces']),
  }
}

type Named = { readonly metadata: { readonly name: string } }

const byName = <T extends Named>(
  declared: readonly Declared<T>[],
  of: (manifest: Manifest) => FieldPlaces,
): ReadonlyMap<string, FieldPlaces> => new Map(declared.map(({ manifest, value }) => [value.metadata.name, of(manifest)]))

interface Defaults {
  readonly repo: Manifest | undefined
  readonly under: 'endpoint' | 'watch'
}

const placesIn = (manifest: Manifest, fields: readonly string[], defaults?: Defaults): FieldPlaces =>
  Object.fromEntries(fields.map((field) => [field, placeOf(manifest, field.split('.'), defaults)]))

function placeOf(manifest: Manifest, field: FieldPath, defaults: Defaults | undefined): SourceRef {
  const own = ['spec', ...field]
  if (has(manifest, own)) return manifest.place(own, 'key')
  const inherited = ['spec', 'defaults', defaults?.under ?? '', ...field]
  return defaults?.repo !== undefined && has(defaults.repo, inherited) ? defaults.repo.place(inherited, 'key') : manifest.at
}

const has = ({ value }: Manifest, path: FieldPath): boolean => valueAt(value, path) !== undefined
