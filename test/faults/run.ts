/** Runs schedules, some at a time, and makes those that fail small. */
import { generate, type Schedule } from './generate.ts'
import { type Outcome, play } from './play.ts'
import { type Shrunk, shrink } from './shrink.ts'
import { printed } from './step.ts'

export interface RunSettings {
  /** Of the first schedule; the others follow it. */
  readonly seed: number
  readonly schedules: number
  /** Played at once: while one waits, another one works. */
  readonly concurrency: number
  /** For making one failing schedule small. */
  readonly shrinkMs: number
  readonly onPlayed?: (played: { readonly seed: number; readonly outcome: Outcome; readonly ms: number }) => void
}

export interface Failure extends Shrunk, Pick<Schedule, 'seed'> {}

/** Failing schedules that are made small, at most; the others are told as they are. */
const shrunkAtMost = 3

export async function run({ seed: first, schedules, concurrency, shrinkMs, onPlayed }: RunSettings): Promise<readonly Failure[]> {
  const failures: Failure[] = []
  let next = first
  const work = async () => {
    for (let seed = next++; seed < first + schedules; seed = next++) {
      const { steps } = generate(seed)
      const began = performance.now()
      const outcome = await play(steps)
      onPlayed?.({ seed, outcome, ms: performance.now() - began })
      if (outcome.kind === 'failed') failures.push({ seed, steps: steps.slice(0, outcome.step + 1), problems: outcome.problems })
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  const small: Failure[] = []
  for (const { seed, ...failure } of failures.slice(0, shrunkAtMost)) {
    small.push({ seed, ...(await shrink(failure, { play, until: performance.now() + shrinkMs, tries: 3 })) })
  }
  return [...small, ...failures.slice(shrunkAtMost)]
}

export const report = ({ seed, steps, problems }: Failure): string =>
  [
    `seed ${seed} failed:`,
    ...problems.map((problem) => `  ${problem}`),
    `with ${steps.length} steps:`,
    ...steps.map((step) => `  ${printed(step)}`),
    `run it again: npm run faults -- --seed ${seed}`,
  ].join('\n')
