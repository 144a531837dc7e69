/** States of clusters as the hub sees them. Of one whose agent is away, what the agent would have to say has no series. */
import type { StreamState } from '@watch-hub/shared/protocol/stream-state'
import type { ComparisonFigures } from '../../../store/store.ts'
import type { Figures, Labels, Point, State } from '../figures.ts'

type Cluster = Figures['clusters'][number]

const labels = ['cluster'] as const
const ofKind = ['cluster', 'resource'] as const
const streamStates = ['starting', 'syncing', 'live', 'failed', 'paused'] as const satisfies readonly StreamState['state'][]

const ofConnected =
  (points: (cluster: Cluster, figures: Figures) => readonly Point[]) =>
  (figures: Figures): readonly Point[] =>
    figures.clusters.filter(({ connected }) => connected).flatMap((cluster) => points(cluster, figures))

export const clusterStates: readonly State[] = [
  {
    ...{ name: 'watch_hub_connected_agents', kind: 'gauge', unit: '{agent}', labels: [] },
    says: 'Agents that are connected',
    points: ({ clusters }) => [[clusters.filter(({ connected }) => connected).length]],
  },
  {
    ...{ name: 'watch_hub_cluster_connected', kind: 'gauge', unit: '{agent}', labels },
    says: '1 when the agent of the cluster is connected, else 0; of declared clusters',
    alert: 'watch_hub_cluster_connected == 0',
    points: ({ clusters }) =>
      clusters.filter(({ declared }) => declared).map(({ name, connected }) => [connected ? 1 : 0, { cluster: name }]),
  },
  {
    ...{ name: 'watch_hub_plan_applied', kind: 'gauge', unit: '{plan}', labels },
    says: '1 when the plan that the agent runs is the one that the config wants, else 0; absent while it is away',
    alert: 'watch_hub_plan_applied == 0',
    points: ofConnected(({ name, desiredHash, activeHash }) =>
      desiredHash === undefined ? [] : [[desiredHash === activeHash ? 1 : 0, { cluster: name }]],
    ),
  },
  {
    ...{ name: 'watch_hub_streams', kind: 'gauge', unit: '{stream}', labels: ['cluster', 'state'] },
    says: 'Streams of a cluster by state: `starting`, `syncing`, `live`, `failed`, `paused`; absent while its agent is away',
    alert: 'watch_hub_streams{state="failed"} > 0',
    points: ofConnected(({ name, streams }) =>
      streamStates.map((state) => [streams.filter((each) => each.state.state === state).length, { cluster: name, state }]),
    ),
  },
  {
    ...{ name: 'watch_hub_frames_waiting', kind: 'gauge', unit: '{frame}', labels },
    says: 'Frames of a connected agent that wait for the store; at 8 no further one is read',
    alert: 'min_over_time(watch_hub_frames_waiting[5m]) >= 8',
    points: ofConnected(({ name, framesWaiting }) => [[framesWaiting, { cluster: name }]]),
  },
  {
    ...{ name: 'watch_hub_inventory_objects', kind: 'gauge', unit: '{object}', labels: ofKind },
    says: 'Objects that the hub knows',
    points: ({ store }) => store.inventory.map(({ cluster, resource, objects }) => [objects, { cluster, resource }]),
  },
  {
    ...{ name: 'watch_hub_corrections', kind: 'gauge', unit: '{change}', labels: [...ofKind, 'cause'] },
    says: 'Changes that a comparison found and no watch had told, told as `recovered`: of a `list` that had to be, of an `audit` in time; rises, over restarts too',
    alert: 'delta(watch_hub_corrections{cause="audit"}[1h]) > 0',
    points: ({ store }) =>
      byKind(store.comparisons).flatMap(([kind, of]): readonly Point[] => [
        [sum(of, ({ corrections, auditCorrections }) => corrections - auditCorrections), { ...kind, cause: 'list' }],
        [sum(of, ({ auditCorrections }) => auditCorrections), { ...kind, cause: 'audit' }],
      ]),
  },
  {
    ...{ name: 'watch_hub_checksum_mismatches', kind: 'gauge', unit: '{mismatch}', labels: ofKind },
    says: 'How often the index of an agent and the inventory were not the same; rises, over restarts too; expected 0',
    alert: 'delta(watch_hub_checksum_mismatches[1h]) > 0',
    points: ({ store }) => byKind(store.comparisons).map(([kind, of]) => [sum(of, ({ mismatches }) => mismatches), kind]),
  },
]

/** Streams of one kind of one cluster are one series. */
const byKind = (comparisons: readonly ComparisonFigures[]): readonly (readonly [Labels, readonly ComparisonFigures[]])[] =>
  [...Map.groupBy(comparisons, ({ cluster, resource }) => JSON.stringify([cluster, resource])).values()].flatMap((of) =>
    of.slice(0, 1).map(({ cluster, resource }) => [{ cluster, resource }, of] as const),
  )

const sum = <T>(of: readonly T[], value: (each: T) => number): number => of.reduce((total, each) => total + value(each), 0)
