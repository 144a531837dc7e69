/**
 * Plans and routes, derived purely from a Snapshot. Everything is sorted, so configs that mean the same to a cluster give it the same plan:
 * endpoints, events, metadata and commits do not enter it. A paused watch is in no plan and has no routes.
 */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import { type Plan, resourceName, type StreamPlan, type WatchPlan } from '@watch-hub/shared/protocol/plan'
import type { Activation, ClusterRoutes, WatchRoute } from '../store/store.ts'
import type { ClusterConfig, Snapshot, WatchConfig } from './model.ts'
import { isClusterScoped, isNamespaceKind } from './resources.ts'
import { type Stream, streamsOf } from './streams.ts'

/** Undefined for a cluster that is not declared. */
export function planFor(snapshot: Snapshot, cluster: string): Plan | undefined {
  const config = snapshot.clusters.get(cluster)
  return config === undefined ? undefined : planOf(config, watchesOf(snapshot, cluster))
}

/** Routes of every declared cluster, paused ones too: what their agents sent before still has to find its way. */
export function activationOf(snapshot: Snapshot): Activation {
  const clusters = [...snapshot.clusters.values()].map((config) => routesOf(config, watchesOf(snapshot, config.name)))
  return { endpoints: [...snapshot.endpoints.keys()].sort(), clusters }
}

/** A watch with what it comes to in every cluster that it is for. */
interface Prepared {
  readonly config: WatchConfig
  readonly plan: WatchPlan
  readonly streams: readonly Stream[]
}

/** Watches of a Snapshot, prepared once however many clusters ask. Snapshots are immutable. */
const preparedOf = new WeakMap<Snapshot, readonly Prepared[]>()

function watchesOf(snapshot: Snapshot, cluster: string): readonly Prepared[] {
  const prepared = preparedOf.get(snapshot) ?? prepare(snapshot)
  preparedOf.set(snapshot, prepared)
  return prepared.filter(({ config }) => config.clusters.includes(cluster))
}

const prepare = ({ watches, settings }: Snapshot): readonly Prepared[] =>
  [...watches.values()]
    .filter(({ paused }) => !paused)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((config) => ({ config, plan: watchPlan(config, settings.ignoreNamespaces), streams: streamsOf(config) }))

function watchPlan(watch: WatchConfig, ignoreNamespaces: readonly string[]): WatchPlan {
  const { include, exclude, selector } = watch.namespaces
  const scoped = watch.resources.every((ref) => isClusterScoped(ref) && !isNamespaceKind(ref))
  const matching = {
    namespaces: {
      include: [...include].sort(),
      exclude: scoped ? [...exclude].sort() : [...new Set([...exclude, ...ignoreNamespaces])].sort(),
      ...(selector === undefined ? {} : { selector }),
    },
    ...(watch.labelSelector === undefined ? {} : { labelSelector: watch.labelSelector }),
    ...(watch.when === undefined ? {} : { when: watch.when }),
  }
  return { name: watch.name, definition: contentHash(matching), ...matching }
}

function planOf({ name, labels, paused }: ClusterConfig, watches: readonly Prepared[]): Plan {
  const content = { cluster: { name, labels }, paused, streams: streamPlans(watches) }
  return { hash: contentHash(content), ...content }
}

/** Sorted by kind and id, their watches by name. */
function streamPlans(watches: readonly Prepared[]): readonly StreamPlan[] {
  const streams = new Map<string, { readonly stream: Stream; readonly watches: WatchPlan[] }>()
  for (const { plan, streams: drawn } of watches)
    for (const stream of drawn) {
      const known = streams.get(stream.id) ?? { stream, watches: [] }
      streams.set(stream.id, known)
      known.watches.push(plan)
    }
  const key = (stream: StreamPlan) => `${resourceName(stream)} ${stream.id}`
  return [...streams.values()]
    .map(({ stream, watches: members }) => ({ ...stream, watches: members }))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function routesOf(cluster: ClusterConfig, watches: readonly Prepared[]): ClusterRoutes {
  const plan = planOf(cluster, watches)
  return {
    cluster: cluster.name,
    plan: plan.hash,
    context: { name: cluster.name, labels: cluster.labels, metadata: cluster.attach },
    streams: plan.streams.map((stream) => ({
      id: stream.id,
      resource: resourceName(stream),
      watches: stream.watches.map(({ name }) => name),
    })),
    watches: Object.fromEntries(watches.map((watch) => [watch.config.name, routeOf(watch)])),
  }
}

const routeOf = ({ config, plan }: Prepared): WatchRoute => ({
  definition: plan.definition,
  endpoints: config.endpoints,
  events: config.events,
  initial: config.initial,
  metadata: config.attach,
})
