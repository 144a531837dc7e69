/** Breaks of every kind, drawn at random. */
import { clusterNames, endpointNames, widgets } from './config.ts'
import type { Random } from './random.ts'
import type { ReceiverMode, Step } from './step.ts'

export type Make = () => Step

export const namespaces = ['team-web', 'team-db', 'ops'] as const
export const resources = ['services', 'configmaps', widgets] as const
export const names = ['one', 'two', 'three', 'four'] as const

export function serverSteps(random: Random) {
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

export function processSteps(random: Random) {
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

export function receiverStep(random: Random): Step {
  const down: readonly ReceiverMode[] = ['500', '429', 'reset', 'hang', 'slow', 'late', 'taken-500', 'taken-reset', 'taken-hang']
  const choosy: readonly ReceiverMode[] = ['refuses-two', 'breaks-on-four', 'names-three', 'gives-up-one', 'one-413', 'one-400']
  const modes = random.chance(0.5) ? down : choosy
  return { do: 'receiver', name: random.pick(endpointNames), mode: random.chance(0.4) ? 'ok' : random.pick(modes) }
}

/** The archive is to get every change, so its backlog stays. */
export function resync(random: Random): Step {
  const name = random.pick(endpointNames)
  return { do: 'resync', name, dropBacklog: name !== 'archive' && random.chance(0.3) }
}
