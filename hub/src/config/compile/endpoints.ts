/** Endpoint manifests, with the repo's and the built-in defaults under them. */
import { endpointDefaults as builtIn } from '../defaults.ts'
import type { AuthConfig, ClusterConfig, EndpointConfig, Format } from '../model.ts'
import type { Manifest } from '../parse.ts'
import type { Problems } from '../problems.ts'
import type { EndpointFields, EndpointManifest } from '../schema.ts'
import { chosenClusters } from './clusters.ts'
import type { Declared } from './declared.ts'
import { checkHeaders } from './secrets.ts'
import { checkTogether, isSingle } from './together.ts'

export interface EndpointContext {
  readonly defaults: EndpointFields
  readonly clusters: readonly ClusterConfig[]
  readonly problems: Problems
}

type Spec = EndpointManifest['spec']

export function endpointConfig({ manifest, value }: Declared<EndpointManifest>, context: EndpointContext): EndpointConfig {
  const { defaults, clusters } = context
  const { spec } = value
  checkEndpoint(spec, manifest, context)
  const merged = { ...builtIn, ...defaults, ...spec }
  const { unwatched, guard, rateLimit, body = '' } = merged
  return {
    name: value.metadata.name,
    url: spec.url,
    format: merged.format,
    auth: authConfig(merged.auth),
    headers: { ...defaults.headers, ...spec.headers },
    tls: { ...defaults.tls, ...spec.tls },
    signing: merged.signing?.secrets ?? [],
    batch: batchConfig({ ...defaults.batch, ...spec.batch }, merged.format),
    timeoutMs: merged.timeout,
    ...(rateLimit !== undefined && { rateLimit: { requests: rateLimit.requests, perMs: rateLimit.per } }),
    retry: { maxAgeMs: { ...builtIn.retry, ...defaults.retry, ...spec.retry }.maxAge },
    outcomes: { ...defaults.outcomes, ...spec.outcomes },
    concurrency: merged.concurrency,
    history: merged.history,
    delta: merged.delta,
    unwatched,
    ...(unwatched === 'delete' && guard !== undefined && { guard }),
    ...(body !== '' && { body }),
    allow: allowConfig({ ...defaults.allow, ...spec.allow }, clusters),
    markers: merged.markers,
    attach: { ...defaults.attach, ...spec.attach },
    paused: merged.paused ?? false,
    at: manifest.at,
  }
}

function checkEndpoint(spec: Spec, manifest: Manifest, { defaults, problems }: EndpointContext): void {
  const add = (field: string, message: string) => problems.add(manifest, ['spec', field], message)
  checkTogether(spec, { manifest, at: ['spec'], problems }, defaults)
  const { auth, format } = { ...defaults, ...spec }
  checkHeaders({ ...(auth && { auth }), ...(format && { format }), ...spec }, manifest, ['spec'], problems)
  const unwatched = spec.unwatched ?? defaults.unwatched ?? builtIn.unwatched
  // From the defaults it waits for those that opt in.
  if (spec.guard !== undefined && unwatched === 'keep')
    add('guard', 'expected unwatched: delete beside guard (otherwise no commit reports deletions), got unwatched: keep')
  if (spec.tls !== undefined && /^http:/i.test(spec.url)) add('tls', 'expected an https URL beside tls, got an http one')
}

function batchConfig({ maxWait, ...batch }: NonNullable<EndpointFields['batch']>, format: Format): EndpointConfig['batch'] {
  const { maxWait: wait, maxObjects, ...rest } = builtIn.batch
  return { maxObjects: isSingle(format) ? 1 : maxObjects, ...rest, ...batch, maxWaitMs: maxWait ?? wait }
}

function authConfig(auth: EndpointFields['auth']): AuthConfig {
  if (auth?.basic !== undefined) return { kind: 'basic', ...auth.basic }
  if (auth?.bearer !== undefined) return { kind: 'bearer', token: auth.bearer }
  if (auth?.oauth2 !== undefined) return { kind: 'oauth2', ...auth.oauth2, scopes: auth.oauth2.scopes ?? [] }
  return { kind: 'none' }
}

/** Names stay globs, so that the fence also knows clusters that a commit removes; a selector can only mean those that are declared. */
function allowConfig(allow: NonNullable<EndpointFields['allow']>, clusters: readonly ClusterConfig[]): EndpointConfig['allow'] {
  const { clusters: choice, ...rest } = allow
  if (choice === undefined) return rest
  const names = choice.selector === undefined ? choice.names : chosenClusters(choice, clusters)
  return { ...rest, ...(names === undefined ? {} : { clusters: names }) }
}
