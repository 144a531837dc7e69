/** The config of a schedule as a small model: what commits change, and the manifests that it comes to. */
import { manifest } from '../support/manifest.ts'

export const clusterNames = ['a', 'b'] as const
export const endpointNames = ['crm', 'dns', 'archive'] as const
export type ClusterName = (typeof clusterNames)[number]
export type EndpointName = (typeof endpointNames)[number]

interface ClusterModel {
  readonly declared: boolean
  readonly paused: boolean
}

interface EndpointModel {
  readonly present: boolean
  readonly paused: boolean
  readonly history: 'latest' | 'every'
  readonly markers: boolean
  readonly delta: boolean
  readonly concurrency: number
}

export interface WatchModel {
  readonly present: boolean
  readonly paused: boolean
  /** Part of its name: another one is a rename. */
  readonly revision: number
  readonly resource: string
  readonly endpoints: readonly EndpointName[]
  readonly clusters?: readonly ClusterName[]
  readonly labelSelector?: string
  readonly when?: string
  readonly namespaces?: object
  readonly prune?: readonly string[]
  readonly events?: readonly string[]
}

export interface ConfigModel {
  readonly clusters: Readonly<Record<ClusterName, ClusterModel>>
  readonly endpoints: Readonly<Record<EndpointName, EndpointModel>>
  readonly watches: Readonly<Record<WatchId, WatchModel>>
}

/** One commit. What it leaves out stays. */
export interface ConfigChange {
  readonly cluster?: readonly [ClusterName, Partial<ClusterModel>]
  readonly endpoint?: readonly [EndpointName, Partial<EndpointModel>]
  readonly watch?: readonly [WatchId, Partial<WatchModel>]
}

const watch = (resource: string, endpoints: readonly EndpointName[], more: Partial<WatchModel> = {}): WatchModel => ({
  present: true,
  paused: false,
  revision: 0,
  resource,
  endpoints,
  ...more,
})

export const watchIds = ['services', 'front', 'high', 'team', 'widgets'] as const
export type WatchId = (typeof watchIds)[number]

export const widgets = 'widgets.example.com'
export const high = 'object.data.level == "high"'
export const prod = { selector: { matchLabels: { env: 'prod' } } }
export const team = { include: ['team-*'] }

/** Every way to be in scope, alone and for one of two watches of an endpoint. */
export const firstConfig: ConfigModel = {
  clusters: { a: { declared: true, paused: false }, b: { declared: true, paused: false } },
  endpoints: {
    crm: { present: true, paused: false, history: 'latest', markers: false, delta: false, concurrency: 1 },
    dns: { present: true, paused: false, history: 'latest', markers: true, delta: false, concurrency: 4 },
    archive: { present: true, paused: false, history: 'every', markers: false, delta: true, concurrency: 2 },
  },
  watches: {
    services: watch('services', ['crm', 'archive']),
    front: watch('services', ['crm', 'dns'], { labelSelector: 'tier=front' }),
    high: watch('configmaps', ['dns'], { when: high }),
    team: watch('configmaps', ['dns', 'archive'], { namespaces: team }),
    widgets: watch(widgets, ['crm', 'archive'], { namespaces: prod }),
  },
}

export const changed = (config: ConfigModel, change: ConfigChange): ConfigModel => ({
  clusters: patched(config.clusters, change.cluster),
  endpoints: patched(config.endpoints, change.endpoint),
  watches: patched(config.watches, change.watch),
})

const patched = <K extends string, V extends object>(
  all: Readonly<Record<K, V>>,
  change: readonly [K, Partial<V>] | undefined,
): Readonly<Record<K, V>> => (change === undefined ? all : { ...all, [change[0]]: { ...all[change[0]], ...change[1] } })

/** Nothing is held back: what the clusters hold has to arrive. */
export function released({ clusters, endpoints, watches }: ConfigModel): ConfigModel {
  const free = <K extends string, V>(all: Readonly<Record<K, V>>, with_: Partial<V>) => {
    const entries = Object.entries<V>(all).map(([name, each]) => [name, { ...each, ...with_ }])
    return { ...all, ...Object.fromEntries(entries) }
  }
  return { clusters: free(clusters, { declared: true, paused: false }), endpoints: free(endpoints, { paused: false }), watches }
}

/** Batches of all sizes: full ones, ones that wait, single ones. */
const batches: Readonly<Record<EndpointName, object>> = {
  crm: { maxObjects: 3, maxWait: '0s' },
  dns: { maxObjects: 50, maxWait: '1s' },
  archive: { maxObjects: 1, maxWait: '0s' },
}

export function manifestsOf({ clusters, endpoints, watches }: ConfigModel, url: (receiver: string) => string): readonly string[] {
  const declared = clusterNames.filter((name) => clusters[name].declared)
  const present = endpointNames.filter((name) => endpoints[name].present)
  return [
    ...declared.map((name) => manifest('Cluster', name, { paused: clusters[name].paused })),
    ...present.map((name) => {
      const { present: _, ...spec } = endpoints[name]
      return manifest('Endpoint', name, { url: url(name), timeout: '250ms', batch: batches[name], ...spec })
    }),
    ...watchIds.flatMap((id) => {
      const { present: exists, revision, resource, ...spec } = watches[id]
      const told = { endpoints: spec.endpoints.filter((name) => present.includes(name)) }
      return exists ? [manifest('Watch', `${id}-${revision}`, { resources: [resource], ...watchSpec(spec), ...told })] : []
    }),
  ]
}

const watchSpec = ({ clusters, prune, ...spec }: Omit<WatchModel, 'present' | 'revision' | 'resource'>): object => ({
  ...spec,
  ...(clusters === undefined ? {} : { clusters: { names: clusters } }),
  ...(prune === undefined ? {} : { fields: { prune } }),
})
