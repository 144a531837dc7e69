/**
 * The four manifest kinds as people write them. A schema checks one manifest alone, whatever the others say; rules across manifests
 * are `compile`'s. Outcomes hold milliseconds, bytes and parsed selectors, and no defaults.
 */
import { type clusterChoice, clusterSpec } from './schema/cluster.ts'
import { type endpointFields, endpointSpec } from './schema/endpoint.ts'
import { labelMap, name } from './schema/scalars.ts'
import { settingsSpec } from './schema/settings.ts'
import { type watchFields, watchSpec } from './schema/watch.ts'
import { anyOf, exactly, fields, jsonSchemaOf, type Output, optional, type Schema } from './schema/zod.ts'

export const apiVersion = 'watch-hub.dev/v1alpha1'
export const kinds = ['Cluster', 'Endpoint', 'Watch', 'Settings'] as const
export type Kind = (typeof kinds)[number]

const version = exactly(apiVersion, { description: 'Version of the manifest format.' })
const labels = optional(labelMap({ description: 'Labels, as in Kubernetes.', examples: [{ env: 'prod' }] }))
const named = fields(
  { name: name({ description: 'Unique among the manifests of this kind.' }), labels },
  { description: 'Name and labels.' },
)
const perhapsNamed = fields({ name: optional(name({ description: 'Free.' })), labels }, { description: 'Name and labels.' })

const kindOf = <const K extends Kind>(kind: K) => exactly(kind, { description: 'Kind of the manifest.' })

export const manifestSchemas = {
  Cluster: fields(
    { apiVersion: version, kind: kindOf('Cluster'), metadata: named, spec: optional(clusterSpec) },
    { description: 'A cluster whose agent may join.' },
  ),
  Endpoint: fields(
    { apiVersion: version, kind: kindOf('Endpoint'), metadata: named, spec: endpointSpec },
    { description: 'An HTTP endpoint that is told of events.' },
  ),
  Watch: fields(
    { apiVersion: version, kind: kindOf('Watch'), metadata: named, spec: watchSpec },
    { description: 'Which objects in which clusters, and who is told of them.' },
  ),
  Settings: fields(
    { apiVersion: version, kind: kindOf('Settings'), metadata: optional(perhapsNamed), spec: optional(settingsSpec) },
    { description: 'What holds for the whole repo; at most one.' },
  ),
} as const satisfies Readonly<Record<Kind, Schema>>

export type ClusterChoice = Output<ReturnType<typeof clusterChoice>>
export type EndpointFields = Output<typeof endpointFields>
export type WatchFields = Output<typeof watchFields>
export type ClusterManifest = Output<typeof manifestSchemas.Cluster>
export type EndpointManifest = Output<typeof manifestSchemas.Endpoint>
export type WatchManifest = Output<typeof manifestSchemas.Watch>
export type SettingsManifest = Output<typeof manifestSchemas.Settings>

export type JsonSchema = Readonly<Record<string, unknown>>

const idOf = (name: string) => `https://watch-hub.dev/schema/v1alpha1/${name}.json`

/** JSON Schema of one kind as it is written. */
export const kindJsonSchema = (kind: Kind): JsonSchema => ({
  $id: idOf(kind.toLowerCase()),
  title: kind,
  ...jsonSchemaOf(manifestSchemas[kind]),
})

/** JSON Schema of any manifest. */
export const manifestJsonSchema = (): JsonSchema => ({
  $id: idOf('manifest'),
  title: 'Watch Hub manifest',
  ...jsonSchemaOf(
    anyOf('kind', [manifestSchemas.Cluster, manifestSchemas.Endpoint, manifestSchemas.Watch, manifestSchemas.Settings], {
      description: 'A Cluster, Endpoint, Watch or Settings.',
    }),
  ),
})
