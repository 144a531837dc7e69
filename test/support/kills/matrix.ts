/** The kill matrix: every moment of hub and agent, for the first times that it comes. A moment without a place here does not compile. */

import type { Moment } from '@watch-hub/shared/runtime/moment'
import { sleep } from '@watch-hub/shared/runtime/sleep'
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
  'frame-stored': { in: 'hub', nths: [1, 2, 5] },
  acked: { in: 'hub', nths: [1, 3] },
  'process-opened': { in: 'hub', nths: [1, 2] },
  'index-chunk-sent': { in: 'hub', nths: [1, 2] },
  'snapshot-activated': { in: 'hub', nths: [1] },
  'batch-frozen': { in: 'hub', nths: [1, 2, 5] },
  'batch-answered': { in: 'hub', nths: [1, 2, 6] },
  'batch-settled': { in: 'hub', nths: [1, 3] },
  'scan-chunk-read': { in: 'hub', nths: [1, 2] },
  'scan-chunk-frozen': { in: 'hub', nths: [1, 2] },
  'before-commit': { in: 'hub', nths: [1, 3, 6] },
  'after-commit': { in: 'hub', nths: [1, 3, 6] },
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

export interface Matrix {
  readonly stage: Stage
  readonly killer: Killer
}

/** Plays all of it under load, in the order that chance gives, with random kills in between. In the end everything runs. */
export async function playMatrix({ stage, killer }: Matrix): Promise<void> {
  const { random, towns } = stage
  const ofAgents = shuffled(momentsOf('agent'), random).values()
  for (const { load } of towns) load.goOn()
  await killer.strike('hub')
  for (const deadly of shuffled(momentsOf('hub'), random)) {
    await hubDiesAt(deadly, { stage, killer })
    await killer.revive('hub')
    const next = ofAgents.next()
    const town = random.pick(towns)
    if (!next.done) await killer.diesAt(town, next.value)
    await killer.revive(town, { atOnce: true })
    await strikeSometime({ stage, killer }, random.chance(0.3) ? [...towns] : [])
  }
  await killer.revive('hub')
  await Promise.all(towns.map((town) => killer.revive(town)))
}

/** The hub in the midst of its work, and sometimes the agents with it. */
async function strikeSometime({ stage, killer }: Matrix, others: readonly Town[]): Promise<void> {
  await sleep(stage.random.whole(300))
  await Promise.all(['hub' as const, ...others].map((victim) => killer.strike(victim)))
  for (const town of others) await killer.revive(town, { atOnce: true })
}

/** Makes the moment come: some need more than load. */
export async function hubDiesAt(deadly: Deadly, { stage, killer }: Matrix): Promise<void> {
  const { towns, world } = stage
  if (deadly.moment.startsWith('scan-')) {
    await killer.revive('hub')
    await stage.wish({ ballast: [] })
    await world.api('/config/fetch', 'POST', {})
    await killer.strike('hub')
    await stage.wish({ ballast: firstWishes.ballast })
  }
  await killer.diesAt('hub', deadly, async () => {
    if (deadly.moment === 'index-chunk-sent') await Promise.all(towns.map((town) => restart(killer, town)))
  })
}

async function restart(killer: Killer, town: Town): Promise<void> {
  await killer.strike(town)
  await killer.revive(town, { atOnce: true })
}

function shuffled<T>(all: readonly T[], random: Random): readonly T[] {
  return all
    .map((value) => ({ value, rank: random.next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value)
}
