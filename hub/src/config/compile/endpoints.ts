/** Endpoint manifests, with the repo's and the built-in defaults under them. */
import { endpointDefaults as builtIn } from '../defaults.ts'
import type { AuthConfig, ClusterConfig, EndpointConfig } from '../model.ts'
import type { Manifest } from '../parse.ts'
import type { Problems } from '../problems.ts'
import type { EndpointFields, EndpointManifest } from '../schema.ts'
import { chosenClusters } from './clusters.ts'
import type { Declared } from './declared.ts'
import { checkHeaders } from './secrets.ts'
import { refuseEndpointGaps } from './unsupported.ts'

export interface EndpointContext {
  readonly defaults: EndpointFields
  readonly clusters: readonly ClusterConfig[]
  readonly problems: Problems
}

export function endpointConfig({ manifest, value }: Declared<EndpointManifest>, context: EndpointContext): EndpointConfig {
  const { spec } = value
  const { defaults, problems } = context
  refuseEndpointGaps(spec, manifest, ['spec'], problems)
  checkHeaders({ ...(defaults.auth && { auth: defaults.auth }), ...spec }, manifest, ['spec'], problems)
  const { maxWait, ...batch } = { ...builtIn.batch, ...defaults.batch, ...spec.batch }
  return {
    name: value.metadata.name,
    url: spec.url,
    format: (spec.format ?? defaults.format) === 'watch-proxy' ? 'watch-proxy' : builtIn.format,
    auth: authConfig(spec.auth ?? defaults.auth),
    headers: { ...defaults.headers, ...spec.headers },
    tls: {},
    signing: [],
    batch: { ...batch, maxWaitMs: maxWait },
    timeoutMs: spec.timeout ?? defaults.timeout ?? builtIn.timeout,
    retry: { maxAgeMs: spec.retry?.maxAge ?? builtIn.retry.maxAge },
    outcomes: {},
    concurrency: builtIn.concurrency,
    history: spec.history ?? defaults.history ?? builtIn.history,
    delta: deltaOf(spec, manifest, context),
    unwatched: 'keep',
    allow: allowConfig({ ...defaults.allow, ...spec.allow }, context.clusters),
    markers: markersOf(spec, manifest, context),
    attach: { ...defaults.attach, ...spec.attach },
    paused: spec.paused ?? defaults.paused ?? false,
    at: manifest.at,
  }
}

/** A payload without a place for a patch cannot tell one. */
function deltaOf(spec: EndpointFields, manifest: Manifest, { defaults, problems }: EndpointContext): boolean {
  const delta = spec.delta ?? defaults.delta ?? builtIn.delta
  const format = spec.format ?? defaults.format ?? builtIn.format
  if (delta && format === 'watch-proxy')
    problems.add(
      manifest,
      ['spec', spec.delta === undefined ? 'format' : 'delta'],
      'expected delta: false with format: watch-proxy, whose payload has no place for a patch, got delta: true',
    )
  return delta
}

/** A format that has no item for the end of a scan cannot tell it. */
function markersOf(spec: EndpointFields, manifest: Manifest, { defaults, problems }: EndpointContext): boolean {
  const markers = spec.markers ?? defaults.markers ?? false
  const format = spec.format ?? defaults.format ?? builtIn.format
  if (markers && format === 'watch-proxy')
    problems.add(
      manifest,
      ['spec', spec.markers === undefined ? 'format' : 'markers'],
      'expected markers: false with format: watch-proxy, which has no item for the end of a scan, got markers: true',
    )
  return markers
}

function authConfig(auth: EndpointFields['auth']): AuthConfig {
  if (auth?.basic !== undefined) return { kind: 'basic', ...auth.basic }
  if (auth?.bearer !== undefined) return { kind: 'bearer', token: auth.bearer }
  return { kind: 'none' }
}

/** Names stay globs, so that the fence also knows clusters that a commit removes; a selector can only mean those that are declared. */
function allowConfig(allow: NonNullable<EndpointFields['allow']>, clusters: readonly ClusterConfig[]): EndpointConfig['allow'] {
  const { clusters: choice, ...rest } = allow
  if (choice === undefined) return rest
  const names = choice.selector === undefined ? choice.names : chosenClusters(choice, clusters)
  return { ...rest, ...(names === undefined ? {} : { clusters: names }) }
}
