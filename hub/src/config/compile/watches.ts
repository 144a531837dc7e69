/** Watch manifests, with the repo's and the built-in defaults under them, and their references to clusters and endpoints resolved. */

import { resourceName } from '@watch-hub/shared/protocol/plan'
import { watchDefaults as builtIn } from '../defaults.ts'
import type { ClusterConfig, EventType, ResourceRef, WatchConfig } from '../model.ts'
import { didYouMean } from '../nearest.ts'
import type { FieldPath } from '../place.ts'
import type { Problems } from '../problems.ts'
import { isClusterScoped, isNamespaceKind } from '../resources.ts'
import type { ClusterChoice, Kind, WatchFields, WatchManifest } from '../schema.ts'
import { chosenClusters } from './clusters.ts'
import type { Declarations, Declared } from './declared.ts'
import { checkEndpointNames, checkIgnored } from './references.ts'

export interface WatchContext {
  readonly defaults: WatchFields
  readonly ignoreNamespaces: readonly string[]
  readonly clusters: readonly ClusterConfig[]
  readonly names: Declarations['names']
  /** Kinds of which a manifest was not accepted. */
  readonly broken: ReadonlySet<Kind>
  readonly problems: Problems
}

export function watchConfig(declared: Declared<WatchManifest>, context: WatchContext): WatchConfig {
  const { manifest, value } = declared
  const { spec } = value
  const { defaults } = context
  const fields = { ...defaults.fields, ...spec.fields }
  const namespaces = { ...defaults.namespaces, ...spec.namespaces }
  const labelSelector = spec.labelSelector ?? defaults.labelSelector
  const when = spec.when ?? defaults.when
  const config: WatchConfig = {
    name: value.metadata.name,
    resources: [...spec.resources].sort(byName),
    clusters: chosenClusters({ ...defaults.clusters, ...spec.clusters }, context.clusters),
    namespaces: {
      ...namespaces,
      include: sortedSet(namespaces.include),
      exclude: sortedSet(namespaces.exclude),
    },
    ...(labelSelector === undefined ? {} : { labelSelector }),
    events: eventsOf(spec.events ?? defaults.events),
    ...(when === undefined ? {} : { when }),
    fields: { keep: sortedSet(fields.keep), prune: sortedSet(fields.prune) },
    initial: spec.initial ?? defaults.initial ?? builtIn.initial,
    resyncMs: spec.resync ?? defaults.resync ?? builtIn.resync,
    includeSecretData: spec.includeSecretData ?? defaults.includeSecretData ?? false,
    attach: { ...defaults.attach, ...spec.attach },
    endpoints: sortedSet(spec.endpoints ?? defaults.endpoints),
    paused: spec.paused ?? defaults.paused ?? false,
    at: manifest.at,
  }
  checkWatch(declared, config, context)
  return config
}

const sortedSet = (items: readonly string[] = []): readonly string[] => [...new Set(items)].sort()

const eventsOf = (asked: readonly EventType[] = builtIn.events): readonly EventType[] =>
  builtIn.events.filter((type) => asked.includes(type))

const refText = (ref: ResourceRef): string => `${resourceName(ref)}${ref.version === undefined ? '' : `/${ref.version}`}`

const byName = (a: ResourceRef, b: ResourceRef): number => (refText(a) < refText(b) ? -1 : 1)

function checkWatch({ manifest, value: { spec } }: Declared<WatchManifest>, config: WatchConfig, context: WatchContext): void {
  const { problems, names, broken, ignoreNamespaces, defaults } = context
  const add = (path: FieldPath, message: string) => problems.add(manifest, ['spec', ...path], message)
  checkEndpointNames(spec.endpoints, names?.Endpoint, (i, message) => add(['endpoints', i], message))
  checkIgnored(spec.namespaces?.include, ignoreNamespaces, (i, message) => add(['namespaces', 'include', i], message))
  checkResources(spec.resources, add)
  checkScope(config, add)
  if (spec.endpoints === undefined && defaults.endpoints === undefined && !broken.has('Settings'))
    add(['endpoints'], 'expected a list of endpoints ([] to send nothing), got nothing')
  if (names !== undefined) checkClusters({ config, choice: spec.clusters ?? {}, names: names.Cluster, broken }, add)
}

type Add = (path: FieldPath, message: string) => void

function checkResources(resources: readonly ResourceRef[], add: Add): void {
  const seen = new Set<string>()
  for (const [i, ref] of resources.entries()) {
    const name = resourceName(ref)
    if (seen.has(name)) add(['resources', i], `expected each kind once, got '${name}' again`)
    seen.add(name)
  }
}

function checkScope({ namespaces, resources }: WatchConfig, add: Add): void {
  if (namespaces.include.length === 0 && namespaces.exclude.length === 0 && namespaces.selector === undefined) return
  const scoped = resources.filter((ref) => isClusterScoped(ref) && !isNamespaceKind(ref)).map(resourceName)
  if (scoped.length > 0)
    add(['namespaces'], `expected no namespaces for a cluster-scoped kind, got some for ${scoped.join(', ')}`)
}

interface Choosing {
  readonly config: WatchConfig
  /** Of the manifest alone. */
  readonly choice: ClusterChoice
  readonly names: ReadonlySet<string>
  readonly broken: ReadonlySet<Kind>
}

function checkClusters({ config, choice, names, broken }: Choosing, add: Add): void {
  const unknown = (choice.names ?? []).flatMap((name, i) => (/[*?]/.test(name) || names.has(name) ? [] : [{ name, i }]))
  for (const { name, i } of unknown)
    add(['clusters', 'names', i], `expected the name of a declared Cluster or a glob, got '${name}'${didYouMean(name, names)}`)
  const excused = unknown.length > 0 || broken.has('Cluster') || broken.has('Settings')
  if (config.clusters.length > 0 || excused) return
  const declared = names.size === 0 ? 'none is declared' : `declared: ${some([...names].sort())}`
  add(['clusters'], `expected to match at least one cluster, got none (${declared})`)
}

const some = (items: readonly string[]): string => (items.length > 8 ? `${items.slice(0, 8).join(', ')}, …` : items.join(', '))
