/** The kill matrix: every moment of hub and agent, for the first times that it comes. A moment without a place here does not compile. */

import type { Moment } from '@watch-hub/shared/runtime/moment'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import type { Deadly } from '../kill-at.ts'
import type { Killer } from './killer.ts'
import type { Random } from './random.ts'
import { firstWishes, type Stage, type Town } from './stage.ts'

interface Place {
  readonly in: 'hub' | 'agent'
  /** At which times that it comes, counted from the start of the process. */
  readonly nths: readonly number[]
}

/** `started-over` follows from lost data, which there is none of here. */
type Deadliest = Exclude<Moment, 'started-over'>

const places: Readonly<Record<Deadliest, Place>> = {
  'frame-received': { in: 'hub', nths: [1, 4] },
  'frame-stored': { in: 'hub', nths: [1, 3] },
  acked: { in: 'hub', nths: [1, 3] },
  'process-opened': { in: 'hub', nths: [1, 2] },
  'index-chunk-sent': { in: 'hub', nths: [1, 2] },
  'snapshot-activated': { in: 'hub', nths: [1] },
  'batch-frozen': { in: 'hub', nths: [1, 4] },
  'batch-answered': { in: 'hub', nths: [1, 5] },
  'batch-settled': { in: 'hub', nths: [1, 3] },
  'batch-halved': { in: 'hub', nths: [1, 2] },
  'object-parked': { in: 'hub', nths: [1, 2] },
  'object-unparked': { in: 'hub', nths: [1, 2] },
  'dead-letter-written': { in: 'hub', nths: [1, 2] },
  'dead-letter-replayed': { in: 'hub', nths: [1] },
  'scan-chunk-read': { in: 'hub', nths: [1, 2] },
  'scan-chunk-frozen': { in: 'hub', nths: [1, 2] },
  'before-commit': { in: 'hub', nths: [1, 5, 8] },
  'after-commit': { in: 'hub', nths: [1, 5, 8] },
  'plan-received': { in: 'agent', nths: [1] },
  'index-loaded': { in: 'agent', nths: [1, 2] },
  'list-part': { in: 'agent', nths: [1, 2, 3, 4] },
  'list-complete': { in: 'agent', nths: [1, 2] },
  'synced-offered': { in: 'agent', nths: [1, 2] },
  'watch-opened': { in: 'agent', nths: [1, 2] },
  'event-taken': { in: 'agent', nths: [1, 2, 5] },
  'frame-sealed': { in: 'agent', nths: [1, 2, 4] },
  'frame-sent': { in: 'agent', nths: [1, 2, 4] },
  'ack-received': { in: 'agent', nths: [1, 3] },
}

const isDeadly = (name: string): name is Deadliest => name in places

export const momentsOf = (side: Place['in']): readonly Deadly[] =>
  Object.entries(places).flatMap(([name, place]) =>
    place.in === side && isDeadly(name) ? place.nths.map((nth) => ({ moment: name, nth })) : [],
  )

/** What is played on, and with what. */
export interface Play {
  readonly stage: Stage
  readonly killer: Killer
}

/**
 * Plays all of it under load, in the order that chance gives. A round begins with everything dead: agents and hub start together, the hub dies at
 * its moment and comes back, agents that survived go on where they were, one of them dies at a moment of its own, and in the midst of their
 * work all are killed. In the end everything runs.
 */
export async function playMatrix({ stage, killer }: Play): Promise<void> {
  const { random, towns, world } = stage
  const ofAgents = shuffled(momentsOf('agent'), random).values()
  for (const { load } of towns) load.goOn()
  await strikeSometime({ stage, killer }, towns)
  for (const deadly of shuffled(momentsOf('hub'), random)) {
    await Promise.all(towns.map((town) => killer.revive(town, { atOnce: true })))
    await hubDiesAt(deadly, { stage, killer })
    await killer.revive('hub')
    await world.status(({ clusters }) => clusters.every(({ connected }) => connected), 'the agents that survived')
    await stage.letters.look()
    const next = ofAgents.next()
    const town = random.pick(towns)
    if (!next.done) await killer.diesAt(town, next.value)
    await strikeSometime({ stage, killer }, random.chance(0.3) ? [] : towns)
  }
  await killer.revive('hub')
  await Promise.all(towns.map((town) => killer.revive(town)))
}

/** The hub in the midst of its work, and agents with it. */
async function strikeSometime({ stage, killer }: Play, agents: readonly Town[]): Promise<void> {
  await sleep(stage.random.whole(300))
  await Promise.all([killer.strike('hub'), ...agents.map((town) => killer.strike(town))])
}

/** Makes the moment come: a scan needs someone who begins to hear of what is there, an index is asked for by agents that begin. */
export async function hubDiesAt(deadly: Deadly, { stage, killer }: Play): Promise<void> {
  if (deadly.moment.startsWith('scan-')) {
    await killer.revive('hub')
    await stage.wish({ ballast: [] })
    await stage.world.api('/config/fetch', 'POST', {})
    await killer.strike('hub')
    await stage.wish({ ballast: firstWishes.ballast })
  }
  if (deadly.moment === 'index-chunk-sent')
    for (const town of stage.towns) {
      await killer.strike(town)
      await killer.revive(town, { atOnce: true })
    }
  if (deadly.moment === 'dead-letter-replayed') return await diesWhileReplaying(deadly, { stage, killer })
  await killer.diesAt('hub', deadly)
}

/** There are always some: one curse stays. */
async function diesWhileReplaying(deadly: Deadly, { stage: { letters }, killer }: Play): Promise<void> {
  await killer.revive('hub')
  while ((await letters.look()).length === 0) await sleep(200)
  const asking = new Task(async (signal) => {
    for (;;) {
      await letters.replay().catch(() => {}) // the hub is not there yet, or not any more
      await sleep(100, signal)
    }
  })
  try {
    await killer.diesAt('hub', deadly)
  } finally {
    await asking[Symbol.asyncDispose]()
  }
}

function shuffled<T>(all: readonly T[], random: Random): readonly T[] {
  return all
    .map((value) => ({ value, rank: random.next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value)
}
