/**
 * A schedule from a seed: changes of objects with breaks between them, in two rounds, each of which ends in quiet and a look of the oracle.
 * Each schedule draws on some kinds of breaks only, so that there are calm ones, in which nothing may be lost on the way, and wild ones.
 */
import { type ClusterName, clusterNames, endpointNames } from './config.ts'
import { type Random, seeded } from './random.ts'
import { type Make, names, namespaces, processSteps, receiverStep, resources, resync, serverSteps } from './random-breaks.ts'
import { commit } from './random-commits.ts'
import type { ReceiverMode, Step } from './step.ts'

export interface Schedule {
  readonly seed: number
  readonly steps: readonly Step[]
}

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
  const { strike, away, refusal } = scenes(random, objectStep)
  const server = serverSteps(random)
  const processes = processSteps(random)
  // A hub whose clock was ahead and whose database goes back cannot number rightly: one of the two per schedule.
  const storage = random.chance(0.5)
  return [
    { always: true, weight: 24, make: objectStep },
    { always: true, weight: 8, make: wait },
    { weight: 4, make: strike },
    { weight: 3, make: away },
    { weight: 4, make: refusal },
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

/**
 * Breaks at the moment at which they hurt: while a change is on its way, around changes that nobody watches, and while an object is refused, is
 * parked or was given up.
 */
function scenes(
  random: Random,
  objectStep: Make,
): { readonly strike: MakeScene; readonly away: MakeScene; readonly refusal: MakeScene } {
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
  const refusal: MakeScene = () => {
    const { receiver, object } = random.pick(refusals)
    const name = random.pick(endpointNames)
    const pause: Make = () => ({ do: 'wait', turns: random.below(30), ms: random.below(25) })
    const change: MakeScene = () => [named(objectStep(), object), ...(random.chance(0.4) ? [objectStep()] : []), pause()]
    const changes = Array.from({ length: 2 + random.below(4) }, change).flat()
    const breaks = random.chance(0.5) ? blow() : []
    const healed: readonly Step[] = random.chance(0.7) ? [{ do: 'receiver', name, mode: 'ok' }, ...change()] : []
    return [{ do: 'receiver', name, mode: receiver }, ...changes, ...breaks, pause(), ...healed]
  }
  return { strike, away, refusal }
}

/** Which object each of these receivers does not take; the last ones take any, alone. */
const refusals: readonly { readonly receiver: ReceiverMode; readonly object: string }[] = [
  { receiver: 'gives-up-one', object: 'one' },
  { receiver: 'refuses-two', object: 'two' },
  { receiver: 'names-three', object: 'three' },
  { receiver: 'breaks-on-four', object: 'four' },
  { receiver: 'one-413', object: 'one' },
  { receiver: 'one-400', object: 'two' },
]

const named = (step: Step, name: string): Step =>
  'name' in step && step.do !== 'receiver' && step.do !== 'resync' ? { ...step, name } : step

const here = (step: Step, cluster: ClusterName): Step => ('cluster' in step ? { ...step, cluster } : step)
