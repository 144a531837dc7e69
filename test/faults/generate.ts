/**
 * A schedule from a seed: changes of objects with breaks between them, in two rounds, each of which ends in quiet and a look of the oracle.
 * Each schedule draws on some kinds of breaks only, so that there are calm ones, in which nothing may be lost on the way, and wild ones.
 */
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
  widgets,
} from './config.ts'
import { type Random, seeded } from './random.ts'
import type { ReceiverMode, Step } from './step.ts'

export interface Schedule {
  readonly seed: number
  readonly steps: readonly Step[]
}

type Make = () => Step
/** Steps that belong together. */
type MakeScene = () => readonly Step[]

export function generate(seed: number): Schedule {
  const random = seeded(seed)
  const makes = families(random)
  const drawn = makes.filter(({ always }) => always || random.chance(0.45))
  const choices = drawn.map(({ weight, make }) => [weight, make] as const)
  const round = () => Array.from({ length: 16 + random.below(16) }, () => random.weighted(choices)()).flat()
  // Half of them break into the first comparison.
  const first: readonly Step[] = random.chance(0.5) ? [{ do: 'check' }] : []
  return { seed, steps: [...first, ...round(), { do: 'check' }, ...round(), { do: 'check' }] }
}

interface Family {
  readonly always?: true
  readonly weight: number
  readonly make: Make | MakeScene
}

function families(random: Random): readonly Family[] {
  const { objectStep, wait } = ordinary(random)
  const { strike, away } = scenes(random, objectStep)
  const server = serverSteps(random)
  const processes = processSteps(random)
  // A hub whose clock was ahead and whose database goes back cannot number rightly: one of the two per schedule.
  const storage = random.chance(0.5)
  return [
    { always: true, weight: 24, make: objectStep },
    { always: true, weight: 8, make: wait },
    { weight: 4, make: strike },
    { weight: 3, make: away },
    { weight: 5, make: server.watchFault },
    { weight: 5, make: server.failure },
    { weight: 4, make: server.access },
    { weight: 3, make: server.compaction },
    { weight: 3, make: server.falsehood },
    { weight: 2, make: server.kind },
    { weight: 4, make: processes.agent },
    { weight: 3, make: processes.link },
    { weight: 4, make: processes.hub },
    storage ? { weight: 3, make: processes.database } : { weight: 2, make: processes.clock },
    { weight: 4, make: () => receiverStep(random) },
    { weight: 2, make: () => resync(random) },
    { weight: 4, make: () => ({ do: 'commit', change: commit(random) }) },
  ]
}

const namespaces = ['team-web', 'team-db', 'ops'] as const
const resources = ['services', 'configmaps', widgets] as const
const names = ['one', 'two', 'three', 'four'] as const

function ordinary(random: Random): { readonly objectStep: Make; readonly wait: Make } {
  let revision = 0
  const shape = () => ({
    tier: random.pick(['front', 'front', 'back', '']),
    level: random.pick(['high', 'high', 'low']),
    noise: random.below(3),
    ...(random.chance(0.8) ? { rev: ++revision } : {}),
  })
  const objectStep: Make = () => {
    const cluster = random.pick(clusterNames)
    if (random.chance(0.08))
      return { do: 'label-namespace', cluster, namespace: random.pick(namespaces), env: random.pick(['prod', 'test']) }
    const object = { cluster, resource: random.pick(resources), namespace: random.pick(namespaces), name: random.pick(names) }
    return random.weighted<Make>([
      [6, () => ({ do: 'put', ...object, shape: shape() })],
      [2, () => ({ do: 'delete', ...object })],
      [2, () => ({ do: 'replace', ...object, shape: shape() })],
    ])()
  }
  const wait: Make = () => ({ do: 'wait', turns: random.below(12), ms: random.chance(0.3) ? random.below(12) : 0 })
  return { objectStep, wait }
}

/** Breaks at the moment at which they hurt: while a change is on its way, and around changes that nobody watches. */
function scenes(random: Random, objectStep: Make): { readonly strike: MakeScene; readonly away: MakeScene } {
  const cluster = () => random.pick(clusterNames)
  const blow: MakeScene = () => {
    const at = cluster()
    return random.pick<readonly Step[]>([
      [
        { do: 'hub', act: 'kill' },
        { do: 'hub', act: 'start' },
      ],
      [
        { do: 'hub', act: 'kill' },
        { do: 'hub', act: 'start' },
      ],
      [
        { do: 'agent', cluster: at, act: 'kill' },
        { do: 'agent', cluster: at, act: 'start' },
      ],
      [{ do: 'link', cluster: at, act: 'cut' }],
      [{ do: 'cut', cluster: at, when: 'now' }],
    ])
  }
  const strike: MakeScene = () => [objectStep(), { do: 'wait', turns: random.below(40), ms: random.below(3) }, ...blow()]
  const away: MakeScene = () => {
    const at = cluster()
    const [leaves, returns] = random.pick<readonly [readonly Step[], Step]>([
      [[{ do: 'agent', cluster: at, act: 'kill' }], { do: 'agent', cluster: at, act: 'start' }],
      [[{ do: 'refuse', cluster: at }], { do: 'restore', cluster: at }],
      [[{ do: 'stall', cluster: at }], { do: 'resume', cluster: at }],
      [[{ do: 'link', cluster: at, act: 'hold' }], { do: 'link', cluster: at, act: 'resume' }],
    ])
    const changes = Array.from({ length: 2 + random.below(4) }, () => here(objectStep(), at))
    const forgets: readonly Step[] = random.chance(0.4)
      ? [{ do: 'compact', cluster: at, as: random.pick(['event', 'status']) }]
      : []
    return [...leaves, ...changes, ...forgets, returns]
  }
  return { strike, away }
}

