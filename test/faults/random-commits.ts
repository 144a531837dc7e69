/** Commits of every kind, drawn at random. */
import {
  type ClusterName,
  type ConfigChange,
  clusterNames,
  type EndpointName,
  endpointNames,
  high,
  prod,
  team,
  type WatchId,
  type WatchModel,
  watchIds,
} from './config.ts'
import type { Random } from './random.ts'

export function commit(random: Random): ConfigChange {
  return random.weighted<() => ConfigChange>([
    [8, () => ({ watch: watchChange(random, random.pick(watchIds)) })],
    [2, () => ({ endpoint: endpointChange(random) })],
    [1, () => ({ cluster: clusterChange(random) })],
  ])()
}

function watchChange(random: Random, id: WatchId): readonly [WatchId, Partial<WatchModel>] {
  const change = random.weighted<Partial<WatchModel>>([
    [2, { revision: random.below(3) }],
    [3, { prune: random.pick([[], ['data.noise'], ['spec.noise'], ['data.level', 'metadata.labels']]) }],
    [2, { labelSelector: random.pick(['tier!=none', 'tier=front', 'tier in (front,back)', 'tier!=front']) }],
    [2, { when: random.pick([high, 'has(object.metadata.labels)', 'object.metadata.name != "one"']) }],
    [2, { namespaces: random.pick([prod, team, {}, { exclude: ['team-db'] }]) }],
    [2, { endpoints: endpointNames.filter(() => random.chance(0.5)) }],
    [1, { clusters: random.pick<readonly ClusterName[]>([['a'], ['a', 'b'], ['b']]) }],
    [
      1,
      {
        events: random.pick([
          ['created', 'updated', 'deleted'],
          ['created', 'deleted'],
          ['created', 'updated'],
          ['updated', 'deleted'],
        ]),
      },
    ],
    [1, { paused: random.chance(0.5) }],
    [1, { present: random.chance(0.5) }],
  ])
  return [id, change]
}

function endpointChange(random: Random): NonNullable<ConfigChange['endpoint']> {
  const name: EndpointName = random.pick(endpointNames)
  const history = name === 'archive' ? 'every' : random.pick(['latest', 'every'] as const)
  return [
    name,
    random.pick([
      { present: random.chance(0.5) },
      { present: true },
      { paused: random.chance(0.5) },
      { history },
      { markers: random.chance(0.5) },
      { delta: random.chance(0.5) },
      { concurrency: random.pick([1, 2, 4]) },
    ]),
  ]
}

const clusterChange = (random: Random): NonNullable<ConfigChange['cluster']> => [
  random.pick(clusterNames),
  random.pick([{ declared: random.chance(0.4) }, { declared: true }, { paused: random.chance(0.5) }, { paused: false }]),
]
