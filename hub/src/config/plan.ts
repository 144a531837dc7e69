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
  return config === undefined ? undefined : planOf(config, workOf(snapshot, cluster))
}

/** Routes of every declared cluster, paused ones too: what their agents sent before still has to find its way. */
export function activationOf(snapshot: Snapshot): Activation {
  const clusters = [...snapshot.clusters.values()].map((config) => routesOf(config, workOf(snapshot, config.name)))
  const endpoints = [...snapshot.endpoints.values()]
  const named = (wanted: typeof endpoints) => wanted.map(({ name }) => name).sort()
  return {
    endpoints: named(endpoints),
    deltas: named(endpoints.filter(({ delta }) => delta)),
    markers: named(endpoints.filter(({ markers }) => markers)),
    unwatched: named(endpoints.filter(({ unwatched }) => unwatched === 'delete')),
    guards: Object.fromEntries(endpoints.flatMap(({ name, guard }) => (guard === undefined ? [] : [[name, guard.removals]]))),
    resting: [...snapshot.watches.values()]
      .filter(({ paused }) => paused)
      .map(({ name, clusters: names, endpoints: hearing }) => ({ watch: name, clusters: names, endpoints: hearing })),
    commit: snapshot.commit,
    clusters,
  }
}

/** A watch with what it comes to in every cluster that it is for. */
interface Prepared {
  readonly config: WatchConfig
  readonly clusters: ReadonlySet<string>
  readonly plan: WatchPlan
  readonly streams: readonly Stream[]
}

/** What a set of watches comes to, in every cluster that has just these. */
interface Work {
  readonly streams: readonly StreamPlan[]
  /** Of `streams`. */
  readonly hash: string
  readonly routes: Pick<ClusterRoutes, 'streams' | 'watches'>
}

interface Known {
  readonly watches: readonly Prepared[]
  /** By the names of the watches. Fleets are large, and most of their clusters have the same work. */
  readonly work: Map<string, Work>
}

/** Snapshots are immutable, so this is only memory. */
const knownOf = new WeakMap<Snapshot, Known>()

function workOf(snapshot: Snapshot, cluster: string): Work {
  const known = knownOf.get(snapshot) ?? { watches: prepare(snapshot), work: new Map() }
  knownOf.set(snapshot, known)
  const watches = known.watches.filter(({ clusters }) => clusters.has(cluster))
  const names = watches.map(({ config }) => config.name).join(' ')
  const work = known.work.get(names) ?? workOn(watches)
  known.work.set(names, work)
  return work
}

function workOn(watches: readonly Prepared[]): Work {
  const streams = streamPlans(watches)
  const routes = {
    streams: streams.map((stream) => ({
      id: stream.id,
      resource: resourceName(stream),
      watches: stream.watches.map(({ name }) => name),
    })),
    watches: Object.fromEntries(watches.map((watch) => [watch.config.name, routeOf(watch)])),
  }
  return { streams, hash: contentHash(streams), routes }
}

const prepare = ({ watches, settings }: Snapshot): readonly Prepared[] =>
  [...watches.values()]
    .filter(({ paused }) => !paused)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((config) => ({
      config,
      clusters: new Set(config.clusters),
      plan: watchPlan(config, settings.ignoreNamespaces),
      streams: streamsOf(config),
    }))

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

function planOf({ name, labels, paused }: ClusterConfig, { streams, hash }: Work): Plan {
  const cluster = { name, labels }
  return { hash: contentHash([cluster, paused, hash]), cluster, paused, streams }
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

const routesOf = (cluster: ClusterConfig, work: Work): ClusterRoutes => ({
  cluster: cluster.name,
  plan: planOf(cluster, work).hash,
  context: { name: cluster.name, labels: cluster.labels, metadata: cluster.attach },
  ...work.routes,
})

const routeOf = ({ config, plan }: Prepared): WatchRoute => ({
  definition: plan.definition,
  endpoints: config.endpoints,
  events: config.events,
  initial: config.initial,
  metadata: config.attach,
})