const here = (step: Step, cluster: ClusterName): Step => ('cluster' in step ? { ...step, cluster } : step)

function serverSteps(random: Random) {
  const cluster = () => random.pick(clusterNames)
  const some = () => (random.chance(0.5) ? { resource: random.pick(resources) } : {})
  const object = () => ({ resource: random.pick(resources), namespace: random.pick(namespaces), name: random.pick(names) })
  const watchFault: Make = () =>
    random.pick<Step>([
      { do: 'cut', cluster: cluster(), when: 'now', ...some() },
      { do: 'cut', cluster: cluster(), when: 'mid-event', ...some() },
      { do: 'cut-inside', cluster: cluster(), text: random.pick(['tier', 'metadata', 'ü', '"rev"']) },
      { do: 'end', cluster: cluster(), ...some() },
      { do: 'stall', cluster: cluster() },
      { do: 'resume', cluster: cluster() },
      { do: 'bookmarks', cluster: cluster() },
      { do: 'split', cluster: cluster(), bytes: random.pick([0, 7, 100]) },
    ])
  const failure: Make = () => {
    const verb = random.pick(['list', 'watch'] as const)
    const ways = [
      { status: 429, retryAfter: 1 },
      { status: 500 },
      { status: 503 },
      { status: 410 },
      { reset: true },
      { empty: true },
    ]
    const ofWatches = [{ errorEvent: 410 }, { errorEvent: 429 }, { errorEvent: 500 }, { errorEvent: 599 }]
    const how = random.pick<Readonly<Record<string, number | boolean | string>>>([
      ...ways,
      ...(verb === 'watch' ? ofWatches : []),
      { silent: random.pick(['before-head', 'after-head']) },
    ])
    return { do: 'fail', cluster: cluster(), verb, how, times: 1 + random.below(4), ...some() }
  }
  const access: Make = () =>
    random.pick<Step>([
      { do: 'refuse', cluster: cluster() },
      { do: 'restore', cluster: cluster() },
      { do: 'forbid', cluster: cluster(), resource: random.pick(resources) },
      { do: 'allow', cluster: cluster(), resource: random.pick(resources) },
    ])
  const compaction: Make = () =>
    random.pick<Step>([
      { do: 'compact', cluster: cluster(), as: random.pick(['event', 'status']) },
      { do: 'expire-page', cluster: cluster() },
      { do: 'audit', cluster: cluster() },
    ])
  const falsehood: Make = () =>
    random.pick<Step>([
      { do: 'backup', cluster: cluster() },
      { do: 'restore-backup', cluster: cluster() },
      { do: 'delete', cluster: cluster(), ...object(), silently: true },
      { do: 'fail', cluster: cluster(), verb: 'list', how: { emptyList: true }, times: 1, ...some() },
    ])
  const kind: Make = () =>
    random.pick<Step>([
      { do: 'remove-kind', cluster: cluster() },
      { do: 'add-kind', cluster: cluster() },
      { do: 'serve-in', cluster: cluster(), versions: [random.pick(['v1', 'v2'])] },
    ])
  return { watchFault, failure, access, compaction, falsehood, kind }
}

const day = 86_400_000

function processSteps(random: Random) {
  const cluster = () => random.pick(clusterNames)
  const agent: Make = () => ({ do: 'agent', cluster: cluster(), act: random.pick(['kill', 'start', 'another']) })
  const link: Make = () => ({ do: 'link', cluster: cluster(), act: random.pick(['cut', 'hold', 'resume']) })
  const hub: Make = () => ({ do: 'hub', act: random.pick(['kill', 'kill', 'stop', 'start', 'start']) })
  const database: Make = () => ({ do: 'hub', act: random.pick(['copy', 'copy', 'restore', 'restore', 'lose']) })
  const clock: Make = () => ({
    do: 'clock',
    of: random.pick(['hub', ...clusterNames] as const),
    wrongMs: random.pick([0, day, -day]),
  })
  return { agent, link, hub, database, clock }
}

function receiverStep(random: Random): Step {
  const modes: readonly ReceiverMode[] = ['500', '429', 'reset', 'hang', 'slow', 'late', 'taken-500', 'taken-reset', 'taken-hang']
  return { do: 'receiver', name: random.pick(endpointNames), mode: random.chance(0.4) ? 'ok' : random.pick(modes) }
}

/** The archive is to get every change, so its backlog stays. */
function resync(random: Random): Step {
  const name = random.pick(endpointNames)
  return { do: 'resync', name, dropBacklog: name !== 'archive' && random.chance(0.3) }
}

function commit(random: Random): ConfigChange {
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
    ]),
  ]
}

const clusterChange = (random: Random): NonNullable<ConfigChange['cluster']> => [
  random.pick(clusterNames),
  random.pick([{ declared: random.chance(0.4) }, { declared: true }, { paused: random.chance(0.5) }, { paused: false }]),
]
