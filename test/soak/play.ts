/**
 * A soak: under load, chance decides again and again what is killed, committed, or put back to an earlier copy. Every so often all comes to rest
 * and is looked at.
 */
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { hubDiesAt, momentsOf, type Play } from '../support/kills/matrix.ts'
import type { Random } from '../support/kills/random.ts'
import { firstWishes, type Stage, type Wishes } from '../support/kills/stage.ts'
import { judge, type Verdict } from '../support/kills/verdict.ts'

export interface SoakSettings {
  readonly ms: number
  readonly onCheck: (verdict: Verdict) => void
  readonly onStep: (what: string) => void
}

interface Soak extends Play {
  readonly onCheck: SoakSettings['onCheck']
  /** A copy of the hub's database. */
  copy: string | undefined
}

/** One thing that happens; it may leave processes dead. */
interface Step {
  readonly weight: number
  readonly play: (soak: Soak) => Promise<void>
}

const checkEveryMs = 45_000
const restMs = 1_500

const steps: Readonly<Record<string, Step>> = {
  'the hub dies at a moment': {
    weight: 5,
    play: async (soak) => {
      await reviveAll(soak)
      await hubDiesAt(soak.stage.random.pick(momentsOf('hub')), soak)
    },
  },
  'an agent dies at a moment': {
    weight: 5,
    play: async ({ stage: { random, towns }, killer }) => {
      await killer.revive('hub')
      await killer.diesAt(random.pick(towns), random.pick(momentsOf('agent')))
    },
  },
  'the hub is killed': { weight: 3, play: ({ killer }) => killer.strike('hub') },
  'an agent is killed': { weight: 3, play: ({ killer, stage: { random, towns } }) => killer.strike(random.pick(towns)) },
  'all are killed': {
    weight: 2,
    play: async ({ killer, stage: { towns } }) => {
      await Promise.all(['hub' as const, ...towns].map((victim) => killer.strike(victim)))
    },
  },
  'a commit': { weight: 3, play: ({ stage }) => stage.wish(otherWish(stage)) },
  'a copy is made': {
    weight: 1,
    play: async (soak) => {
      await soak.killer.revive('hub')
      await soak.killer.stop('hub')
      soak.copy = await soak.stage.copyDatabase()
    },
  },
  'the copy is put back': { weight: 1, play: putBack },
}

/** Plays for about so long. In the end everything runs and the last check is made. Resolves to how often the database was put back. */
export async function playSoak(play: Play, { ms, onCheck, onStep }: SoakSettings): Promise<number> {
  const { towns, random } = play.stage
  const soak: Soak = { ...play, onCheck, copy: undefined }
  const until = performance.now() + ms
  let checked = performance.now()
  let backs = 0
  while (performance.now() < until) {
    for (const { load } of towns) load.goOn()
    const [what, step] = chosen(random)
    if (what === 'the copy is put back' && soak.copy === undefined) continue
    if (what === 'the copy is put back') backs++
    onStep(what)
    await step.play(soak)
    await reviveAll(soak)
    await sleep(random.whole(restMs))
    if (performance.now() - checked < checkEveryMs) continue
    onCheck(await judge(soak.stage))
    checked = performance.now()
  }
  onCheck(await judge(soak.stage))
  return backs
}

async function reviveAll({ stage, killer }: Play): Promise<void> {
  await killer.revive('hub')
  await Promise.all(stage.towns.map((town) => killer.revive(town, { atOnce: true })))
}

/**
 * The hub loses what it learned since the copy. What was deleted meanwhile and is not in the copy, it can never know of: the stated limit of
 * DESIGN §4, law 2. So everything has been told before, and nothing is deleted until the agents have compared.
 */
async function putBack(soak: Soak): Promise<void> {
  const { stage, killer, copy } = soak
  const { towns, outlets, letters } = stage
  if (copy === undefined) return
  await reviveAll(soak)
  soak.onCheck(await judge(stage))
  await killer.stop('hub')
  for (const { load } of towns) {
    load.keepAll(true)
    load.burst(20)
  }
  await stage.replaceDatabase(copy)
  for (const { witness } of outlets) witness.putBack()
  letters.forget()
  await killer.revive('hub')
  soak.onCheck(await judge(stage))
  for (const { load } of towns) load.keepAll(false)
}

function otherWish({ random, wishes }: Stage): Partial<Wishes> {
  const { renamed, pruned } = wishes
  return random.pick<Partial<Wishes>>([
    { ballast: random.pick([[], ['latest'], ['every'], firstWishes.ballast]) },
    { renamed: !renamed },
    { pruned: !pruned },
    { maxObjects: random.pick([5, 10, 50]) },
  ])
}

function chosen(random: Random): readonly [string, Step] {
  const all = Object.entries(steps)
  let left = random.whole(all.reduce((sum, [, { weight }]) => sum + weight, 0))
  for (const each of all) {
    left -= each[1].weight
    if (left < 0) return each
  }
  return random.pick(all)
}
